import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from job.artifacts.keys import ModelKeys
from job.artifacts.stored_records import record_bytes
from job.checkpoint import read_checkpoint
from job.data.kline_table import write_klines
from job.data.postgres import Connection, connect
from job.data.signal_table import last_signal_ms, read_signals
from job.errors import DatabaseUnavailable, Terminated
from job.prediction import following
from job.prediction.following import Follower
from job.prediction.forecasting import Forecaster
from job.prediction.model_source import find_model
from job.prediction.stored_model import read_model
from job.records import CurrentModelRecord
from job.run.run import Run
from tests.support.promoted import saved
from tests.support.small_run import BAR_MS, END_MS, KEY, copied, small_markets

MARKET = ModelKeys(venue=KEY.venue, symbol=KEY.symbol, interval=KEY.interval)
NUM_MISSING = 5
FIRST_MS = END_MS - NUM_MISSING * BAR_MS  # the first bar that is not there yet


@pytest.fixture
def run(run_of_vote: Run, tmp_path: Path) -> Run:
    """A run with a final model, in a folder of its own."""
    return copied(run_of_vote, tmp_path)


@pytest.fixture
def waiting_database(small_database: str) -> str:
    """The small markets without their last bars."""
    with connect(small_database) as connection:
        connection.execute("DELETE FROM klines WHERE open_time >= to_timestamp(%s)", [FIRST_MS / 1000])
    return small_database


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Callable[[], None]]]:
    """What happens during each wait, one after the other; then a SIGTERM comes."""
    steps: list[Callable[[], None]] = []

    def wait(_seconds: float) -> None:
        if not steps:
            raise Terminated("Stopped by SIGTERM.")
        steps.pop(0)()

    monkeypatch.setattr(following.interruption, "sleep", wait)
    monkeypatch.setattr(following, "now_ms", lambda: END_MS + 1)
    yield steps
    assert not steps


def follower(run: Run, conninfo: str, *, model: str = "vote") -> Follower:
    """Follows a model of the run's store."""
    found = find_model(model, run.store, MARKET)
    return Follower(
        forecaster=Forecaster.of(found, num_neighbours=1),
        store=run.store,
        market=MARKET,
        conninfo=conninfo,
        retry_seconds=1,
        poll_seconds=2,
    )


def followed(run: Run, conninfo: str, *, model: str = "vote") -> list[tuple[str, int]]:
    """Which model spoke of which bar, counted from the first missing one, until it is stopped."""
    spoken = []
    with pytest.raises(Terminated):
        for each in follower(run, conninfo, model=model).bars():
            number = (each.decision.signal.open_ms - FIRST_MS) // BAR_MS
            spoken.append((each.forecaster.found.model.identity, number))
    return spoken


def bars_come(conninfo: str, *numbers: int, symbols: tuple[str, ...] = ()) -> Callable[[], None]:
    """Some of the missing bars are collected, of all markets or of these."""

    def come() -> None:
        first, last = FIRST_MS + numbers[0] * BAR_MS, FIRST_MS + (numbers[-1] + 1) * BAR_MS
        with connect(conninfo) as connection:
            for symbol, klines in small_markets().items():
                if not symbols or symbol in symbols:
                    write_klines(connection, replace(KEY, symbol=symbol), klines.between(first, last))

    return come


