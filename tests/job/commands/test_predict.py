import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from job import interruption
from job.artifacts.keys import ModelKeys
from job.cli import parse
from job.commands import predict
from job.data.postgres import Connection, connect
from job.errors import ConfigError, DataError, ExitCode, Terminated, UsageError
from job.intervals import format_utc
from job.prediction.promoting import Occasion, promote_run
from job.prediction.release_watch import ReleaseWatch
from job.records import SinceReleaseRecord
from job.run.run import Run
from job.settings.commands import PredictCommand
from job.settings.operation import DatabaseSettings, SavePathSettings
from job.settings.prediction import ModelChoiceSettings, PredictSettings
from job.settings.sources import LoadedSettings
from tests.support.commands import started_lorentzian
from tests.support.small_run import BAR_MS, END_MS, KEY, RUN_ID, copied, small_markets, store_klines
from tests.support.waiting import wait_until

MARKET = ModelKeys(venue=KEY.venue, symbol=KEY.symbol, interval=KEY.interval)
AT = format_utc(END_MS).replace(" ", "T")


def settings_of(run: Run, conninfo: str, *, model: str, **asked: Any) -> LoadedSettings[PredictCommand]:
    """Settings of the command."""
    settings = PredictCommand(
        database=DatabaseSettings(database_url=conninfo),
        store=SavePathSettings(save_path=run.store.location),
        model=ModelChoiceSettings(model=model, symbol=KEY.symbol, interval=KEY.interval, venue=KEY.venue),
        predict=PredictSettings(**asked),
    )
    return LoadedSettings(settings=settings, sources={})


def predicted(capsys: pytest.CaptureFixture[str], loaded: LoadedSettings[PredictCommand]) -> dict[str, Any]:
    """The one line that it prints."""
    assert predict.run(loaded) is ExitCode.DONE
    (line,) = capsys.readouterr().out.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_forecast_says_what_voted_and_what_is_wanted(
    run_of_vote: Run, small_database: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As a JSON line and in the table; again it says the same; asked when the next bar has closed, that it is stale."""
    run = copied(run_of_vote, tmp_path)
    line = predicted(capsys, settings_of(run, small_database, model="vote", at=AT, neighbours=3))
    assert (line["run"], line["kind"], line["symbol"], line["interval"]) == ("vote", "lorentzian", "SYNUSDT", "15m")
    assert (line["open_time_ms"], line["available_at_ms"], line["until_ms"]) == (
        END_MS - BAR_MS,
        END_MS,
        END_MS + BAR_MS,
    )
    assert 0 < line["probability"] < 1
    assert (line["side"] == 0) == (line["reason"] is not None)
    assert line["costs"] == {"fee_bps": 5.0, "slippage_bps": 2.0, "funding_bps": None}
    weights = [each["weight"] for each in line["neighbours"]]
    assert len(weights) == 3 and weights == sorted(weights, reverse=True)
    assert all(each["open_time_ms"] < END_MS - BAR_MS for each in line["neighbours"])
    assert line["effective_neighbours"] > 1
    assert predicted(capsys, settings_of(run, small_database, model="vote", at=AT, neighbours=3)) == line
    late = predicted(capsys, settings_of(run, small_database, model="vote"))
    assert (late["side"], late["size"], late["reason"], late["probability"]) == (0, 0.0, "stale", line["probability"])
    with connect(small_database) as connection:
        rows = connection.execute("SELECT model, symbol, probability, side, reason FROM signals").fetchall()
    assert rows == [(line["model"], "SYNUSDT", line["probability"], line["side"], line["reason"])]
    assert not list(run.store.list("models/"))  # nothing was promoted, so nothing is watched


def test_model_in_use_is_forecast_with_and_watched(
    finalized_run: Run, small_database: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """By default; and what became of its signals lies beside it."""
    run = copied(finalized_run, tmp_path)
    with pytest.raises(ConfigError, match="No model is in use for SYNUSDT 15m") as none:
        predict.run(settings_of(run, small_database, model="current", at=AT))
    assert "lorentzian promote RUN" in none.value.remedy
    promote_run(run.store, run.ledger, RUN_ID, Occasion(by="anna", why="", when="always", now_ms=END_MS - BAR_MS))
    elsewhere = settings_of(run, small_database, model="current", at=AT)
    wrong = elsewhere.settings.model.model_copy(update={"venue": "binance-perp"})
    with pytest.raises(ConfigError, match=r"SYNUSDT 15m \(binance-perp\)") as other:
        predict.run(LoadedSettings(settings=elsewhere.settings.model_copy(update={"model": wrong}), sources={}))
    assert other.value.remedy.startswith("In use there: --symbol SYNUSDT --interval 15m --venue synthetic. Promote")
    line = predicted(capsys, settings_of(run, small_database, model="current", at=AT))
    assert (line["run"], line["neighbours"]) == (RUN_ID, None)
    stored = run.store.get(MARKET.since_release)
    assert stored is not None
    assert json.loads(stored.data)["num_forecasts"] == 1


def test_record_of_many_bars_is_written_now_and_then_and_at_the_end(
    finalized_run: Run,
    small_database: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who is told to stop among bars that wait writes what is in no record yet; who catches up, with the last."""
    run = copied(finalized_run, tmp_path)
    occasion = Occasion(by="anna", why="", when="always", now_ms=END_MS - 6 * BAR_MS)
    promote_run(run.store, run.ledger, RUN_ID, occasion)
    loaded = settings_of(run, small_database, model="current", follow=True)
    say, num_bars, records = predict._say, [3], []

    def say_and_stop(*said: Any) -> None:
        say(*said)
        num_bars[0] -= 1
        if not num_bars[0]:
            interruption.request_termination(signal.SIGTERM, None)

    record = ReleaseWatch.record

    def recorded(watch: ReleaseWatch, connection: Connection, *, now_ms: int) -> SinceReleaseRecord:
        records.append(record(watch, connection, now_ms=now_ms).num_forecasts)
        return record(watch, connection, now_ms=now_ms)

    def follow() -> int:
        records.clear()
        monkeypatch.setattr(interruption, "_requested", [])
        with pytest.raises(Terminated):
            predict.run(loaded)
        return len(capsys.readouterr().out.splitlines())

    monkeypatch.setattr(predict, "_say", say_and_stop)
    monkeypatch.setattr(ReleaseWatch, "record", recorded)
    assert (follow(), records) == (3, [1, 3])
    num_bars[0] = 3
    assert (follow(), records) == (3, [4, 6])
    stored = run.store.get(MARKET.since_release)
    assert stored is not None
    assert json.loads(stored.data)["num_forecasts"] == 6


def test_model_may_be_a_file(
    run_of_vote: Run, small_database: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It is known by its bytes, and forecasts what the run's own does."""
    stored = run_of_vote.store.get(run_of_vote.keys.best_model_final(run_of_vote.plan.stamp))
    assert stored is not None
    (tmp_path / "mine.pt").write_bytes(stored.data)
    mine = predicted(capsys, settings_of(run_of_vote, small_database, model=str(tmp_path / "mine.pt"), at=AT))
    runs = predicted(capsys, settings_of(run_of_vote, small_database, model="vote", at=AT))
    assert mine == runs | {"run": None}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("no-such-run", "There is no run no-such-run"),
        ("no/such/file.pt", "cannot be read: No such file"),
        ("file:///x/y.pt", "names no store that is known"),
        ("-", "cannot name a run"),
    ],
)
def test_model_that_is_not_there_is_a_setting_to_correct(
    run_of_vote: Run, small_market: str, model: str, message: str
) -> None:
    """78 and what to look at."""
    with pytest.raises(ConfigError, match=message):
        predict.run(settings_of(run_of_vote, small_market, model=model))


