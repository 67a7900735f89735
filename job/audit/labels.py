"""Labels on the user's own bars: what a label says it knew, and when. Pure: the labelling is an argument."""

from collections.abc import Callable, Iterable

import numpy as np

from job.arrays import IntArray
from job.audit.doctored import poisoned, truncated
from job.audit.finding import AuditFinding, Claim
from job.data.klines import Klines
from job.intervals import format_utc, interval_ms
from job.labels import Labels

LABELS = Claim(
    check="labels",
    proves="a label is fixed by the bars up to the moment at which it says that it became known",
    remedy="A label looks past its own end, and purging rests on that end: do not train on it.",
)


def check_labels(*, label: Callable[[Klines], Labels], klines: Klines, cut_times: IntArray, seed: int) -> AuditFinding:
    """Labels of all bars against those of the bars known at each cut, and of bars that are noise after it.

    A label that ends a bar before the cut, or earlier, must be the same in all three; one that ends after the cut
    must not exist where the bars end.
    """
    full = label(klines)
    generator = np.random.default_rng(seed)
    num_compared, faults = 0, []
    for cut_ms in map(int, cut_times):
        known = truncated(klines, cut_ms)
        rows = slice(0, len(known))
        is_settled = full.end_ms[rows] <= cut_ms - interval_ms(klines.interval)
        is_open = full.end_ms[rows] > cut_ms
        num_compared += 2 * int(is_settled.sum()) + int(is_open.sum())
        alone, noisy = label(known), label(poisoned(klines, cut_ms, generator=generator))
        differs = is_settled & (_differ(full, alone, rows) | _differ(full, noisy, rows))
        too_early = is_open & np.isfinite(alone.up)
        faults += [_sentence(klines, differs, cut_ms, "changed")] if differs.any() else []
        faults += [_sentence(klines, too_early, cut_ms, "was there too early")] if too_early.any() else []
    if not num_compared:
        return LABELS.not_run("no bar has a label")
    first = f"; first: {faults[0]}" if faults else ""
    return LABELS.judge(
        not faults, f"{len(cut_times)} cut times, {num_compared:,} labels compared, {len(faults)} faults{first}"
    )


def spread_cut_times(klines: Klines, *, num: int, seed: int) -> IntArray:
    """Close times of ``num`` bars by chance, ascending."""
    closes = klines.available_at[len(klines) // 4 :]
    return np.sort(np.random.default_rng(seed).choice(closes, size=min(num, len(closes)), replace=False))


def _differ(full: Labels, other: Labels, rows: slice) -> np.ndarray:
    part = slice(rows.start, rows.stop)
    is_same: np.ndarray = (full.up[part] == other.up[part]) & (full.end_ms[part] == other.end_ms[part])
    return ~is_same


def _sentence(klines: Klines, rows: Iterable[bool], cut_ms: int, what: str) -> str:
    first = int(np.argmax(np.asarray(rows)))
    return (
        f"the label of the bar at {format_utc(int(klines.open_time[first]))} UTC {what}, "
        f"bars cut at {format_utc(cut_ms)} UTC"
    )
