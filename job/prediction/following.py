"""Forecasting bars as they appear in the database: bounded polling, and after a stop on from the last bar said.

Nothing is lost where it is stopped: a bar's signal is stored before its line is printed, and a stop is obeyed between
bars; who is killed between the two has said it in the table alone. The next start goes on after the newest signal of
its model, and calls stale what came too late. A model that has not spoken yet begins with the newest bar, and one in
use with the first that closed since its promotion.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from job import interruption
from job.artifacts.keys import ModelKeys
from job.artifacts.store import ObjectStore
from job.data.kline_table import read_klines
from job.data.postgres import Connection, connect
from job.data.signal_table import last_signal_ms
from job.errors import DatabaseUnavailable, JobError, NoDataError
from job.intervals import interval_ms
from job.prediction.decision import Decision
from job.prediction.forecasting import Forecaster
from job.prediction.market_view import newest_bar
from job.prediction.model_source import current_model
from job.rules import market_key
from job.run.attempt import now_ms
from job.run.promotion import read_current

# How often a promotion is looked for: a market's model changes once a week, not once a bar.
PROMOTION_EVERY_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A bar that was forecast, by which model.

    Parameters
    ----------
    is_newest : whether no later bar is there yet.
    connection : for what is done afterwards.
    """

    forecaster: Forecaster
    decision: Decision
    is_newest: bool
    connection: Connection


@dataclass(kw_only=True)
class Follower:
    """Forecasts every bar after the newest one that its model has spoken of.

    Parameters
    ----------
    forecaster : whom to ask first; another one after a promotion, where the model in use is followed.
    store, market : where that is looked for.
    conninfo, retry_seconds : of the database, and how long it may be away.
    poll_seconds : how often a new bar is looked for.
    """

    forecaster: Forecaster
    store: ObjectStore
    market: ModelKeys
    conninfo: str
    retry_seconds: float
    poll_seconds: float

    def bars(self) -> Iterator[Followed]:
        """Every bar in its order, for ever; raises `Interrupted` when it is stopped.

        Raises
        ------
        DatabaseUnavailable
            Where the database stays away.
        """
        done_ms: int | None = None
        while True:
            connection = self._connected()
            try:
                with connection:
                    for followed in self._while_connected(connection, done_ms):
                        done_ms = followed.decision.signal.open_ms
                        yield followed
            except DatabaseUnavailable as error:
                structlog.get_logger().warning("database_lost", reason=error.message)
                interruption.sleep(self.poll_seconds)

    def _connected(self) -> Connection:
        with interruption.at_once():
            return connect(self.conninfo, retry_seconds=self.retry_seconds)

    def _while_connected(self, connection: Connection, done_ms: int | None) -> Iterator[Followed]:
        if done_ms is None:
            done_ms = last_signal_ms(connection, self.forecaster.signal_key)
        looked, is_waiting = time.monotonic(), False
        while True:
            due = self._due(connection, done_ms)
            for open_ms in due:
                interruption.check()
                decision = self.forecaster.forecast(connection, open_ms)
                is_newest = open_ms == due[-1]
                yield Followed(
                    forecaster=self.forecaster, decision=decision, is_newest=is_newest, connection=connection
                )
                done_ms = open_ms
            if time.monotonic() - looked >= PROMOTION_EVERY_SECONDS:
                looked = time.monotonic()
                self._take_up_promotion()
            if not due:
                if not is_waiting:
                    structlog.get_logger().info("waiting_for_bars", poll_seconds=self.poll_seconds)
                is_waiting = True
                interruption.sleep(self.poll_seconds)

    def _due(self, connection: Connection, done_ms: int | None) -> list[int]:
        """Opens of the bars to forecast now."""
        found = self.forecaster.found
        procedure = found.model.procedure
        try:
            newest_ms = newest_bar(connection, procedure, before_ms=now_ms())
        except NoDataError:
            return []
        if done_ms is not None:
            start_ms = done_ms + 1
        elif found.current is not None:
            start_ms = min(newest_ms, found.current.promoted_at_ms - interval_ms(procedure.market.interval) + 1)
        else:
            start_ms = newest_ms
        if newest_ms < start_ms:
            return []
        bars = read_klines(connection, market_key(procedure), start_ms=start_ms, end_ms=newest_ms + 1)
        return [int(open_ms) for open_ms in bars.open_time]

    def _take_up_promotion(self) -> None:
        """Go on with another model where one was promoted; what cannot be read now is looked for again later."""
        present = self.forecaster.found.current
        if present is None:
            return
        log = structlog.get_logger()
        try:
            named = read_current(self.store, self.market)
            if named is None or named.model_hash == present.model_hash:
                return
            found = current_model(self.store, self.market)
            self.forecaster = Forecaster.of(found, num_neighbours=self.forecaster.num_neighbours)
        except JobError as error:
            log.warning("promotion_not_taken_up", reason=error.message, remedy=error.remedy)
            return
        log.info("promotion_taken_up", model=found.model.identity, run_id=found.run_id)
