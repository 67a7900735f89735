"""What is held out stays out: the purge between spans, and the band inside a neighbour vote's memory."""

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from job.arrays import FloatArray
from job.audit import product
from job.audit.finding import AuditFinding, Claim
from job.audit.memory import VoteWeights, check_memory
from job.audit.purge import Cut, check_purge
from job.intervals import HOUR_MS
from job.model import transfer
from job.model.bank import TrainingBank
from job.model.fit import LorentzianLearner
from job.rows import LabelledRows
from job.settings.procedure import ModelSettings
from job.windows import Span, Window
from tests.honesty.registry import Mutant, Oracle, Replacement, assert_caught, assert_passes, each_mutant, each_oracle
from tests.support.klines import START_MS
from tests.support.labelled import BAR_MS, make_rows

WALK = Claim(
    check="memory on a random walk", proves="a row left out of the memory cannot be told on a random walk", remedy=""
)
WALK_ROWS, WALK_HORIZON, WALK_QUERIES = 8_000, 12, 1_000
HONEST_ACCURACY = 0.56
WALK_FITTED = 1_000
HONEST_LOSS = 0.62  # less than a coin: the line knows the rows that it was solved on
TO_LEARN = partial(product.to_learn, bar_ms=BAR_MS)
REMEMBER = partial(product.remember, bar_ms=BAR_MS)


def bars_span(first: int, last: int) -> Span:
    """The span of the bars [first, last)."""
    return Span(start_ms=START_MS + first * BAR_MS, end_ms=START_MS + last * BAR_MS)


def triple_barrier_like(num_rows: int, seed: int) -> LabelledRows:
    """A row a bar, whose label lasts 1 to 12 bars by chance."""
    lasts = np.random.default_rng(seed).integers(1, 13, num_rows)
    return make_rows(np.arange(num_rows), lasts)


ROWS = triple_barrier_like(600, seed=1)
CUTS = (
    Cut(span=bars_span(0, 300), held_out=bars_span(300, 400), embargo_bars=0),
    Cut(span=bars_span(0, 400), held_out=bars_span(400, 500), embargo_bars=1),
)
# Labels of the past, as the indicator's: known at once, and made of the four bars before.
BACKWARD = replace(make_rows(np.arange(600), np.zeros(600)), label_reach_ms=4 * BAR_MS)
# Twelve rows with labels of four bars, the last five held out.
TWELVE = make_rows(np.arange(12), np.full(12, 3))
TWELVE_CUT = (Cut(span=bars_span(0, 7), held_out=bars_span(7, 12), embargo_bars=0),)


def to_learn_beside(rows: LabelledRows, cut: Cut) -> LabelledRows:
    """The rows of another market, of the same bars, that are learned beside those of the cut."""
    return transfer.known_in_time({"BTCUSDT": rows}, TO_LEARN(rows, cut))["BTCUSDT"]


def of_the_same_days(peers: transfer.Peers, rows: LabelledRows) -> dict[str, LabelledRows]:
    """Other markets' rows are learned up to the last bar that is learned, whenever their labels end."""
    last_ms = rows.open_time.max()
    return {symbol: peer.select(np.isfinite(peer.up) & (peer.open_time <= last_ms)) for symbol, peer in peers.items()}


def all_that_have_labels(peers: transfer.Peers, rows: LabelledRows) -> dict[str, LabelledRows]:
    """Other markets' rows are learned without a cut."""
    return {symbol: peer.select(np.isfinite(peer.up)) for symbol, peer in peers.items()}


def starts_at_label_end(rows: LabelledRows, cut: Cut) -> LabelledRows:
    """The purge of two well-known packages: it begins where the first held-out label ends."""
    first_end = rows.within(cut.held_out).label_end_ms[0]
    return rows.select(cut.span.holds(rows.open_time) & np.isfinite(rows.up) & (rows.label_end_ms < first_end))


def horizon_short_by_one(rows: LabelledRows, cut: Cut) -> LabelledRows:
    """Labels are thought to end a bar before they do."""
    return TO_LEARN(replace(rows, label_end_ms=rows.label_end_ms - BAR_MS), cut)


def horizon_long_by_one(rows: LabelledRows, cut: Cut) -> LabelledRows:
    """Labels are thought to end a bar after they do."""
    return TO_LEARN(replace(rows, label_end_ms=rows.label_end_ms + BAR_MS), cut)


def purges_nothing(rows: LabelledRows, cut: Cut) -> LabelledRows:
    """Every labelled row of the span is learned."""
    return rows.select(cut.span.holds(rows.open_time) & np.isfinite(rows.up))


