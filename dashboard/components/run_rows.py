"""A run as a row of the overview: numbers to sort by, and the same as text. Pure."""

from collections.abc import Iterable
from typing import Any

from dashboard.components.cards import VERDICT_MARKS
from dashboard.links import run_link
from job.intervals import format_utc
from job.records import IntervalRecord, MeasureRecord, RunIndexEntry
from job.report.numbers import DASH, Form, bps, percent, probability, ratio, shown, signed_ratio

TRAINING, RUNNING, JUDGED_LATER = "basic training", "running, see Live", "not judged"
# Beyond this an interval's bar would shrink all others to a point.
WIDEST = 20.0


def widest(runs: Iterable[RunIndexEntry]) -> float:
    """How far from zero the bars of the intervals reach: one scale for the whole column."""
    ends = [
        abs(end)
        for run in runs
        if run.sharpe_interval is not None
        for end in (run.sharpe_interval.low, run.sharpe_interval.high)
        if end is not None
    ]
    return min(WIDEST, max(ends, default=1.0)) or 1.0


def run_row(run: RunIndexEntry) -> dict[str, Any]:
    """One row. For each number ``name`` there is its text under ``name_text``; what is undefined says why."""
    interval = run.sharpe_interval or IntervalRecord(low=None, high=None)
    row: dict[str, Any] = {
        "run": run.run_id,
        "href": run_link(run.run_id, "live" if run.state == "running" else ""),
        "verdict": _verdict(run),
        "verdict_class": (run.verdict or "none").replace(" ", "-"),
        "sharpe_low": interval.low,
        "sharpe_high": interval.high,
        "trials": run.num_trials,
        "days": run.num_days,
        "symbol": run.symbol,
        "interval": run.interval,
        "windows": windows_text(run),
        "planned": format_utc(run.created_at_ms),
    }
    for name, measure, form in _numbers(run):
        row[name] = None if measure is None else measure.value
        row[f"{name}_text"] = DASH if measure is None else shown(measure, form)
    if interval.low is not None and interval.high is not None:
        row["sharpe_text"] += f" ({ratio(interval.low)} to {ratio(interval.high)})"
    return row


def windows_text(run: RunIndexEntry) -> str:
    """``20 of 21, 1 failed``; of a running run only where to look."""
    if run.kind == "training":
        return TRAINING
    if run.state == "running":
        return f"{run.num_windows}: {RUNNING}"
    failed = f", {run.num_failed} failed" if run.num_failed else ""
    return f"{run.num_done} of {run.num_windows}{failed}"


def decay(run: RunIndexEntry) -> MeasureRecord | None:
    """What the median window lost from validation to test; None where either is not stored."""
    chosen, tested = run.median_validation_sharpe, run.median_test_sharpe
    if chosen is None or tested is None:
        return None
    if chosen.value is None or tested.value is None:
        return MeasureRecord(value=None, reason=chosen.reason or tested.reason)
    return MeasureRecord(value=tested.value - chosen.value)


def _verdict(run: RunIndexEntry) -> str:
    if run.verdict is not None:
        return f"{VERDICT_MARKS[run.verdict]} {run.verdict}"
    return TRAINING if run.kind == "training" else "running" if run.state == "running" else JUDGED_LATER


def _numbers(run: RunIndexEntry) -> tuple[tuple[str, MeasureRecord | None, Form], ...]:
    return (
        ("sharpe", run.sharpe_ratio, ratio),
        ("dsr", run.dsr, probability),
        ("validation", run.median_validation_sharpe, ratio),
        ("decay", decay(run), signed_ratio),
        ("net_return", run.total_return, percent),
        ("drawdown", run.max_drawdown, percent),
        ("turnover", run.turnover, ratio),
        ("break_even", run.break_even_bps, bps),
    )