def test_file_that_is_no_model_is_refused(run_of_vote: Run, small_market: str, tmp_path: Path) -> None:
    """65, by name."""
    (tmp_path / "wrong.pt").write_bytes(b"wrong")
    with pytest.raises(DataError, match=r"wrong\.pt"):
        predict.run(settings_of(run_of_vote, small_market, model=str(tmp_path / "wrong.pt")))


def test_time_is_utc_unless_it_says_otherwise(run_of_vote: Run, small_market: str) -> None:
    """ISO times; what is none is refused, and so is waiting for what is past."""
    assert predict.parse_time("2025-12-01T00:00") == predict.parse_time("2025-12-01T01:00+01:00") == END_MS
    assert predict.parse_time("2025-12-01") == END_MS
    for wrong in ("yesterday", "2025-13-01", ""):
        with pytest.raises(ConfigError, match="is no time"):
            predict.parse_time(wrong)
    with pytest.raises(UsageError, match="--follow waits for new bars"):
        predict.run(settings_of(run_of_vote, small_market, model="vote", at=AT, follow=True))


def test_help_says_that_it_places_no_order(capsys: pytest.CaptureFixture[str]) -> None:
    """Where everybody looks first."""
    with pytest.raises(SystemExit):
        parse(["predict", "--help"])
    assert "never places an order" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, ExitCode.TERMINATED), (signal.SIGINT, ExitCode.CANCELLED)]
)
def test_following_process_ends_as_it_is_told_and_loses_nothing(
    run_of_vote: Run, small_database: str, tmp_path: Path, number: signal.Signals, code: ExitCode
) -> None:
    """The real command: a bar is forecast when it comes, a signal ends it at once, and the next start goes on."""
    run = copied(run_of_vote, tmp_path)
    flags: Sequence[str] = ("predict", "--model", "vote", "--save-path", run.store.location, "--follow")
    env = {"DATABASE_URL": small_database, "PATH": os.environ["PATH"]}
    with connect(small_database) as connection:
        last_ms = END_MS - BAR_MS
        connection.execute("DELETE FROM klines WHERE open_time = to_timestamp(%s)", [last_ms / 1000])

        def spoken() -> int:
            return len(connection.execute("SELECT 1 FROM signals").fetchall())

        with started_lorentzian([*flags, "--poll-seconds", "0.1"], env) as command:
            wait_until(lambda: spoken() == 1)
            command.send(number, to_group=False)
            ended = command.finish()
        assert ended.code == code
        assert [json.loads(line)["open_time_ms"] for line in ended.out.splitlines()] == [last_ms - BAR_MS]
        assert ended.event("waiting_for_bars")["poll_seconds"] == 0.1
        store_klines(connection, {s: k.between(last_ms, END_MS) for s, k in small_markets().items()})
        with started_lorentzian([*flags, "--poll-seconds", "0.1"], env) as command:
            wait_until(lambda: spoken() == 2)
            command.send(number, to_group=False)
            again = command.finish()
    assert again.code == code
    assert [json.loads(line)["open_time_ms"] for line in again.out.splitlines()] == [last_ms]