def forgets_the_reach(rows: LabelledRows, cut: Cut) -> LabelledRows:
    """Labels are thought to begin at their decision."""
    return TO_LEARN(replace(rows, label_reach_ms=0), cut)


def weighs_without_reach(rows: LabelledRows, queries: np.ndarray) -> FloatArray:
    """The same in the memory."""
    return product.weigh_votes(replace(rows, label_reach_ms=0), queries)


def remembers_open_labels(rows: LabelledRows, window: Window) -> LabelledRows:
    """The memory holds rows whose labels end in the test."""
    return rows.select(window.train.holds(rows.open_time) & np.isfinite(rows.up))


def walk_rows() -> LabelledRows:
    """An hourly random walk: its last one to nearly three days, and whether it rises in the next 12 hours."""
    walk = np.cumsum(np.random.default_rng(0).standard_normal(WALK_ROWS + 2 * 64))
    bars = np.arange(64, 64 + WALK_ROWS)
    features = np.column_stack([(walk[bars] - walk[bars - back]) / np.sqrt(back) for back in (24, 32, 48, 64)])
    rows = make_rows(bars, np.full(WALK_ROWS, WALK_HORIZON))
    up = (walk[bars + WALK_HORIZON] > walk[bars]).astype(np.float64)
    return replace(rows, features=features.astype(np.float32), up=up)


def itself_alone(bank: TrainingBank, queries: object, candidates: object) -> object:
    """A mask of the diagonal: a query does not see itself, but it sees its neighbours in time."""
    assert isinstance(queries, torch.Tensor) and isinstance(candidates, torch.Tensor)
    return queries[:, None] == candidates


def check_left_out_accuracy(*, weigh: VoteWeights, rows: LabelledRows) -> AuditFinding:
    """How often the eight heaviest votes on a row are right, where nothing can be known."""
    queries = np.random.default_rng(2).choice(len(rows), size=WALK_QUERIES, replace=False)
    weights: FloatArray = weigh(rows, queries)
    nearest = np.argsort(-weights, axis=1)[:, :9]
    vote = np.take_along_axis(np.broadcast_to(rows.up, weights.shape), nearest, axis=1).mean(axis=1)
    accuracy = float(((vote > 0.5) == (rows.up[queries] == 1)).mean())
    return WALK.judge(accuracy < HONEST_ACCURACY, f"leave-one-out accuracy {accuracy:.2f} of {WALK_QUERIES} rows")


def check_training_loss(*, rows: LabelledRows) -> AuditFinding:
    """The mean loss of the second epoch of training itself, which is a leave-one-out loss if its mask is right."""
    settings = ModelSettings(epochs=2)
    learner = LorentzianLearner(settings, stream=0, device=torch.device("cpu"))
    fit, validation = rows.select(np.arange(WALK_FITTED)), rows.select(WALK_FITTED + 64 + np.arange(200))
    curve = learner.validate(fit, validation, block=0).curve
    assert curve is not None
    return WALK.judge(
        curve.training[-1] > HONEST_LOSS,
        f"training loss {curve.training[-1]:.3f} on {len(fit):,} rows; a coin's is 0.693",
    )


