"""The result in a terminal: verdict first, then the numbers behind it. Everything is text, never markup.

No table is wider than 80 columns. A number that does not exist is a bare dash here; the reasons stand under the table.
"""

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from job.evaluation.reasons import reason_words
from job.records import IntervalRecord, MeasureRecord, SummaryRecord
from job.report.headline import headline_lines, verdict_lines, what_days_can_show
from job.report.metric_words import shown_metric, words_of
from job.report.numbers import DASH, shown_interval
from job.report.tables import (
    OVERFITTING,
    ReportTable,
    chance_of_loss_sentence,
    differences_table,
    drawdowns_table,
    drift_sentence,
    in_order,
    null_worlds_sentence,
    random_signals_sentence,
    stress_table,
)

COLUMNS = ("total_return", "sharpe_ratio", "max_drawdown", "n_trades")
TWO_WORLDS = "If this tool could not tell these two apart, it could not be trusted with your data."
_STYLES = {"no evidence": "bold cyan", "weak": "bold yellow", "evidence": "bold green"}


def print_summary(summary: SummaryRecord, console: Console, *, report: str) -> None:
    """What a finished run found, on one screen.

    Parameters
    ----------
    summary : of the run.
    console : where to print, usually stdout.
    report : path or address of the page.
    """
    _print_models(summary, console)
    console.print()
    console.print(Text(summary.headline))
    _print_verdict(summary, console)
    console.print(Text(f"Report: {report}"), soft_wrap=True)


def print_report(summary: SummaryRecord, console: Console, *, report: str) -> None:
    """All that a finished run found, in the order of its page; parameters as of `print_summary`."""
    _print_verdict(summary, console)
    console.print()
    console.print(_headline(summary))
    console.print()
    _print_models(summary, console)
    console.print()
    _print_rows(console, differences_table(summary), columns=("less", "Sharpe", "log-loss (below 0 is better)"))
    _print_sentences(console, random_signals_sentence(summary))
    console.print()
    console.print(Text(OVERFITTING))
    console.print()
    _print_rows(console, drawdowns_table(summary.monte_carlo))
    _print_sentences(console, chance_of_loss_sentence(summary.monte_carlo))
    console.print()
    _print_rows(console, stress_table(summary))
    console.print()
    _print_sentences(console, null_worlds_sentence(summary), drift_sentence(summary), summary.headline)
    console.print(Text(f"Report: {report}"), soft_wrap=True)


def print_two_worlds(edge_summary: SummaryRecord, noise_summary: SummaryRecord, console: Console) -> None:
    """The verdicts on the world with an edge and on the one without, side by side."""
    table = _table(Text("The same procedure on two synthetic worlds"))
    table.add_column("")
    table.add_column("a planted edge", overflow="fold")
    table.add_column("noise", overflow="fold")
    worlds = (edge_summary, noise_summary)
    table.add_row("verdict", *(Text(world.verdict, style=_STYLES[world.verdict]) for world in worlds))
    for lines in zip(*(headline_lines(world) for world in worlds), strict=True):
        table.add_row(lines[0].label, *(Text(line.value) for line in lines))
    intervals = [shown_interval(world.models[world.traded_model].sharpe_interval) for world in worlds]
    table.add_row("95 % interval of Sharpe", *map(Text, intervals))
    table.add_row("forecast", *(Text(world.forecast) for world in worlds))
    table.add_row("model", *(Text(world.model) for world in worlds))
    table.add_row("because", *(Text(world.verdict_reason) for world in worlds))
    console.print(table)
    console.print()
    console.print(Text(TWO_WORLDS, style="bold"))


def _print_verdict(summary: SummaryRecord, console: Console) -> None:
    console.print(
        Text.assemble("Verdict: ", (summary.verdict, _STYLES[summary.verdict]), f". {summary.verdict_reason}")
    )
    for about, said in verdict_lines(summary):
        console.print(Text(f"{about}: {said}"))
    console.print(Text(what_days_can_show(summary), style="dim"))
    _print_sentences(console, *(f"Note: {warning}" for warning in summary.warnings))


def _print_sentences(console: Console, *sentences: str) -> None:
    for sentence in sentences:
        console.print(Text(sentence))


def _headline(summary: SummaryRecord) -> Table:
    table = _table(Text(f"{summary.symbol} {summary.interval}, {summary.traded_model}, out of sample, after costs"))
    table.add_column("", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    table.show_header = False
    for line in headline_lines(summary):
        table.add_row(*map(Text, (line.label, line.value, line.note)))
    return table


def _print_models(summary: SummaryRecord, console: Console) -> None:
    title = Text(f"{summary.symbol} {summary.interval}, {summary.num_days} out-of-sample days after costs")
    table = _table(title)
    table.add_column("", no_wrap=True)
    for label in (words_of(name).label for name in COLUMNS):
        table.add_column(label, justify="right")
    table.add_column("95 % of Sharpe", justify="right", no_wrap=True)
    missing: list[MeasureRecord | IntervalRecord] = []
    for name in in_order(summary.models, traded=summary.traded_model):
        model = summary.models[name]
        measures = [model.measures.get(metric) for metric in COLUMNS]
        cells = [shown_metric(metric, model.measures) for metric in COLUMNS] + [shown_interval(model.sharpe_interval)]
        is_known = [m is not None and m.value is not None for m in measures] + [model.sharpe_interval.low is not None]
        missing += [m for m in measures if m is not None and m.value is None]
        missing += [model.sharpe_interval] * (model.sharpe_interval.low is None)
        shown = [cell if known else DASH for cell, known in zip(cells, is_known, strict=True)]
        table.add_row(*map(Text, (name, *shown)), style="bold" if name == summary.traded_model else "")
    console.print(table)
    if missing:
        console.print(Text(why_missing(missing), style="dim"))


def why_missing(missing: Iterable[MeasureRecord | IntervalRecord]) -> str:
    """One line for all the dashes of a table."""
    reasons = dict.fromkeys(reason_words(each.reason) for each in missing)
    return f"{DASH}: there is no such number ({', '.join(reasons)})."


def _print_rows(console: Console, rows: ReportTable, *, columns: tuple[str, ...] | None = None) -> None:
    """A table of the report, or some of its columns; nothing where it is empty."""
    if not rows.rows:
        return
    kept = [rows.head.index(name) for name in columns or rows.head]
    table = _table()
    for place, column in enumerate(kept):
        table.add_column(rows.head[column], justify="right" if place else "left", overflow="fold")
    for row in rows.rows:
        table.add_row(*(Text(row[column]) for column in kept))
    console.print(Text(rows.caption, style="italic"))
    console.print(table)


def _table(title: Text | None = None) -> Table:
    """A table narrow enough for 80 columns."""
    return Table(
        box=box.SIMPLE_HEAD,
        title=title,
        title_justify="left",
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
