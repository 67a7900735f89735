"""The parts of the page between verdict and windows: the others, what luck could have made of it, and drift."""

from job.records import SummaryRecord
from job.report.markup import Markup, element, table
from job.report.page_tables import models_table
from job.report.tables import (
    OVERFITTING,
    ReportTable,
    chance_of_loss_sentence,
    differences_table,
    drawdowns_table,
    drift_sentence,
    drift_table,
    null_worlds_sentence,
    random_signals_sentence,
    stress_table,
)

AFTER_THE_FACT = (
    "The AUC of the test days is known only after the test. It describes what happened, and nothing was chosen by it."
)


def models_part(summary: SummaryRecord) -> list[Markup]:
    """Everything that was run on the same windows, what the traded model is ahead by, and trades at random."""
    return [
        models_table(summary),
        _table(differences_table(summary)),
        element("p", random_signals_sentence(summary)),
    ]


def luck_part(summary: SummaryRecord) -> list[Markup]:
    """Other orders, other circumstances and empty worlds, and which of them can speak to overfitting."""
    return [
        element("p", OVERFITTING),
        element("p", chance_of_loss_sentence(summary.monte_carlo)),
        _table(drawdowns_table(summary.monte_carlo)),
        _table(stress_table(summary)),
        element("h3", "Null worlds"),
        element("p", null_worlds_sentence(summary)),
    ]


def drift_part(summary: SummaryRecord) -> list[Markup]:
    """Each window's drift."""
    rows = drift_table(summary)
    if rows is None:
        return [element("p", drift_sentence(summary))]
    return [_table(rows), element("p", AFTER_THE_FACT)]


def _table(rows: ReportTable) -> Markup:
    if not rows.rows:
        return Markup()
    return table(rows.head, rows.rows, caption=rows.caption)
