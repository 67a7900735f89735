from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from job.checkpoint import checkpoint_bytes
from job.data.feature_table import read_features
from job.data.kline_table import read_klines, write_klines
from job.data.postgres import Connection, connect
from job.dataset import load_dataset
from job.errors import ConfigError, NoDataError
from job.intervals import DAY_MS
from job.learners import learners_of, train_all
from job.model.fit import LorentzianClassifier
from job.prediction import market_view
from job.prediction.bar_reader import BarReader
from job.prediction.decision import decide
from job.prediction.market_view import MarketView, features_of, look_at, market_keys, newest_bar
from job.prediction.stored_model import StoredModel, read_model
from job.rules import trading_rules
from job.run.plan import windows_of
from job.run.run import Run
from job.slice_outcome import forecast_and_trade, lookback_before_test_ms
from job.window_results import WindowSeries, read_series
from tests.support.small_run import BAR_MS, END_MS, INTERVAL, KEY, open_small_run, small_markets, small_settings

LAST_MS = END_MS - BAR_MS


def model_of(run: Run) -> StoredModel:
    """The final model of a run."""
    stored = run.store.get(run.keys.best_model_final(run.plan.stamp))
    assert stored is not None
    return read_model(stored.data, where="final")


def window_of(run: Run) -> tuple[StoredModel, WindowSeries]:
    """The model of a run's second window, and what its test came to."""
    file, arrays = run.store.get(run.keys.best_model_window(1)), run.store.get(run.keys.series(1))
    assert file is not None and arrays is not None
    return read_model(file.data, where="window"), read_series(arrays.data, interval=INTERVAL, where="series")


def bars_that_differ(run: Run, conninfo: str) -> list[int]:
    """Bars of that test of which somebody who follows says something else than the test did, to the bit."""
    model, tested = window_of(run)
    definition = features_of(model, where="window")
    differing = []
    with connect(conninfo) as connection:
        for bar in range(10, 95, 12):
            open_ms = int(tested.klines.open_time[bar])
            view = market_view.look_at(connection, BarReader(), model.procedure, definition, open_ms=open_ms)
            signal = decide(model, view, num_neighbours=0).signal
            wanted = (tested.probability["logistic"][bar], tested.position["logistic"][bar + 1])
            if (signal.probability, signal.side) != wanted:
                differing.append(bar)
    return differing


def test_replaying_a_window_gives_the_forecasts_of_its_backtest(run_of_three: Run, small_market: str) -> None:
    """From the model file alone, to the bit: all at once as the test did, and bar by bar as one who follows does."""
    window = windows_of(run_of_three.plan)[1]
    assert window.test is not None
    model, tested = window_of(run_of_three)
    with connect(small_market) as connection:
        rows = load_dataset(connection, run_of_three.plan, window.test).rows
    assert model.forecast(rows.features).tobytes() == tested.probability["logistic"].tobytes()
    assert bars_that_differ(run_of_three, small_market) == []


def unscaled(_: object, features: np.ndarray) -> np.ndarray:
    """What a reader would forecast from that forgets the stored scaler."""
    return features.astype(np.float32)


def of_the_bar_before(connection: Connection, *asked: object, open_ms: int) -> MarketView:
    """What somebody sees who is a bar late."""
    return look_at(connection, *asked, open_ms=open_ms - BAR_MS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("where", "planted"),
    [
        ("job.model.scaling.RobustScaler.transform", unscaled),
        ("job.prediction.market_view.look_at", of_the_bar_before),
        ("job.prediction.stored_model.shrink", lambda probability, **_: np.nextafter(probability, 1)),
    ],
)
def test_replay_that_is_not_the_backtests_is_seen(
    run_of_three: Run, small_market: str, monkeypatch: pytest.MonkeyPatch, where: str, planted: Callable[..., Any]
) -> None:
    """Without the stored scaler, a bar late, or off by the last bit: the equality above would fail at every bar."""
    monkeypatch.setattr(where, planted)
    assert len(bars_that_differ(run_of_three, small_market)) == len(range(10, 95, 12))


