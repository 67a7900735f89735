"""The page: whole in itself, well formed, honest about what failed, and the same for the same results."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from job.intervals import DAY_MS
from job.records import POOLED, SCRATCH, HoldoutRecord, IntervalRecord, MeasureRecord, SummaryRecord
from job.report.figures import run_figures, training_figures
from job.report.headline import headline_lines, what_days_can_show
from job.report.metric_words import shown_metric
from job.report.numbers import DASH, bps, percent, probability, ratio
from job.report.page import report_page
from job.report.render import png_bytes
from job.report.summary import summary_record
from job.settings.procedure import MarketSettings
from tests.support.html_pages import read_page
from tests.support.procedures import with_changes
from tests.support.runs import (
    TRADED,
    ExampleRun,
    blended_run,
    example_run,
    flat_run,
    transferred_run,
    undefined_run,
)

LARGE = 21  # windows, the guide's number
MAX_BYTES = 600_000
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>$\\frac{$'


def _summary(run: ExampleRun, *, failed: dict[str, str] | None = None) -> SummaryRecord:
    headline = f"{len(run.windows)} of {len(run.plan.windows)} windows"
    if failed:
        headline += f", {len(failed)} failed: {', '.join(failed)}"
    return summary_record(run.plan, run.evaluation, f"{headline}.", failed or {}, "models/trained/ledger")


PRINT_DIGESTS = """
import hashlib
from job.report.figures import training_figures
from job.report.render import png_bytes
from tests.job.report.test_page import TRADED, _page_of, example_run
(picture,) = training_figures(example_run(1).trained[TRADED].curves)
for data in (_page_of(1), png_bytes(picture.figure)):
    print(hashlib.sha256(data).hexdigest())
"""


@cache
def _page_of(num_windows: int) -> bytes:
    return _page(example_run(num_windows))


def _page(run: ExampleRun) -> bytes:
    summary = _summary(run)
    return report_page(run.plan, summary, run.evaluation, run_figures(run.plan, summary, run.evaluation))


def _text_without_pictures(run: ExampleRun, *, failed: dict[str, str] | None = None) -> str:
    return read_page(report_page(run.plan, _summary(run, failed=failed), run.evaluation, ())).text


@pytest.mark.parametrize(
    "page_of",
    [lambda: _page_of(LARGE), lambda: _page_of(1), lambda: _page(undefined_run())],
    ids=["21", "1", "undefined"],
)
def test_report_page_is_whole_in_itself(page_of: Callable[[], bytes]) -> None:
    """Balanced tags, unique ids, landmarks, a language, no script, and no reference that leaves the page."""
    data = page_of()
    page = read_page(data)
    assert b"http" not in data
    assert all(reference.startswith("#") for reference in page.references)
    assert {reference[1:] for reference in page.references} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert "script" not in page.tags
    assert page.tags.count("h1") == 1
    assert {"header", "main", "footer", "title"} <= set(page.tags)
    assert page.tags.count("svg") == 7
    assert data.startswith(b'<!doctype html>\n<html lang="en">')


def _opened(*, opening: int, spent_reason: str | None) -> HoldoutRecord:
    """What a final model may have made of the thirty days after the example's."""
    run = example_run(3)
    return HoldoutRecord(
        start_ms=run.plan.end_ms,
        end_ms=run.plan.end_ms + 30 * DAY_MS,
        model_hash="00",
        opening=opening,
        is_spent=spent_reason is not None,
        spent_reason=spent_reason,
        num_days=30,
        num_bars=30 * 96,
        measures={"total_return": MeasureRecord(value=0.123), "sharpe_ratio": MeasureRecord(value=1.5)},
        sharpe_interval=IntervalRecord(low=None, high=None, reason="too_short"),
    )


