import io

import numpy as np
import pytest

from job.artifacts.npz import arrays_to_bytes, bytes_to_arrays
from job.artifacts.stored_records import parse_record, record_bytes
from job.errors import DataError
from job.evaluation.measure import Measure
from job.records import WindowRecord
from job.window_results import BAR_COLUMNS, measure_records, read_series
from tests.support.runs import INTERVAL, TRADED, example_run

RUN = example_run(3)


def series_data() -> bytes:
    """A stored slice with two models."""
    series = RUN.series[0]
    columns = {name: getattr(series.klines, name) for name in BAR_COLUMNS}
    return arrays_to_bytes(
        columns
        | {"up": series.up}
        | {f"probability_{name}": values for name, values in series.probability.items()}
        | {f"position_{name}": values for name, values in series.position.items()}
    )


def test_series_come_back_bar_by_bar() -> None:
    """Bars, terms, labels, forecasts and positions of every model survive being stored, to the bit."""
    found, expected = read_series(series_data(), interval=INTERVAL, where="series.npz"), RUN.series[0]
    assert found.klines.interval == INTERVAL
    for name in BAR_COLUMNS:
        assert getattr(found.klines, name).tobytes() == getattr(expected.klines, name).tobytes()
    assert found.up.tobytes() == expected.up.tobytes()
    assert list(found.probability) == list(expected.probability)
    for name in found.probability:
        assert found.probability[name].tobytes() == expected.probability[name].tobytes()
        assert found.position[name].dtype == np.int8
        assert np.array_equal(found.position[name], expected.position[name])


@pytest.mark.parametrize("missing", ["open_time", "close", "up", "size", "stop", "take", "funding"])
def test_series_without_an_array_are_refused(missing: str) -> None:
    """A foreign archive is named, and so is what it lacks."""
    arrays = dict(np.load(io.BytesIO(series_data())))
    del arrays[missing]
    with pytest.raises(DataError, match=rf"windows/0/series\.npz has no array '{missing}'"):
        read_series(arrays_to_bytes(arrays), interval=INTERVAL, where="windows/0/series.npz")
    assert missing in bytes_to_arrays(series_data(), where="memory")


def test_record_holds_validation_beside_test() -> None:
    """Each model has both, chosen on validation; the record survives being stored."""
    for window, series in zip(RUN.windows, RUN.series, strict=True):
        assert (window.traded_model, window.selected_on) == (TRADED, "validation")
        assert window.span == RUN.plan.windows[window.span.index]
        assert window.num_test_bars == len(series.klines)
        assert set(window.models) == {TRADED, "prior"}
        for model in window.models.values():
            assert set(model.validation) == set(model.test) >= {"sharpe_ratio", "total_return", "log_loss", "n_trades"}
        assert parse_record(WindowRecord, record_bytes(window), where="metrics.json") == window


def test_model_that_never_trades_has_no_thresholds() -> None:
    """The prior's forecast is one number, nothing beats flat, and both thresholds are null."""
    thresholds = RUN.windows[0].models["prior"].thresholds
    assert (thresholds.buy, thresholds.sell, thresholds.validation_score) == (None, None, None)
    assert RUN.windows[0].models["prior"].test["n_trades"].value == 0


def test_prior_saves_nothing_of_itself() -> None:
    """Its Brier skill is 0 on the test and on validation, whose forecasts were learned from earlier rows alone."""
    for window in RUN.windows:
        prior = window.models["prior"]
        for measures in (prior.validation, prior.test):
            assert measures["brier_skill"].value == pytest.approx(0, abs=1e-9)


def test_measures_keep_their_reasons() -> None:
    """A number stays a number, and what does not exist stays null with its reason."""
    found = measure_records({"sharpe_ratio": Measure.undefined("zero_variance"), "n_trades": Measure.of(3)})
    assert (found["sharpe_ratio"].value, found["sharpe_ratio"].reason) == (None, "zero_variance")
    assert (found["n_trades"].value, found["n_trades"].reason) == (3, None)