def test_replaying_a_vote_gives_its_forecasts(small_market: str, tmp_path: Path) -> None:
    """The learned vote's too: the same bits in the same batch, and to a millionth one bar at a time."""
    run = open_small_run(small_settings(tmp_path, model="lorentzian"), small_market)
    window = windows_of(run.plan)[1]
    assert window.test is not None
    procedure = run.plan.procedure
    learners = learners_of(run.plan, window, device=run.device, with_baselines=False)
    with connect(small_market) as connection:
        trained = train_all(learners, load_dataset(connection, run.plan, window.train), window, procedure)
        lookback_ms = lookback_before_test_ms(window, interval=INTERVAL)
        data = load_dataset(connection, run.plan, window.test, lookback_ms=lookback_ms)
        said = forecast_and_trade(data, window.test, trained, trading_rules(procedure)).probability["lorentzian"]
        model = read_model(checkpoint_bytes(trained["lorentzian"], run.plan), where="window")
        assert model.forecast(data.rows.features).tobytes() == said.tobytes()
        open_ms = int(data.rows.open_time[40])
        view = look_at(connection, BarReader(), procedure, features_of(model, where="window"), open_ms=open_ms)
        decision = decide(model, view, num_neighbours=4)
    assert decision.signal.probability == pytest.approx(said[40], abs=1e-6)
    assert decision.neighbourhood is not None
    assert all(each.open_ms is not None and each.open_ms < open_ms for each in decision.neighbourhood.neighbours)


def test_replaying_a_growing_bank_gives_its_forecasts(small_market: str, tmp_path: Path) -> None:
    """Bar by bar, with labels of what had closed by then: what the test said, and the neighbours that it had."""
    run = open_small_run(small_settings(tmp_path, model="lorentzian", live_bank=True), small_market)
    window = windows_of(run.plan)[1]
    assert window.test is not None
    procedure = run.plan.procedure
    learners = learners_of(run.plan, window, device=run.device, with_baselines=False)
    with connect(small_market) as connection:
        trained = train_all(learners, load_dataset(connection, run.plan, window.train), window, procedure)
        voter = trained["lorentzian"].classifier
        assert isinstance(voter, LorentzianClassifier)
        voter.network.let_vote()  # two epochs have taught it nothing that validation would hear
        lookback_ms = lookback_before_test_ms(window, interval=INTERVAL)
        data = load_dataset(connection, run.plan, window.test, lookback_ms=lookback_ms)
        said = forecast_and_trade(data, window.test, trained, trading_rules(procedure)).probability["lorentzian"]
        model = read_model(checkpoint_bytes(trained["lorentzian"], run.plan), where="window")
        assert model.live_from_ms == window.train.end_ms == window.test.start_ms
        definition = features_of(model, where="window")
        for bar in (2, 40, 90):
            open_ms = int(data.rows.open_time[bar])
            view = look_at(
                connection, BarReader(), procedure, definition, open_ms=open_ms, live_from_ms=model.live_from_ms
            )
            decision = decide(model, view, num_neighbours=10_000)
            assert decision.signal.probability == pytest.approx(said[bar], abs=1e-6)
            assert decision.neighbourhood is not None
            voted = {each.open_ms for each in decision.neighbourhood.neighbours}
            known = data.rows.select(data.rows.label_end_ms <= open_ms)
            assert voted & set(data.rows.open_time.tolist()) == set(known.open_time.tolist())
    assert np.abs(said - trained["lorentzian"].forecast(data.rows.features)).max() > 1e-4


def test_features_of_a_view_are_those_that_are_stored(run_of_vote: Run, small_market: str) -> None:
    """Made anew from bars, of as many bars as a signal holds, and equal to the stored rows to the bit."""
    model = model_of(run_of_vote)
    with connect(small_market) as connection:
        view = look_at(connection, BarReader(), model.procedure, features_of(model, where="final"), open_ms=LAST_MS)
        rows = read_features(connection, KEY, model.feature_set, start_ms=LAST_MS - 7 * BAR_MS, end_ms=END_MS)
    assert view.missing is None
    assert np.array_equal(view.rows.open_time, rows.open_time)
    assert view.rows.values.tobytes() == rows.values.tobytes()
    assert int(view.target.open_time[-1]) == LAST_MS