def test_follower_speaks_of_every_bar_as_it_comes(
    run: Run, waiting_database: str, pauses: list[Callable[[], None]]
) -> None:
    """First of the newest there is, then of each that appears, once and in order, and which the last of them is."""
    pauses += [bars_come(waiting_database, 0), lambda: None, bars_come(waiting_database, 1, 2)]
    spoken = []
    with pytest.raises(Terminated):
        for each in follower(run, waiting_database).bars():
            spoken.append(((each.decision.signal.open_ms - FIRST_MS) // BAR_MS, each.is_newest))
    assert spoken == [(-1, True), (0, True), (1, False), (2, True)]


def test_stopped_follower_goes_on_where_it_was(
    run: Run, waiting_database: str, pauses: list[Callable[[], None]]
) -> None:
    """After the newest signal that is stored, with the bars that came meanwhile: none is lost and none said twice."""
    assert [number for _, number in followed(run, waiting_database)] == [-1]
    bars_come(waiting_database, 0, 1, 2)()
    pauses.append(bars_come(waiting_database, 3, 4))
    assert [number for _, number in followed(run, waiting_database)] == [0, 1, 2, 3, 4]
    key = follower(run, waiting_database).forecaster.signal_key
    with connect(waiting_database) as connection:
        assert len(read_signals(connection, key, after_ms=0)) == NUM_MISSING + 1


def test_bar_waits_for_the_markets_beside_it(run: Run, waiting_database: str, pauses: list[Callable[[], None]]) -> None:
    """A traded bar whose context has not come is not forecast from half of what the model looks at."""
    own, *others = small_markets()
    pauses += [
        bars_come(waiting_database, 0, 1, symbols=(own,)),
        bars_come(waiting_database, 0, symbols=tuple(others)),
    ]
    assert [number for _, number in followed(run, waiting_database)] == [-1, 0]


def test_followed_and_single_forecasts_are_the_same(
    run: Run, waiting_database: str, pauses: list[Callable[[], None]]
) -> None:
    """What remembers bars says what starts anew says, to the bit: the stored signals are equal."""
    pauses.append(bars_come(waiting_database, 0, 1, 2, 3, 4))
    spoken = follower(run, waiting_database)
    with pytest.raises(Terminated):
        for _ in spoken.bars():
            pass
    with connect(waiting_database) as connection:
        before = said(connection)
        connection.execute("DELETE FROM signals")
        for number in range(-1, NUM_MISSING):
            fresh = Forecaster.of(spoken.forecaster.found, num_neighbours=0)
            fresh.forecast(connection, FIRST_MS + number * BAR_MS)
        assert said(connection) == before
        assert len(before) == NUM_MISSING + 1


def said(connection: Connection) -> list[tuple[object, ...]]:
    """Every signal, apart from when it was written."""
    return connection.execute("SELECT open_time, probability, side, size, reason FROM signals ORDER BY 1").fetchall()


def test_promotion_is_taken_up_between_bars(
    run: Run, waiting_database: str, pauses: list[Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bars after it are the new model's; one that cannot be read is warned of, and the old one goes on."""
    monkeypatch.setattr(following, "PROMOTION_EVERY_SECONDS", 0.0)
    plan = run.plan
    stored = run.store.get(run.keys.best_model_final(plan.stamp))
    assert stored is not None
    other = run.keys.best_model_window(0)
    model = read_model(stored.data, where="first")
    second = saved({**read_checkpoint(stored.data, where="first"), "slope": 0.5})

    def promoted(data: bytes, key: str, *, at_ms: int = END_MS) -> None:
        run.store.put(key, data)
        record = CurrentModelRecord(
            venue=KEY.venue, symbol=KEY.symbol, interval=KEY.interval, run_id="vote", model_key=key,
            model_hash=hashlib.sha256(data).hexdigest(), feature_set=plan.feature_set, verdict="weak",
            promoted_at_ms=at_ms, promoted_by="anna", why="",
        )  # fmt: skip
        run.store.put(MARKET.current, record_bytes(record))

    promoted(stored.data, "runs/vote/first.pt", at_ms=FIRST_MS - 2 * BAR_MS)
    pauses += [
        lambda: promoted(second, other),
        bars_come(waiting_database, 0),
        lambda: promoted(b"no model", "runs/vote/third.pt"),
        bars_come(waiting_database, 1),
    ]
    with structlog.testing.capture_logs() as logs:
        spoken = followed(run, waiting_database, model="current")
    names = [model.identity, read_model(second, where="second").identity]
    # Two bars have closed since the first promotion: the follower that starts now speaks of both.
    assert spoken == [(names[0], -2), (names[0], -1), (names[1], 0), (names[1], 1)]
    assert [log["event"] for log in logs if "promotion" in log["event"]].count("promotion_taken_up") == 1
    assert "promotion_not_taken_up" in {log["event"] for log in logs}


def test_lost_database_is_waited_for(
    run: Run, waiting_database: str, pauses: list[Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that breaks is opened again, and the bar that it broke on is forecast then."""
    whole, broken = Forecaster.forecast, []

    def forecast(self: Forecaster, connection: Connection, open_ms: int) -> object:
        if not broken:
            broken.append(open_ms)
            raise DatabaseUnavailable("Postgres stopped answering.")
        return whole(self, connection, open_ms)

    monkeypatch.setattr(Forecaster, "forecast", forecast)
    pauses += [lambda: None, bars_come(waiting_database, 0)]
    assert [number for _, number in followed(run, waiting_database)] == [-1, 0]
    with connect(waiting_database) as connection:
        assert last_signal_ms(connection, follower(run, waiting_database).forecaster.signal_key) == FIRST_MS


def test_database_that_stays_away_ends_the_following(run: Run) -> None:
    """After the seconds that it is given; whoever runs it starts it again, and it goes on."""
    away = replace(follower(run, "host=127.0.0.1 port=1 user=u dbname=d"), retry_seconds=0.0)
    with pytest.raises(DatabaseUnavailable, match="did not accept a connection"):
        next(away.bars())