WALKED = walk_rows()
WALKED_WINDOW = Window(
    index=0,
    train=Span(start_ms=int(WALKED.open_time[0]), end_ms=int(WALKED.open_time[2_500])),
    test=Span(start_ms=int(WALKED.open_time[2_500]), end_ms=int(WALKED.open_time[-1]) + HOUR_MS),
)
DIAGONAL = Mutant(
    name="mask of the diagonal alone", replaced=(Replacement(owner=TrainingBank, name="overlap", by=itself_alone),)
)
ORACLES = (
    Oracle(
        code="D06",
        claim="no training label meets a held-out interval, and no other row is lost",
        check=check_purge,
        given={"to_learn": TO_LEARN, "rows": ROWS, "cuts": CUTS, "bar_ms": BAR_MS},
        mutants=(
            Mutant(
                name="purge that begins where the first held-out label ends", given={"to_learn": starts_at_label_end}
            ),
            Mutant(name="horizon short by one bar", given={"to_learn": horizon_short_by_one}),
            Mutant(name="horizon long by one bar", given={"to_learn": horizon_long_by_one}),
            Mutant(name="no purge", given={"to_learn": purges_nothing}),
        ),
    ),
    Oracle(
        code="D06",
        claim="the same on twelve rows that can be counted by hand",
        check=check_purge,
        given={"to_learn": TO_LEARN, "rows": TWELVE, "cuts": TWELVE_CUT, "bar_ms": BAR_MS},
        mutants=(
            Mutant(
                name="purge that begins where the first held-out label ends", given={"to_learn": starts_at_label_end}
            ),
        ),
    ),
    Oracle(
        code="D06",
        claim="the same of labels that reach back",
        check=check_purge,
        given={"to_learn": TO_LEARN, "rows": BACKWARD, "cuts": CUTS, "bar_ms": BAR_MS},
        mutants=(
            Mutant(name="reach of the labels forgotten", given={"to_learn": forgets_the_reach}),
            Mutant(name="no purge of labels that reach back", given={"to_learn": purges_nothing}),
        ),
    ),
    Oracle(
        code="D06",
        claim="the same of the rows of other markets that are learned beside",
        check=check_purge,
        given={"to_learn": to_learn_beside, "rows": ROWS, "cuts": CUTS, "bar_ms": BAR_MS},
        mutants=(
            Mutant(
                name="other markets cut by bars, not by labels",
                replaced=(Replacement(owner=transfer, name="known_in_time", by=of_the_same_days),),
            ),
            Mutant(
                name="other markets not cut",
                replaced=(Replacement(owner=transfer, name="known_in_time", by=all_that_have_labels),),
            ),
        ),
    ),
    Oracle(
        code="D07",
        claim="the same of labels that reach back, in training",
        check=check_memory,
        given={
            "weigh": product.weigh_votes,
            "remember": REMEMBER,
            "rows": BACKWARD,
            "window": Window(index=0, train=bars_span(0, 300), test=bars_span(300, 400)),
            "seed": 0,
        },
        mutants=(Mutant(name="reach forgotten in the memory", given={"weigh": weighs_without_reach}),),
    ),
    Oracle(
        code="D07",
        claim="no overlapping label votes in training, and none still open votes later",
        check=check_memory,
        given={
            "weigh": product.weigh_votes,
            "remember": REMEMBER,
            "rows": WALKED,
            "window": WALKED_WINDOW,
            "seed": 0,
        },
        mutants=(DIAGONAL, Mutant(name="memory of labels still open", given={"remember": remembers_open_labels})),
    ),
    Oracle(
        code="D07",
        claim="on a random walk the memory is right half of the time",
        check=check_left_out_accuracy,
        given={"weigh": product.weigh_votes, "rows": WALKED},
        mutants=(DIAGONAL,),
    ),
    Oracle(
        code="D07",
        claim="training on a random walk does not look like skill",
        check=check_training_loss,
        given={"rows": WALKED},
        mutants=(DIAGONAL,),
    ),
)


@each_oracle(ORACLES)
def test_held_out_keeps_to_the_claim(oracle: Oracle) -> None:
    """The product's purge and memory pass."""
    assert_passes(oracle)


@each_mutant(ORACLES)
def test_mistake_in_what_is_held_out_is_caught(oracle: Oracle, mutant: Mutant) -> None:
    """The purge or the memory with the mistake fails."""
    assert_caught(oracle, mutant)


def test_purge_at_the_label_end_keeps_three_of_twelve() -> None:
    """The known mistake keeps just the rows that overlap; the product keeps none of them."""
    kept = starts_at_label_end(TWELVE, TWELVE_CUT[0])
    right = TO_LEARN(TWELVE, TWELVE_CUT[0])
    assert (len(kept), len(right)) == (7, 4)


@settings(max_examples=25, deadline=None)
@given(
    lasts=st.lists(st.integers(0, 30), min_size=20, max_size=60),
    cut_share=st.floats(0.3, 0.8),
    embargo_bars=st.integers(0, 3),
)
def test_purge_is_exact_for_any_labels(lasts: list[int], cut_share: float, embargo_bars: int) -> None:
    """Whatever the lives of labels, the rows kept are those, and all of those, that meet nothing held out."""
    rows = make_rows(np.arange(len(lasts)), np.array(lasts))
    split = int(len(lasts) * cut_share)
    cuts = (Cut(span=bars_span(0, split), held_out=bars_span(split, len(lasts)), embargo_bars=embargo_bars),)
    finding = check_purge(to_learn=TO_LEARN, rows=rows, cuts=cuts, bar_ms=BAR_MS)
    assert finding.outcome in ("pass", "not run"), finding.evidence


def test_memory_without_a_test_is_not_run() -> None:
    """A final refit has no test: nothing was proven, and the finding says so."""
    finding = check_memory(
        weigh=product.weigh_votes,
        remember=REMEMBER,
        rows=WALKED,
        window=replace(WALKED_WINDOW, test=None),
        seed=0,
    )
    assert finding.outcome == "not run"
