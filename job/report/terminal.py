"""The result in a terminal: the table, the verdict, and where the report lies. Everything is text, never markup."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from job.records import SummaryRecord
from job.report.headline import headline_lines, what_days_can_show
from job.report.metric_words import shown_metric, words_of
from job.report.numbers import shown_interval

COLUMNS = ("total_return", "sharpe_ratio", "max_drawdown", "n_trades")
TWO_WORLDS = "If this tool could not tell these two apart, it could not be trusted with your data."
_STYLES = {"no evidence": "bold cyan", "weak": "bold yellow", "evidence": "bold green"}


def print_summary(summary: SummaryRecord, console: Console, *, report: str) -> None:
    """What a finished run found.

    Parameters
    ----------
    summary : of the run.
    console : where to print, usually stdout.
    report : path or address of the page.
    """
    console.print(_models(summary))
    console.print()
    console.print(Text(summary.headline))
    console.print(
        Text.assemble("Verdict: ", (summary.verdict, _STYLES[summary.verdict]), f". {summary.verdict_reason}")
    )
    console.print(Text(what_days_can_show(summary), style="dim"))
    console.print(Text(f"What would settle it: {summary.next}"))
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
    table.add_row("because", *(Text(world.verdict_reason) for world in worlds))
    console.print(table)
    console.print()
    console.print(Text(TWO_WORLDS, style="bold"))


def _models(summary: SummaryRecord) -> Table:
    title = Text(f"{summary.symbol} {summary.interval}, {summary.num_days} out-of-sample days after costs")
    table = _table(title)
    table.add_column("", no_wrap=True)
    for label in (words_of(name).label for name in COLUMNS):
        table.add_column(label, justify="right")
    table.add_column("95 % of Sharpe", justify="right", no_wrap=True)
    for name, model in summary.models.items():
        is_traded = name == summary.traded_model
        cells = [shown_metric(metric, model.measures) for metric in COLUMNS] + [shown_interval(model.sharpe_interval)]
        table.add_row(*map(Text, (name, *cells)), style="bold" if is_traded else "")
    return table


def _table(title: Text) -> Table:
    """A table narrow enough for 80 columns."""
    return Table(
        box=box.SIMPLE_HEAD,
        title=title,
        title_justify="left",
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
