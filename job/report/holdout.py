"""What the days that were locked away have said, and what that is worth: for the page and the terminal. Pure."""

from job.intervals import format_utc
from job.records import HoldoutRecord, PlanRecord
from job.report.markup import Markup, element, table
from job.report.metric_words import shown_metric, words_of
from job.report.numbers import count, shown_interval
from job.report.tables import ReportTable
from job.run.cuts import holdout_span

SHOWN = ("total_return", "sharpe_ratio", "max_drawdown", "n_trades", "win_rate", "log_loss", "auc")


def holdout_table(record: HoldoutRecord) -> ReportTable:
    """The numbers of the final model on these days."""
    span = f"{format_utc(record.start_ms)} to {format_utc(record.end_ms)} UTC"
    rows = [(words_of(metric).label, shown_metric(metric, record.measures)) for metric in SHOWN]
    return ReportTable(
        caption=f"Days locked away, {span}, after costs",
        head=("", "final model"),
        rows=[*rows, ("95 % interval of Sharpe", shown_interval(record.sharpe_interval))],
    )


def holdout_sentence(record: HoldoutRecord) -> str:
    """Whether anybody could have chosen for these days, and how often they had been opened, in a few sentences."""
    if record.is_spent:
        return (
            f"Spent: {record.spent_reason} These numbers confirm nothing, since what was tried after that may have "
            f"been chosen for them. This was opening {count(record.opening)}."
        )
    return (
        "Untouched: nothing has read these days before. This was opening 1; from now on they are spent, and whatever "
        "is tried on them after it confirms nothing."
    )


def holdout_part(plan: PlanRecord, record: HoldoutRecord | None) -> list[Markup]:
    """The section of the page."""
    if record is not None:
        rows = holdout_table(record)
        return [element("p", holdout_sentence(record)), table(rows.head, rows.rows, caption=rows.caption)]
    span = holdout_span(plan)
    if span is None:
        return [element("p", "None were locked away: --holdout-days 30 does that, for a run that begins with it.")]
    return [
        element(
            "p",
            f"{span} UTC: this run has not opened them. `lorentzian finalize --open-holdout` does, and the first "
            "opening counts.",
        )
    ]
