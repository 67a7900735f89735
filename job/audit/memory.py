"""The memory of a neighbour vote: no training query may be answered by a label that overlaps its own. Pure.

Neighbours in time share most of their label, so a vote that sees them looks right on noise; that is how many
retrieval models fool their own training. At inference each remembered label must have ended before the decision.
"""

from collections.abc import Callable

import numpy as np

from job.arrays import BoolArray, FloatArray
from job.audit.finding import AuditFinding, Claim
from job.rows import LabelledRows
from job.windows import Window

MEMORY = Claim(
    check="memory band",
    proves="no label that overlaps a query's own votes on it in training, and none still open votes later",
    remedy="The model answers training queries with their own labels: no result of this version can be believed.",
)
NUM_QUERIES = 256

# From rows, and the numbers of the queries among them, to the weight of every row's vote on each: float (Q, n).
VoteWeights = Callable[[LabelledRows, np.ndarray], FloatArray]
ToRemember = Callable[[LabelledRows, Window], LabelledRows]


def check_memory(
    *, weigh: VoteWeights, remember: ToRemember, rows: LabelledRows, window: Window, seed: int
) -> AuditFinding:
    """Weights of training votes, and the ends of the labels that are remembered for the test.

    Parameters
    ----------
    weigh : how rows vote on each other in training, what is examined.
    remember : the rows that answer the window's test, what is examined.
    rows : of the whole window.
    """
    if window.test is None:
        return MEMORY.not_run("the window has no test")
    remembered = remember(rows, window)
    if not len(remembered):
        return MEMORY.not_run("no row is remembered")
    chosen = np.random.default_rng(seed).choice(len(remembered), size=min(NUM_QUERIES, len(remembered)), replace=False)
    weights = weigh(remembered, chosen)
    overlap = label_overlap(remembered, chosen)
    illegal = float(weights[overlap].max(initial=0.0))
    first_decision = int(rows.decision_ms[window.test.holds(rows.open_time)].min(initial=window.test.end_ms))
    num_open = int((remembered.label_end_ms > first_decision).sum())
    return MEMORY.judge(
        illegal == 0 and num_open == 0,
        f"{len(chosen)} queries, {int(overlap.sum()):,} overlapping pairs, largest weight among them {illegal:.3g}; "
        f"{num_open} of {len(remembered):,} remembered labels are open at the test",
    )


def label_overlap(rows: LabelledRows, queries: np.ndarray) -> BoolArray:
    """Whether the label interval of each query meets that of each row, bool (Q, n); a row always meets itself."""
    starts, ends = rows.label_start_ms, rows.label_end_ms
    overlap: BoolArray = (starts[queries, None] <= ends) & (starts <= ends[queries, None])
    return overlap