def test_report_page_shows_the_days_locked_away() -> None:
    """Never there, not yet opened, opened untouched, and opened when they were spent: each is said, with numbers."""
    run = example_run(3)
    locked = replace(run, plan=run.plan.model_copy(update={"holdout_start_ms": run.plan.end_ms}))

    def text(which: ExampleRun, holdout: HoldoutRecord | None) -> str:
        return read_page(report_page(which.plan, _summary(run), run.evaluation, (), holdout)).text

    assert "None were locked away" in text(run, None)
    assert "this run has not opened them" in text(locked, None)
    untouched = text(locked, _opened(opening=1, spent_reason=None))
    assert "Untouched" in untouched and "This was opening 1" in untouched
    assert "net return +12.3%" in untouched and "too few days" in untouched
    spent = text(locked, _opened(opening=3, spent_reason="Run a <b> opened these days first, at noon."))
    assert "Spent: Run a <b> opened these days first" in spent
    assert "confirm nothing" in spent and "This was opening 3" in spent


def test_report_page_headline_equals_the_summary() -> None:
    """Every number of the headline is the summary's, in its form, and is on the page."""
    summary = _summary(example_run(LARGE))
    text = read_page(_page_of(LARGE)).text
    values = {line.label: line.value for line in headline_lines(summary)}
    traded = summary.models[TRADED].measures
    assert traded["total_return"].value is not None
    assert traded["sharpe_ratio"].value is not None
    assert traded["n_trades"].value is not None
    for measure in (summary.psr, summary.dsr, summary.spa_p, summary.worst_window, summary.break_even_bps):
        assert measure.value is not None
    assert values == {
        "out-of-sample days": str(summary.num_days),
        "trades": f"{traded['n_trades'].value:.0f}",
        "net return": percent(traded["total_return"].value),
        "Sharpe ratio": ratio(traded["sharpe_ratio"].value),
        "win to loss": ratio(traded["risk_reward_ratio"].value or 0),
        "PSR(0)": probability(summary.psr.value or 0),
        "trials, N": "1",
        "DSR": probability(summary.dsr.value or 0),
        "PBO": f"{DASH} (too few trials)",
        "SPA p": probability(summary.spa_p.value or 0),
        "windows above 0": f"{summary.windows_above_zero.value:.0%}",
        "worst window": percent(summary.worst_window.value or 0),
        "break-even cost": bps(summary.break_even_bps.value or 0),
        "funding paid": percent(0.0),
    }
    for line in headline_lines(summary):
        assert f"{line.label} {line.value} {line.note}" in text
    assert summary.verdict_reason in text
    assert "models/trained/ledger; runs kept elsewhere are not seen" in text


def test_report_page_orders_verdict_first() -> None:
    """The verdict and its lines, what so few days can show, the numbers, and then everything else, in this order."""
    text = read_page(_page_of(1)).text
    order = [
        "Verdict",
        "Forecast:",
        "Model:",
        "What would settle it:",
        "days can show at all",
        "out-of-sample days",
        "trades",
        "net return",
        "PSR(0)",
        "trials, N",
        "DSR",
        "PBO",
        "SPA p",
        "windows above 0",
        "worst window",
        "break-even cost",
        "Models and rules",
        "paired day by day",
        "same trades at random times",
        "What luck could have made of it",
        "Only three things here speak to that: the null worlds",
        "Over as many days: ",
        "under other circumstances",
        "Null worlds were not run",
        "Did the market drift?",
        "Every window:",
        "Did it earn more",
        "Which model to use",
        "What the numbers mean",
        "data digest",
    ]
    start = 0
    for words in order:
        start = text.index(words, start)


def test_report_page_says_what_days_can_show() -> None:
    """147 days have a standard error of 1.58 and an interval of 3.1 to each side."""
    summary = _summary(example_run(1)).model_copy(update={"num_days": 147})
    assert (
        "sqrt(365/147) = 1.58, so the 95 % interval of a ratio near zero reaches about ±3.1 around it"
        in what_days_can_show(summary)
    )
    assert "7 days can show" in read_page(_page_of(1)).text
    assert "nothing can be shown" in what_days_can_show(summary.model_copy(update={"num_days": 0}))


def test_report_page_shows_no_evidence_as_an_answer() -> None:
    """Without trades the verdict is an answer with a next command, and undefined numbers have reasons, not zeros."""
    run = flat_run()
    text = _text_without_pictures(run)
    assert "no evidence" in text
    assert "This is an answer" in text
    assert "nothing has been shown that would justify money" in text
    assert "No funding was charged: a synthetic market has none" in text
    assert "Next: lorentzian demo --live" in text  # of a synthetic market there are no more days
    values = {line.label: line.value for line in headline_lines(_summary(run))}
    assert values["Sharpe ratio"] == f"{DASH} (never varies)"
    assert values["break-even cost"] == f"{DASH} (no trades)"
    assert values["trades"] == "0"


