"""What pages are drawn from equals what the summary says."""

import numpy as np
import pytest

from job.artifacts.curves import curves_bytes, read_curves
from job.artifacts.npz import arrays_to_bytes, bytes_to_arrays
from job.errors import DataError
from job.report.curves import run_curves, windows_record
from tests.support.runs import example_run, flat_run
from tests.support.stored_runs import summary_of


def test_curves_end_where_the_summary_does() -> None:
    """The account, the days, the trades and the cost curve at the assumed cost are the summary's own numbers."""
    run = example_run(3)
    summary, curves = summary_of(run), run_curves(run.plan, run.evaluation)
    measures = summary.models[summary.traded_model].measures
    equity = curves.equity[summary.traded_model]
    assert equity[0] == 1.0
    assert equity[-1] - 1 == pytest.approx(measures["total_return"].value)
    assert np.prod(1 + curves.daily[summary.traded_model]) == pytest.approx(equity[-1])
    assert len(curves.trades.gain) == measures["n_trades"].value
    at_assumed = curves.cost_sharpe[curves.cost_bps == summary.assumed_cost_bps]
    assert at_assumed == pytest.approx([measures["sharpe_ratio"].value])
    assert (np.diff(curves.random_equity, axis=0) >= 0).all()
    assert curves.calibration.confusion.sum() == curves.calibration.count.sum() == measures["n_labels"].value


def test_curves_come_back_as_they_were() -> None:
    """Bytes and back, with equal bytes for equal curves; also for a run that never traded."""
    for run in (example_run(3), flat_run()):
        curves = run_curves(run.plan, run.evaluation)
        data = curves_bytes(curves)
        again = read_curves(data, where="curves.npz")
        assert curves_bytes(again) == data
        np.testing.assert_array_equal(again.cost_sharpe, curves.cost_sharpe)


@pytest.mark.parametrize("name", ["time_ms", "trade_gain", "random_equity", "calibration_confusion"])
def test_curves_that_do_not_fit_together_are_refused(name: str) -> None:
    """An array that is absent, or of another length than those it is drawn with, is named or refused."""
    run = example_run(3)
    arrays = bytes_to_arrays(curves_bytes(run_curves(run.plan, run.evaluation)), where="x")
    short = arrays_to_bytes(arrays | {name: arrays[name][:1]})
    with pytest.raises(DataError, match="do not fit"):
        read_curves(short, where="curves.npz")
    with pytest.raises(DataError, match=name):
        read_curves(arrays_to_bytes({n: a for n, a in arrays.items() if n != name}), where="curves.npz")


def test_windows_keep_the_traded_model_alone() -> None:
    """One record for each finished window, in order, without the baselines."""
    run = example_run(3)
    windows = windows_record(run.evaluation).windows
    assert [window.span for window in windows] == [window.span for window in run.windows]
    assert {name for window in windows for name in window.models} == {run.evaluation.traded}
