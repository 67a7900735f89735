"""What the summary says beside the result: each part from its own source, and nothing where there is nothing."""

import pytest

from job.artifacts.stored_records import parse_record, record_bytes
from job.records import MeasureRecord, NullWorldRecord, WindowDriftRecord, WindowRecord
from job.robustness.examination import Robustness, examine, unusual_windows
from job.run_evaluation import evaluate_run
from tests.support.runs import TRADED, example_run, flat_run


def _world(index: int, sharpe: float | None) -> NullWorldRecord:
    ratio = MeasureRecord(value=sharpe, reason="zero_variance" if sharpe is None else None)
    return NullWorldRecord(
        index=index, sharpe_ratio=ratio, total_return=MeasureRecord(value=0.0), num_trades=0 if sharpe is None else 9
    )


def _with_drift(window: WindowRecord, auc: float | None) -> WindowRecord:
    measure = MeasureRecord(value=auc, reason="too_short" if auc is None else None)
    drift = WindowDriftRecord(auc=measure, drifting_features=("own",), after_the_fact_auc=MeasureRecord(value=0.7))
    return window.model_copy(update={"drift": drift})


def _examined(
    *, worlds: tuple[NullWorldRecord, ...] = (), windows: tuple[WindowRecord, ...] | None = None
) -> Robustness:
    run = example_run(9)
    evaluation = run.evaluation
    return examine(
        run.plan,
        windows or run.windows,
        evaluation.tests,
        account=evaluation.models[TRADED].account,
        daily=evaluation.daily[TRADED],
        draws=evaluation.draws,
        sharpe=evaluation.findings.sharpe,
        null_worlds=worlds,
    )


def test_monte_carlo_repeats_and_begins_with_one() -> None:
    """The same run gives the same record, whose fan has a point a day after the 1 that it starts with."""
    found = _examined().monte_carlo
    assert found == _examined().monte_carlo
    assert found.fan is not None
    assert {len(row) for row in found.fan.equity} == {9 * 7 + 1}
    assert {row[0] for row in found.fan.equity} == {1.0}
    assert (
        found.drawdown_quantiles.keys() == found.shuffled_drawdown_quantiles.keys() == {"0.01", "0.05", "0.25", "0.5"}
    )


def test_monte_carlo_without_trades_or_days_has_reasons() -> None:
    """Two flat weeks have no fan and no order of trades, and say why."""
    found = flat_run().evaluation.robustness.monte_carlo
    assert found.fan is None
    assert found.probability_of_loss.reason == "too_short"
    assert found.shuffled_drawdown_quantiles == {}


def test_null_worlds_are_counted_with_the_real_one() -> None:
    """Above all of four worlds is one chance in five; a world without trades made nothing."""
    sharpe = example_run(9).evaluation.findings.sharpe.value
    assert sharpe is not None and sharpe > 0
    found = _examined(
        worlds=tuple(_world(i, s) for i, s in enumerate((sharpe - 1, -9.0, None, sharpe - 2)))
    ).null_worlds
    assert found is not None
    assert (found.num_worlds, found.p_value.value) == (4, pytest.approx(0.2))
    assert found.sharpe_ratios[2] is None
    better = _examined(worlds=(_world(0, sharpe + 1),)).null_worlds
    assert better is not None and better.p_value.value == 1
    assert _examined().null_worlds is None


def test_drift_is_judged_by_the_windows_before() -> None:
    """Parallel tuples, a hole that stays a hole, and no entry for a window that did not measure it."""
    windows = example_run(9).windows
    values = [0.4, 0.5, None, 0.6, 0.5, 0.5, 0.9, 0.3]
    measured = tuple(_with_drift(w, value) for w, value in zip(windows[1:], values, strict=True))
    found = _examined(windows=(windows[0], *measured)).drift
    assert found is not None
    assert found.window == tuple(range(1, 9))
    assert [auc.value for auc in found.auc] == values
    assert [p.reason for p in found.percentile[:6]] == ["too_few_windows"] * 2 + ["too_short"] + ["too_few_windows"] * 3
    assert [p.value for p in found.percentile[6:]] == [pytest.approx(5 / 6), 0]
    assert unusual_windows(found) == ()
    assert _examined().drift is None
    assert unusual_windows(None) == ()


def test_window_far_above_a_long_history_is_unusual() -> None:
    """From the twenty-first window on, the highest so far is named."""
    windows = example_run(21).windows
    measured = tuple(_with_drift(w, 0.4 + 0.01 * i) for i, w in enumerate(windows))
    found = _examined(windows=measured).drift
    assert unusual_windows(found) == (20,)


def test_drift_survives_being_stored() -> None:
    """A window's record with drift is read back as it was written, and one without it too."""
    window = example_run(9).windows[0]
    for each in (window, _with_drift(window, 0.6), _with_drift(window, None)):
        assert parse_record(WindowRecord, record_bytes(each), where="memory") == each


def test_evaluation_carries_it_to_the_summary() -> None:
    """Null worlds that are handed to the evaluation are in what it found."""
    run = example_run(9)
    found = evaluate_run(run.plan, run.windows, run.series, [], null_worlds=(_world(0, 1.0),))
    assert found.robustness.null_worlds is not None
    assert found.robustness.null_worlds.num_worlds == 1
