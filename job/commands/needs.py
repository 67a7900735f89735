"""What a pod needs before it can begin, asked for again and again until it is there.

``kubectl apply`` brings no order: the pods of a training start beside the Job that migrates the database for them.
What others may still be making is waited for; what nobody is going to mend by itself, such as a wrong password, ends
the wait at once.
"""

import random
import time
from collections.abc import Callable

import structlog

from job import interruption
from job.artifacts.opening import open_store
from job.artifacts.probe import probe_store
from job.data.feature_table import feature_span
from job.data.kline_table import require_span
from job.data.klines import MarketKey
from job.data.postgres import Connection, connect
from job.data.schema import schema_gap
from job.database import open_database
from job.errors import DatabaseUnavailable, NoDataError, StorageUnavailable, TransientError
from job.settings.commands import DoctorCommand
from job.settings.operation import Need

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 15.0
CONNECT_S = 10.0  # a look at a server that is away; the next one comes soon


class NotYet(TransientError):
    """Something is not there that somebody may still be making."""


def wait_for(settings: DoctorCommand) -> None:
    """Return as soon as all that the settings need is there.

    Raises
    ------
    TransientError
        When the time is over: what is missing, and the command that makes it.
    ConfigError
        At once, for what waiting cannot mend.
    """
    deadline = time.monotonic() + settings.wait.wait_seconds
    longest_pause, said = FIRST_PAUSE_S, ""
    while True:
        try:
            look(settings, remaining_s=deadline - time.monotonic())
            return
        except (NotYet, DatabaseUnavailable, StorageUnavailable) as missing:
            pause = longest_pause * random.uniform(0.5, 1.0)
            if time.monotonic() + pause > deadline:
                raise _over(settings, missing) from missing
            if missing.message != said:
                said = missing.message
                structlog.get_logger().info("waited_for", missing=said, remedy=missing.remedy)
        interruption.sleep(pause)
        longest_pause = min(2 * longest_pause, LONGEST_PAUSE_S)


def look(settings: DoctorCommand, *, remaining_s: float) -> None:
    """Look once; raises for the first thing that is missing."""
    needs = settings.wait.need
    if "store" in needs:
        with interruption.at_once():
            probe_store(open_store(settings.store.save_path))
    checks = [check for need, check in _CHECKS.items() if need in needs]
    if checks:
        patience = max(0.0, min(CONNECT_S, remaining_s, settings.database.database_retry_seconds))
        database = settings.database.model_copy(update={"database_retry_seconds": patience})
        with interruption.at_once(), open_database(database) as conninfo, connect(conninfo) as connection:
            for check in checks:
                check(connection, settings)


def _over(settings: DoctorCommand, missing: TransientError) -> TransientError:
    if not settings.wait.wait_seconds:
        return missing
    return type(missing)(f"Waited {settings.wait.wait} in vain. {missing.message}", remedy=missing.remedy)


def _check_schema(connection: Connection, _: DoctorCommand) -> None:
    gap = schema_gap(connection)
    if gap is not None:
        raise NotYet(gap, remedy="Run `lorentzian migrate`.")


def _check_klines(connection: Connection, settings: DoctorCommand) -> None:
    _check_schema(connection, settings)
    market = settings.market
    for symbol in (market.symbol, *market.context_symbols):
        key = MarketKey(venue=market.venue, symbol=symbol, interval=market.interval)
        try:
            require_span(connection, key, flags=market.flags)
        except NoDataError as error:
            raise NotYet(error.message, remedy=error.remedy) from error


def _check_features(connection: Connection, settings: DoctorCommand) -> None:
    from job.feature_store import feature_record  # loads the indicators: a second that a look at the schema can spare

    _check_schema(connection, settings)
    market = settings.market
    key = MarketKey(venue=market.venue, symbol=market.symbol, interval=market.interval)
    identity = feature_record(market, settings.features).identity
    if feature_span(connection, key, identity) is None:
        raise NotYet(
            f"The database has no rows of feature set {identity} for {key}.",
            remedy=f"Run `lorentzian features{market.flags} --features {settings.features.features}`.",
        )


_CHECKS: dict[Need, Callable[[Connection, DoctorCommand], None]] = {
    "database": lambda *_: None,  # it has answered
    "schema": _check_schema,
    "klines": _check_klines,
    "features": _check_features,
}
