from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from job.backtest.market_bars import MarketBars
from job.data.outside_series import OutsideSeries, funding_key
from job.data.postgres import Connection, connect
from job.data.series_table import write_series
from job.dataset import load_dataset
from job.errors import DataError, NoDataError
from job.execution.opening import procedure_of
from job.intervals import DAY_MS
from job.records import ProcedureRecord
from job.rules import LABEL_LOOKBACK_MS, make_labels, market_key, trading_rules
from job.run.plan import check_unchanged, windows_of
from job.run.run import Run
from job.settings.procedure import LabelSettings
from job.windows import Span
from tests.support.small_run import BAR_MS, END_MS, KEY, open_small_run, small_markets, small_settings, store_klines


@pytest.fixture
def run(small_market: str, tmp_path: Path) -> Run:
    """A planned run."""
    return open_small_run(small_settings(tmp_path), small_market)


@pytest.fixture
def connection(small_market: str) -> Iterator[Connection]:
    """A connection to the small market, only to be read."""
    with connect(small_market) as opened:
        yield opened


def procedure(tmp_path: Path, **changes: object) -> ProcedureRecord:
    """The small procedure."""
    return procedure_of(small_settings(tmp_path, **changes))


def test_rules_are_those_of_the_procedure(tmp_path: Path) -> None:
    """Costs, market and horizon as they were set; a year of 15m bars has 35,040."""
    rules = trading_rules(procedure(tmp_path, fee_bps=1.0, slippage_bps=3.0))
    assert (rules.costs.fee_bps, rules.costs.slippage_bps) == (1.0, 3.0)
    assert (rules.market, rules.hold_bars, rules.bars_per_year) == ("perp", 8, 35_040)
    assert market_key(procedure(tmp_path)) == KEY


def test_dataset_ends_where_its_span_ends(run: Run, connection: Connection) -> None:
    """Nothing is read from the end of the span on, and klines go a day further back than rows."""
    span = Span(start_ms=END_MS - 3 * DAY_MS, end_ms=END_MS - DAY_MS)
    data = load_dataset(connection, run.plan, span)
    assert (data.klines.open_time[0], data.klines.open_time[-1]) == (
        span.start_ms - LABEL_LOOKBACK_MS,
        span.end_ms - BAR_MS,
    )
    assert (data.rows.open_time[0], data.rows.open_time[-1]) == (span.start_ms, span.end_ms - BAR_MS)
    assert data.rows.features.shape == (2 * 96, len(run.plan.feature_names))
    known = np.isfinite(data.rows.up)
    assert (data.rows.label_end_ms[known] <= span.end_ms).all()
    assert known[:100].all()
    assert not known[-1]


def test_dataset_is_the_same_whatever_lies_beyond(run: Run, small_database: str) -> None:
    """Bars outside the span, changed out of recognition, leave every number of the dataset as it was."""
    span = windows_of(run.plan)[0].train
    with connect(small_database) as connection:
        before = load_dataset(connection, run.plan, span)
        connection.execute(
            "UPDATE klines SET close = close * 7, high = high * 9 WHERE open_time >= to_timestamp(%s / 1000.0) "
            "OR open_time < to_timestamp(%s / 1000.0)",
            [span.end_ms, span.start_ms - LABEL_LOOKBACK_MS],
        )
        after = load_dataset(connection, run.plan, span)
    for name in ("open_time", "features", "up", "label_end_ms"):
        assert getattr(before.rows, name).tobytes() == getattr(after.rows, name).tobytes()
    assert before.klines.close.tobytes() == after.klines.close.tobytes()


def test_labels_are_of_the_kind_that_was_set(tmp_path: Path) -> None:
    """A triple barrier may end early; a fixed label ends a horizon after the next open."""
    klines = small_markets(3)[KEY.symbol]
    barrier = procedure(tmp_path)
    fixed = barrier.model_copy(update={"label": LabelSettings(label="fixed", horizon=8)})
    found = make_labels(klines, fixed)
    known = np.isfinite(found.up)
    assert set(found.end_ms[known] - klines.open_time[known]) == {9 * BAR_MS}
    barriers = make_labels(klines, barrier)
    known = np.isfinite(barriers.up)
    assert (barriers.end_ms[known] - klines.open_time[known]).min() < 9 * BAR_MS
    assert (barriers.end_ms[known] - klines.open_time[known]).max() <= 9 * BAR_MS


def test_span_without_data_says_so(run: Run, connection: Connection, database: str) -> None:
    """No klines, or klines without rows: the sentence has both numbers, and the commands that help."""
    with pytest.raises(NoDataError, match="There are 0 klines and 0 feature rows of SYNUSDT 15m") as caught:
        load_dataset(connection, run.plan, Span(start_ms=END_MS + DAY_MS, end_ms=END_MS + 2 * DAY_MS))
    assert "lorentzian features" in caught.value.remedy
    with connect(database) as other:
        store_klines(other, small_markets(3))
        with pytest.raises(NoDataError, match="no feature set core-"):
            load_dataset(other, run.plan, Span(start_ms=END_MS - DAY_MS, end_ms=END_MS))


def test_dataset_brings_the_stored_funding(tmp_path: Path, small_database: str) -> None:
    """What falls due within the span stands on its bars; a run that states a constant does not read it."""
    run = open_small_run(small_settings(tmp_path), small_database)
    span = Span(start_ms=END_MS - 2 * DAY_MS, end_ms=END_MS - DAY_MS)
    due = span.start_ms + DAY_MS // 3 * np.arange(-3, 9, dtype=np.int64) + 2
    rates = OutsideSeries(event_time=due, available_at=due, value=np.arange(1.0, 13.0) * 1e-5)
    with connect(small_database) as connection:
        write_series(connection, funding_key(KEY), rates)
        bars = load_dataset(connection, run.plan, span).klines
        stated = run.plan.procedure.costs.model_copy(update={"funding_bps": 0.0})
        procedure = run.plan.procedure.model_copy(update={"costs": stated})
        other = load_dataset(connection, run.plan.model_copy(update={"procedure": procedure}), span).klines
        with pytest.raises(DataError, match="changed since the plan"):
            check_unchanged(connection, run.plan, span)
    assert isinstance(bars, MarketBars) and isinstance(other, MarketBars)
    np.testing.assert_allclose(bars.funding[bars.funding != 0], np.array([4, 5, 6]) * 1e-5)
    assert (bars.open_time[bars.funding != 0] % (DAY_MS // 3) == 0).all()
    assert not other.has_funding
