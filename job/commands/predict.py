"""``lorentzian predict``: what the model in use says of the newest closed bar, and why; or of one bar after the other.

It places no order, and cannot. JSON lines go to stdout and signals into the table ``signals``; for a promoted model,
what became of its signals is kept beside it in the store.
"""

import json
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from job import interruption
from job.artifacts.keys import ModelKeys
from job.artifacts.opening import open_store
from job.artifacts.store import ObjectStore
from job.data.postgres import Connection, connect
from job.data.schema import require_schema
from job.database import open_database
from job.device import limit_threads
from job.errors import ConfigError, ExitCode, Interrupted, PermanentError, TransientError, UsageError
from job.intervals import SECOND_MS
from job.prediction.decision import Decision
from job.prediction.following import Follower
from job.prediction.forecasting import Forecaster
from job.prediction.market_view import newest_bar
from job.prediction.model_source import find_model
from job.prediction.release_watch import ReleaseWatch, watch_release
from job.run.attempt import now_ms
from job.settings.commands import PredictCommand
from job.settings.sources import LoadedSettings

# How often the record of the model in use is written while later bars wait to be forecast: it looks at all its signals.
RECORD_EVERY_SECONDS = 60.0


def run(loaded: LoadedSettings[PredictCommand]) -> ExitCode:
    """Forecast the newest bar, or one after the other until somebody stops it."""
    settings = loaded.settings
    asked = settings.predict
    if asked.follow and asked.at is not None:
        raise UsageError("--follow waits for new bars, and --at asks about an old one.", remedy="Give one of them.")
    at_ms = None if asked.at is None else parse_time(asked.at)
    limit_threads(1)  # as windows are trained: more would change the last bit, and one bar is no work to share
    store = open_store(settings.store.save_path)
    with interruption.at_once():
        market = ModelKeys(venue=settings.model.venue, symbol=settings.model.symbol, interval=settings.model.interval)
        found = find_model(settings.model.model, store, market)
        forecaster = Forecaster.of(found, num_neighbours=asked.neighbours)
    with open_database(settings.database) as conninfo:
        with interruption.at_once(), connect(conninfo) as connection:
            require_schema(connection)
            if not asked.follow:
                _forecast_newest(connection, forecaster, store, at_ms=at_ms)
                return ExitCode.DONE
        follower = Follower(
            forecaster=forecaster,
            store=store,
            market=market,
            conninfo=conninfo,
            retry_seconds=settings.database.database_retry_seconds,
            poll_seconds=asked.poll_seconds,
        )
        _follow(follower, _Watcher(store), conninfo)
    return ExitCode.DONE


def parse_time(text: str) -> int:
    """UTC milliseconds of an ISO time; one without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * SECOND_MS)
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"--at {text!r} is no time.", remedy="Write it as 2025-12-01T08:00, in UTC.") from error


def _forecast_newest(connection: Connection, forecaster: Forecaster, store: ObjectStore, *, at_ms: int | None) -> None:
    moment_ms = now_ms() if at_ms is None else at_ms
    open_ms = newest_bar(connection, forecaster.found.model.procedure, before_ms=moment_ms)
    decision = forecaster.forecast(connection, open_ms)
    _say(forecaster, decision, moment_ms)
    _Watcher(store).update(connection, forecaster)


def _follow(follower: Follower, watcher: "_Watcher", conninfo: str) -> None:
    """Say what is said of one bar after the other, and keep the record of it, until somebody stops it."""
    try:
        for followed in follower.bars():
            _say(followed.forecaster, followed.decision, now_ms())
            watcher.update(followed.connection, followed.forecaster, is_newest=followed.is_newest)
    except Interrupted:
        watcher.finish(conninfo)
        raise


def _say(forecaster: Forecaster, decision: Decision, moment_ms: int) -> None:
    sys.stdout.write(json.dumps(forecaster.line(decision, now_ms=moment_ms)) + "\n")
    sys.stdout.flush()


@dataclass
class _Watcher:
    """Keeps the record of the model in use; what hinders that is logged, and hinders no forecast."""

    store: ObjectStore
    _watch: ReleaseWatch | None = None
    _watched: str | None = None
    _begun: float = -math.inf  # when a record was last begun
    _behind: Forecaster | None = None  # whose last signals are in no record yet

    def update(self, connection: Connection, forecaster: Forecaster, *, is_newest: bool = True) -> None:
        """Look at all signals since the release; while later bars wait to be forecast, only every so often."""
        if forecaster.found.current is None:
            return
        self._behind = forecaster
        if is_newest or time.monotonic() - self._begun >= RECORD_EVERY_SECONDS:
            with _warned(), interruption.at_once():
                self._record(connection, forecaster)

    def finish(self, conninfo: str) -> None:
        """Record what is in no record yet; that somebody has asked to stop does not stop this."""
        if self._behind is not None:
            with _warned(), connect(conninfo, retry_seconds=0.0) as connection:
                self._record(connection, self._behind)

    def _record(self, connection: Connection, forecaster: Forecaster) -> None:
        current = forecaster.found.current
        assert current is not None
        self._begun = time.monotonic()
        if self._watched != current.model_hash:
            self._watch = watch_release(self.store, current, forecaster.found.model)
            self._watched = current.model_hash
        record = None if self._watch is None else self._watch.record(connection, now_ms=now_ms())
        self._behind = None
        if record is not None and record.is_alert:
            structlog.get_logger().warning("release_outside_expectation", state=record.state, meaning=record.sentence)


@contextmanager
def _warned() -> Iterator[None]:
    try:
        yield
    except (PermanentError, TransientError) as error:
        structlog.get_logger().warning("release_not_recorded", reason=error.message)
