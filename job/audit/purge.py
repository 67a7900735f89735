"""The purge, row by row: every interval of a training label against every held-out decision. Pure.

The product's rule is one comparison of times; here each pair of intervals is looked at, so that the two share no
reasoning. Both directions count: a row that meets the held-out span may not be kept, and no other may be dropped.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from job.arrays import BoolArray
from job.audit.finding import AuditFinding, Claim
from job.rows import LabelledRows
from job.windows import Span

PURGE = Claim(
    check="purge",
    proves="no training label reaches into what is held out, and no other row is lost",
    remedy="Training knows labels of the bars that it is judged on: no result of this version can be believed.",
)
CHUNK_ROWS = 512  # pairs in memory at once: these times the held-out bars


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A training span, what is held out after it, and the bars between for the delay of execution."""

    span: Span
    held_out: Span
    embargo_bars: int


ToLearn = Callable[[LabelledRows, Cut], LabelledRows]


def check_purge(*, to_learn: ToLearn, rows: LabelledRows, cuts: tuple[Cut, ...], bar_ms: int) -> AuditFinding:
    """Put every cut of a window to the proof.

    Parameters
    ----------
    to_learn : rows that may be learned, what is examined.
    rows : of the whole window, also of what is held out.
    cuts : the forward blocks and the test.
    bar_ms : length of a bar.
    """
    num_kept = num_dropped = num_meeting = num_leaks = num_lost = 0
    for cut in cuts:
        candidates = rows.select(cut.span.holds(rows.open_time) & np.isfinite(rows.up))
        is_kept = np.isin(candidates.open_time, to_learn(rows, cut).open_time)
        meets = _meets(candidates, cut, bar_ms)
        num_kept, num_dropped = num_kept + int(is_kept.sum()), num_dropped + int((~is_kept).sum())
        num_meeting += int(meets.sum())
        num_leaks += int((is_kept & meets).sum())
        num_lost += int((~is_kept & ~meets).sum())
    if not num_meeting:
        return PURGE.not_run("no label reaches into a held-out span")
    return PURGE.judge(
        not num_leaks and not num_lost,
        f"{len(cuts)} cuts, {num_kept:,} rows kept, {num_dropped} dropped; {num_leaks} kept that meet a held-out "
        f"interval, {num_lost} dropped that meet none",
    )


def _meets(rows: LabelledRows, cut: Cut, bar_ms: int) -> BoolArray:
    """Whether a row's label interval meets that of any held-out decision up to it, less the embargo."""
    decisions = np.arange(cut.held_out.start_ms, cut.held_out.end_ms, bar_ms) + bar_ms - cut.embargo_bars * bar_ms
    meets = np.zeros(len(rows), dtype=np.bool_)
    for first in range(0, len(rows), CHUNK_ROWS):
        part = slice(first, first + CHUNK_ROWS)
        starts, ends = rows.label_start_ms[part, None], rows.label_end_ms[part, None]
        meets[part] = ((starts <= decisions) & (decisions - rows.label_reach_ms <= ends)).any(axis=1)
    return meets