def test_report_page_counts_failed_windows() -> None:
    """A failed window is in the headline, and keeps its row with the reason."""
    run = example_run(3, failed=(1,))
    text = _text_without_pictures(run, failed={"1": "There are 0 klines."})
    assert "2 of 3 windows, 1 failed: 1." in text
    assert "not finished: There are 0 klines." in text


def test_report_page_escapes_hostile_names() -> None:
    """Markup in a symbol, a message, a model or a version stays text, on the page and in its pictures."""
    run = example_run(1)
    market = MarketSettings.model_construct(**run.plan.procedure.market.model_dump() | {"symbol": HOSTILE})
    procedure = run.plan.procedure.model_copy(update={"market": market})
    plan = run.plan.model_copy(update={"procedure": procedure, "versions": {HOSTILE: HOSTILE}})
    evaluation = replace(run.evaluation, models=run.evaluation.models | {HOSTILE: run.evaluation.models["always-long"]})
    summary = summary_record(plan, evaluation, HOSTILE, {"9": HOSTILE}, HOSTILE)
    page = read_page(report_page(plan, summary, evaluation, run_figures(plan, summary, evaluation)))
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert page.text.count("<script>alert(1)</script>") > 8


def test_report_page_does_not_know_the_run() -> None:
    """The same results under another id, stamp and time are the same bytes."""
    run = example_run(1)
    other = replace(
        run, plan=run.plan.model_copy(update={"run_id": "other", "stamp": "20300101_000000", "created_at_ms": 1})
    )
    assert _page(other) == _page_of(1)


@pytest.mark.slow
def test_report_page_repeats_across_processes() -> None:
    """Another process, with another seed for hashes, makes the same page and the same PNG."""
    (picture,) = training_figures(example_run(1).trained[TRADED].curves)
    here = [hashlib.sha256(data).hexdigest() for data in (_page_of(1), png_bytes(picture.figure))]
    there = subprocess.run(
        [sys.executable, "-c", PRINT_DIGESTS], env={"PYTHONHASHSEED": "1"}, capture_output=True, check=True, text=True
    )
    assert there.stdout.split() == here


def test_report_page_stays_small() -> None:
    """21 windows fit into 600 kB."""
    assert len(_page_of(LARGE)) < MAX_BYTES


def test_report_page_shows_what_a_blend_weighs() -> None:
    """Window by window: kept or dropped, the weights, and the interval that decided it; other runs have none of it."""
    run = blended_run(2)
    text = _text_without_pictures(run)
    assert "0 dropped for trees 0.00 1.00 trees +0.00200 (+0.00100 to +0.00400)" in text
    assert "1 kept 0.25 0.75 trees +0.00200 (-0.00100 to +0.00400)" in text
    assert "dropped where its whole interval" not in _text_without_pictures(example_run(2))


def test_report_page_shows_what_other_markets_taught() -> None:
    """Window by window beside the same from scratch and pooled, then paired; other runs have none of it."""
    run = transferred_run(2)
    text = _text_without_pictures(run)
    told = [
        shown_metric("log_loss", window.models[name].test)
        for window in run.windows
        for name in (window.traded_model, SCRATCH, POOLED)
    ]
    assert f"0 {' '.join(told[:3])} 1 {' '.join(told[3:])} {run.evaluation.traded} less this, all days –" in text
    assert "from scratch, and of all rows pooled" not in _text_without_pictures(example_run(2))


def test_report_page_says_why_a_label_without_a_side_was_not_traded() -> None:
    """Nothing was tried that could have beaten staying flat."""
    run = flat_run()
    assert "nothing beat flat" in _text_without_pictures(run)
    plan = run.plan.model_copy(update={"procedure": with_changes(run.plan.procedure, label="volatility")})
    text = _text_without_pictures(replace(run, plan=plan))
    assert "nothing beat flat" not in text and "(not traded)" in text
