"""What the terminal says of a run, and of the two worlds."""

import io

from rich.console import Console

from job.report.metric_words import shown_metric
from job.report.summary import summary_record
from job.report.terminal import TWO_WORLDS, print_report, print_summary, print_two_worlds
from tests.support.runs import TRADED, ExampleRun, example_run, flat_run


def _console(width: int = 80) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=False)


def _printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _flowing(console: Console) -> str:
    return " ".join(_printed(console).split())


def _summary(run: ExampleRun, headline: str = "all windows"):
    return summary_record(run.plan, run.evaluation, headline, {}, "ledger")


def test_print_summary_says_all_that_matters() -> None:
    """Every model and rule with its return, the verdict, its reason, the next command, and the place of the report."""
    summary = _summary(example_run(21))
    console = _console()
    place = "s3://bucket/" + "prefix/" * 20 + "report.html"
    print_summary(summary, console, report=place)
    text = _flowing(console)
    for name, model in summary.models.items():
        assert name in text
        assert shown_metric("total_return", model.measures) in text
    assert f"Verdict: {summary.verdict}. {summary.verdict_reason}" in text
    assert f"What would settle it: {summary.next}" in text
    assert f"Report: {place}\n" in _printed(console)
    assert max(len(line) for line in _printed(console).splitlines()[:-1]) <= 80


def test_print_report_says_everything_within_80_columns() -> None:
    """Verdict first, then its lines, the numbers, the others, luck and drift; no line is wider than a terminal."""
    summary = _summary(example_run(21))
    console = _console()
    print_report(summary, console, report="report.html")
    text, start = _flowing(console), 0
    for words in (
        f"Verdict: {summary.verdict}. {summary.verdict_reason}",
        f"Forecast: {summary.forecast}. {summary.forecast_reason}",
        f"Model: {summary.model}. {summary.model_reason}",
        "What would settle it:",
        "147 days can show at all",
        "PSR(0)",
        "trials, N",
        "DSR",
        "PBO",
        "SPA p",
        "break-even cost",
        "always-long",
        "paired day by day",
        "at random times",
        "Only three things here speak to that",
        "in 1 of 20",
        "Over as many days: ",
        "fees × 2",
        "Null worlds were not run",
        "Drift was not measured.",
        "Report: report.html",
    ):
        start = text.index(words, start)
    assert max(map(len, _printed(console).splitlines())) <= 80


def test_numbers_that_do_not_exist_keep_their_row_on_one_line() -> None:
    """Without trades a cell is a dash, and the reasons stand once below the table."""
    run = flat_run()
    console = _console()
    print_summary(_summary(run), console, report="report.html")
    rows = [line.split() for line in _printed(console).splitlines()]
    assert ["always-flat", "0.0%", "–", "0.0%", "0", "–"] in rows
    assert "–: there is no such number (never varies" in _printed(console)


def test_print_summary_repeats_the_warnings() -> None:
    """What the reader must know of the run stands under its verdict."""
    console = _console()
    summary = _summary(example_run(1)).model_copy(update={"warnings": ("The stored history is short.",)})
    print_summary(summary, console, report="report.html")
    assert "Note: The stored history is short." in _flowing(console)


def test_print_summary_takes_no_markup() -> None:
    """Square brackets of a message are printed, not obeyed."""
    console = _console()
    print_summary(_summary(example_run(1), "1 failed: [bold]no[/bold] [/nothing]"), console, report="[red]x")
    assert "1 failed: [bold]no[/bold] [/nothing]" in _printed(console)
    assert "Report: [red]x" in _printed(console)


def test_print_two_worlds_sets_the_verdicts_side_by_side() -> None:
    """Both verdicts stand in one row, and the sentence that the demo promises ends it."""
    console = _console(120)
    edge, noise = _summary(example_run(21)), _summary(example_run(1, world="noise"))
    print_two_worlds(edge, noise, console)
    row = next(line for line in _printed(console).splitlines() if line.startswith("verdict"))
    assert row.split(maxsplit=1)[1].split("  ")[0] == edge.verdict
    assert row.rstrip().endswith(noise.verdict)
    assert edge.models[TRADED].measures["total_return"].value != noise.models[TRADED].measures["total_return"].value
    assert _flowing(console).endswith(TWO_WORLDS)
    assert TWO_WORLDS.lower() == (
        "if this tool could not tell these two apart, it could not be trusted with your data."
    )