def test_newest_bar_is_the_one_that_every_market_has_reached(run_of_vote: Run, small_database: str) -> None:
    """By the time in question; a market that is behind keeps the others waiting."""
    procedure = run_of_vote.plan.procedure
    behind = market_keys(procedure)[1]
    with connect(small_database) as connection:
        assert newest_bar(connection, procedure, before_ms=END_MS) == LAST_MS
        assert newest_bar(connection, procedure, before_ms=END_MS - 1) == LAST_MS - BAR_MS
        connection.execute("DELETE FROM klines WHERE symbol = %s AND open_time > to_timestamp(%s)", [
            behind.symbol, (LAST_MS - 3 * BAR_MS) / 1000,
        ])  # fmt: skip
        assert newest_bar(connection, procedure, before_ms=END_MS) == LAST_MS - 3 * BAR_MS
        connection.execute("DELETE FROM klines WHERE symbol = %s", [behind.symbol])
        with pytest.raises(NoDataError, match=f"no klines of {behind.symbol}"):
            newest_bar(connection, procedure, before_ms=END_MS)


def test_bar_without_features_says_why(run_of_vote: Run, small_database: str) -> None:
    """A long hole within three days, or a history that is shorter than that."""
    model = model_of(run_of_vote)
    definition = features_of(model, where="final")

    def missing(connection: object, open_ms: int) -> str | None:
        view = look_at(connection, BarReader(), model.procedure, definition, open_ms=open_ms)  # type: ignore[arg-type]
        return view.missing

    with connect(small_database) as connection:
        first_ms = int(read_klines(connection, KEY, start_ms=0, end_ms=END_MS).open_time[0])
        assert missing(connection, first_ms + 2 * DAY_MS) == "warm_up"
        assert missing(connection, first_ms + 3 * DAY_MS) is None
        context = market_keys(model.procedure)[2]
        connection.execute(
            "DELETE FROM klines WHERE symbol = %s AND open_time BETWEEN to_timestamp(%s) AND to_timestamp(%s)",
            [context.symbol, (END_MS - 3 * DAY_MS) / 1000, (END_MS - 2 * DAY_MS + BAR_MS) / 1000],
        )
        assert missing(connection, LAST_MS) == "gap"


def test_other_features_under_the_same_name_are_refused(run_of_vote: Run) -> None:
    """A model is asked with the features that it was trained on, or not at all."""
    model = model_of(run_of_vote)
    for other in (replace(model, feature_set="core-00000000"), replace(model, feature_names=("one",))):
        with pytest.raises(ConfigError, match=r"Run x was trained on feature set .* and this version makes core-"):
            features_of(other, where="Run x")


def test_reader_that_keeps_bars_reads_what_one_without_memory_reads(small_database: str) -> None:
    """Bar after bar of all markets at once, after a step back, and when bars of an earlier time come late to one."""
    markets, key = small_markets(), KEY
    keys = [replace(key, symbol=symbol) for symbol in markets]

    def span(reader: BarReader, connection: Connection, end_ms: int) -> bytes:
        start_ms = end_ms - 3 * DAY_MS
        found = reader.read(connection, keys, start_ms=start_ms, end_ms=end_ms)
        assert list(found) == keys
        for each, bars in found.items():
            expected = read_klines(connection, each, start_ms=start_ms, end_ms=end_ms)
            for column in ("open_time", "open", "high", "low", "close", "volume"):
                assert getattr(bars, column).tobytes() == getattr(expected, column).tobytes()
        return found[key].close.tobytes()

    with connect(small_database) as connection:
        hole_ms = END_MS - 20 * BAR_MS
        connection.execute(
            "DELETE FROM klines WHERE symbol = %s AND open_time = to_timestamp(%s)", [key.symbol, hole_ms / 1000]
        )
        reader = BarReader()
        for end_ms in (END_MS - 4 * BAR_MS, END_MS - 3 * BAR_MS, END_MS - 3 * BAR_MS, END_MS - DAY_MS, END_MS - BAR_MS):
            span(reader, connection, end_ms)
        before = span(reader, connection, END_MS)
        late = markets[key.symbol].between(hole_ms, hole_ms + BAR_MS)
        assert write_klines(connection, key, late) == 1
        assert len(span(reader, connection, END_MS)) == len(before) + 8
