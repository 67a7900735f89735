from pathlib import Path
from signal import SIGTERM

import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr
from structlog.testing import capture_logs

from job import interruption
from job.commands import doctor, needs
from job.data.postgres import connect
from job.data.schema import migrate
from job.errors import ConfigError, DatabaseUnavailable, ExitCode, JobError, Terminated, TransientError, UsageError
from job.settings.commands import DoctorCommand
from job.settings.operation import DatabaseSettings, StoreSettings, WaitSettings
from job.settings.procedure import FeatureSettings
from job.settings.sources import LoadedSettings
from tests.support.small_run import MARKET, fill, store_klines
from tests.support.small_run import small_markets as bars


def settings_for(conninfo: str, *need: str, wait: str = "0s", save_path: str = "unused") -> DoctorCommand:
    """What `lorentzian doctor --wait … --need …` is given."""
    return DoctorCommand(
        database=DatabaseSettings(database_url=SecretStr(conninfo)),
        market=MARKET,
        features=FeatureSettings(),
        wait=WaitSettings(need=need, wait=wait),
        store=StoreSettings(save_path=save_path),
    )


def run(settings: DoctorCommand) -> ExitCode:
    """The command."""
    return doctor.run(LoadedSettings(settings=settings, sources={}))


def missing(settings: DoctorCommand) -> JobError:
    """What is said of what is not there."""
    with pytest.raises(TransientError) as caught:
        run(settings)
    assert caught.value.exit_code is ExitCode.UNAVAILABLE
    return caught.value


def test_each_missing_thing_is_named_with_the_command_that_makes_it(empty_database: str) -> None:
    """Schema, then klines, then features: each is asked for by name, and once it is there the next one is."""
    everything = settings_for(empty_database, "database", "schema", "klines", "features")
    assert "no tables of this program" in (error := missing(everything)).message
    assert error.remedy == "Run `lorentzian migrate`."
    with connect(empty_database) as connection:
        migrate(connection)
        assert "no klines of SYNUSDT" in missing(everything).message
        store_klines(connection, {"SYNUSDT": bars()["SYNUSDT"]})
        error = missing(everything)
        assert "no klines of SYNBTC" in error.message  # the context is needed too
        command = "lorentzian collect --symbol SYNUSDT --interval 15m --context SYNBTC,SYNETH --venue synthetic"
        assert command in error.remedy
        store_klines(connection, bars())
    error = missing(everything)
    assert "no rows of feature set core-" in error.message
    assert "`lorentzian features --symbol SYNUSDT --interval 15m" in error.remedy
    fill(empty_database)
    assert run(everything) is ExitCode.DONE


def test_only_what_is_needed_is_looked_for(empty_database: str, tmp_path: Path) -> None:
    """A migration needs a server that answers, and no schema; whoever needs a store only, no database."""
    assert run(settings_for(empty_database, "database")) is ExitCode.DONE
    nowhere = "postgresql://user@127.0.0.1:1/none"
    assert run(settings_for(nowhere, "store", save_path=str(tmp_path / "results"))) is ExitCode.DONE


def test_wait_ends_as_soon_as_somebody_has_migrated(
    empty_database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is missing is said once, however often it is looked for; then it is there, and the pod begins."""
    pauses: list[float] = []

    def somebody_migrates(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            with connect(empty_database) as connection:
                migrate(connection)

    monkeypatch.setattr(interruption, "sleep", somebody_migrates)
    with capture_logs() as lines:
        assert run(settings_for(empty_database, "schema", wait="15m")) is ExitCode.DONE
    assert [line["event"] for line in lines] == ["waited_for"]
    assert capsys.readouterr().out == "ok      schema\n"
    assert len(pauses) == 3
    assert 0.5 <= pauses[0] <= 1.0 and 2.0 <= pauses[2] <= 4.0


def test_wait_is_bounded(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends before the time that was given, with 75, how long it took, and what is missing."""
    clock = [100.0]
    monkeypatch.setattr(needs.time, "monotonic", lambda: clock[0])

    def sleep(seconds: float) -> None:
        assert seconds <= needs.LONGEST_PAUSE_S
        clock[0] += seconds

    monkeypatch.setattr(interruption, "sleep", sleep)
    monkeypatch.setattr(needs, "look", lambda *_, **__: needs._check_schema(connection, settings))
    settings = settings_for(empty_database, "schema", wait="1h30m")
    with connect(empty_database) as connection:
        error = missing(settings)
    assert error.message.startswith("Waited 1h30m in vain. The database")
    assert 100 + 5400 - needs.LONGEST_PAUSE_S <= clock[0] <= 100 + 5400


def test_server_that_is_away_is_waited_for() -> None:
    """A database that starts later than the pod is no fault; while it is away that is what is said."""
    error = missing(settings_for("postgresql://user@127.0.0.1:1/none", "schema"))
    assert isinstance(error, DatabaseUnavailable)


def test_what_waiting_cannot_mend_ends_it_at_once(empty_database: str, tmp_path: Path) -> None:
    """A database of another name, a schema from the future and a path that is no store: 78, however long the wait."""
    absent = make_conninfo(empty_database, dbname="absent")
    (tmp_path / "file").touch()
    in_a_file = settings_for(empty_database, "store", wait="15m", save_path=str(tmp_path / "file"))
    with connect(empty_database) as connection:
        migrate(connection)
        connection.execute("UPDATE schema_migrations SET version = version + 1000")
    newer = settings_for(empty_database, "schema", wait="15m")
    for settings in (settings_for(absent, "schema", wait="15m"), newer, in_a_file):
        with pytest.raises(ConfigError):
            run(settings)


def test_wait_can_be_ended(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM between two looks is obeyed at once."""
    monkeypatch.setattr(interruption, "_requested", [])
    sleep = interruption.sleep

    def sleep_through_a_signal(seconds: float) -> None:
        interruption.request_termination(SIGTERM, None)
        sleep(seconds)

    monkeypatch.setattr(interruption, "sleep", sleep_through_a_signal)
    with pytest.raises(Terminated):
        run(settings_for(empty_database, "schema", wait="15m"))


def test_wait_without_a_need_is_refused() -> None:
    """There is nothing that it could end with."""
    with pytest.raises(UsageError, match="Nothing was named"):
        run(settings_for("", wait="15m"))


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), ("1h30m", 5400), ("1h1m1s", 3661), ("0s", 0)]
)
def test_durations_are_read(text: str, seconds: int) -> None:
    """Hours, minutes and seconds, in this order, each once or not at all."""
    assert WaitSettings(wait=text).wait_seconds == seconds


@pytest.mark.parametrize("text", ["", "15", "m", "15 m", "1m1h", "-1s", "1.5h", "15M"])
def test_anything_else_is_no_duration(text: str) -> None:
    """A number without a unit is no duration: it would be seconds to some and minutes to others."""
    with pytest.raises(ValueError, match="not a duration such as 90s"):
        WaitSettings(wait=text)
