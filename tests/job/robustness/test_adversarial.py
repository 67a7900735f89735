"""Telling stretches of days apart: noise cannot be told, a shift can and is named, and neighbours give nothing away."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import lfilter

from job.features.registry import feature_set
from job.intervals import DAY_MS
from job.records import PlanRecord
from job.robustness import adversarial
from job.robustness.adversarial import compared_columns, drift_after_the_fact, drift_before_test, drift_record, separate
from job.rows import LabelledRows
from job.windows import Span, Window
from tests.support.runs import example_run

BAR_MS = DAY_MS // 96
COLUMNS = {"slow": 0, "fast": 1, "own": 2}


def _rows(num_days: float, *, seed: int, memory: float = 0.9) -> LabelledRows:
    """Rows of one feature that keeps ``memory`` of its last value, and of two that keep nothing."""
    num = round(num_days * 96)
    rng = np.random.default_rng(seed)
    slow = lfilter([1.0], [1.0, -memory], rng.normal(size=num))
    features = np.column_stack([slow, rng.normal(size=num), rng.normal(size=num)]).astype(np.float32)
    open_time = BAR_MS * np.arange(num)
    return LabelledRows(
        open_time=open_time,
        decision_ms=open_time + BAR_MS,
        features=features,
        up=np.zeros(num),
        label_end_ms=open_time + 2 * BAR_MS,
    )


def _halves(rows: LabelledRows, *, days: float) -> tuple[LabelledRows, LabelledRows]:
    border = int(days * 96)
    return rows.select(np.arange(border)), rows.select(np.arange(border, len(rows)))


def _mean_auc(*, memory: float) -> float:
    found = [separate(*_halves(_rows(30, seed=seed, memory=memory), days=24), COLUMNS).auc.rank for seed in range(10)]
    return float(np.mean(found))


def test_separate_cannot_tell_noise_apart() -> None:
    """On stretches of one and the same process the AUC lies about a coin's."""
    assert _mean_auc(memory=0.9) == pytest.approx(0.5, abs=0.06)


def test_separate_in_blocks_is_not_told_by_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Held-out rows taken at random are known from their neighbours, although the stretches are of one process."""

    def at_random(open_time: np.ndarray, _is_after: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        fold = np.random.default_rng(0).integers(3, size=len(open_time))
        return ((fold == number, fold != number) for number in range(3))

    in_blocks = _mean_auc(memory=0.997)
    monkeypatch.setattr(adversarial, "_folds", at_random)
    assert _mean_auc(memory=0.997) > in_blocks + 0.1


def test_separate_names_what_drifts() -> None:
    """A feature whose level moves between the stretches is found, and named first."""
    rows = _rows(30, seed=1)
    moved = rows.features.copy()
    moved[24 * 96 :, 2] += 2
    found = separate(*_halves(replace(rows, features=moved), days=24), COLUMNS)
    assert found.auc.value is not None and found.auc.value > 0.8
    assert found.features[0] == "own"


def test_separate_repeats() -> None:
    """The same rows give the same AUC and the same names."""
    before, after = _halves(_rows(30, seed=2), days=24)
    assert separate(before, after, COLUMNS) == separate(before, after, COLUMNS)


def test_separate_of_too_little_has_a_reason() -> None:
    """Empty or tiny stretches have no AUC and name nothing."""
    before, after = _halves(_rows(10, seed=2), days=9.9)
    for few in (after, after.select(np.arange(0))):
        found = separate(before, few, COLUMNS)
        assert (found.auc.reason, found.features) == ("too_short", ())


def test_folds_keep_their_distance() -> None:
    """Every row is held out once; what is fitted lies half a block of the later stretch away from what is not."""
    rows = _rows(30, seed=0)
    is_after = rows.open_time >= 24 * DAY_MS
    times_held = np.zeros(len(rows), dtype=int)
    for held_out, fitted in adversarial._folds(rows.open_time, is_after):
        times_held += held_out
        distance = np.abs(rows.open_time[fitted][:, np.newaxis] - rows.open_time[held_out][::8])
        assert distance.min() >= 0.9 * DAY_MS
        assert (fitted & is_after).sum() > 96
    assert (times_held == 1).all()


@pytest.fixture
def plan() -> PlanRecord:
    """A plan on the real feature set's names."""
    plan = example_run(1).plan
    market = plan.procedure.market
    names = feature_set("core", market.interval, market.context_symbols).record.names
    return plan.model_copy(update={"feature_names": names})


def test_compared_columns_leave_the_clock_out(plan: PlanRecord) -> None:
    """Times of day and week would tell any two stretches apart; all other features are compared."""
    columns = compared_columns(plan)
    assert {plan.feature_names[column] for column in columns.values()} == set(columns)
    left_out = set(plan.feature_names) - set(columns)
    assert left_out and all(name.endswith(("sine", "cosine")) for name in left_out)


def test_drift_before_test_ignores_the_test(plan: PlanRecord) -> None:
    """Rows after the training span change nothing that is known before the test, and all of what comes after it."""
    start, train_end, end = 0, 10 * DAY_MS, 17 * DAY_MS
    window = Window(index=0, train=Span(start_ms=start, end_ms=train_end), test=Span(start_ms=train_end, end_ms=end))
    rng = np.random.default_rng(0)
    rows = _rows(17, seed=0)
    wide = replace(rows, features=rng.normal(size=(len(rows), len(plan.feature_names))).astype(np.float32))
    changed = wide.features.copy()
    changed[rows.open_time >= train_end] += 3
    other = replace(wide, features=changed)
    assert drift_before_test(plan, window, wide) == drift_before_test(plan, window, other)
    after = [drift_after_the_fact(plan, r.within(window.train), r.within(window.test)) for r in (wide, other)]
    assert after[1].auc.rank > 0.99 > after[0].auc.rank
    record = drift_record(drift_before_test(plan, window, wide), after[1])
    assert record.after_the_fact_auc.value == after[1].auc.value
    assert record.auc.value == drift_before_test(plan, window, wide).auc.value
