"""A real walk-forward that is done in seconds: eleven synthetic days at 15m, three windows, a real database.

The fixtures stand in `tests/job/conftest.py`. Everything goes through the functions that the commands call.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from psycopg import sql
from psycopg.conninfo import make_conninfo

from job.artifacts.store import ObjectStore
from job.data.kline_table import write_klines
from job.data.klines import Klines, MarketKey
from job.data.postgres import Connection, connect
from job.data.synthetic import SYNTHETIC_CONTEXT, SYNTHETIC_SYMBOL, synthetic_markets
from job.execution.opening import address_of, open_run, plan_run
from job.execution.window_attempt import attempt_window
from job.feature_store import update_features
from job.intervals import DAY_MS
from job.run.run import Run
from job.settings.commands import PlanCommand
from job.settings.operation import ComputeSettings, RunSettings
from job.settings.procedure import (
    SYNTHETIC_VENUE,
    CostSettings,
    FeatureSettings,
    MarketSettings,
    ModelSettings,
    WindowSettings,
)

INTERVAL = "15m"
BAR_MS = DAY_MS // 96
END_MS = 1_764_547_200_000  # 2025-12-01 00:00 UTC
DATA_DAYS, TRAIN_DAYS, TEST_DAYS = 8, 5, 1
NUM_WINDOWS = 3
KLINE_DAYS = DATA_DAYS + 3  # three days warm the features up
HISTORY_DAYS = 2 * KLINE_DAYS
RUN_ID = "small"
MAX_ATTEMPTS = 3

MARKET = MarketSettings(symbol=SYNTHETIC_SYMBOL, interval=INTERVAL, context=SYNTHETIC_CONTEXT, venue=SYNTHETIC_VENUE)
KEY = MarketKey(venue=SYNTHETIC_VENUE, symbol=SYNTHETIC_SYMBOL, interval=INTERVAL)


def small_settings(save_path: Path, *, run_id: str | None = RUN_ID, **changes: Any) -> PlanCommand:
    """Settings of the small walk-forward.

    Parameters
    ----------
    changes : fields of the groups, by name, such as ``fee_bps=1.0`` or ``test_size=2``.
    """
    fixed: dict[str, Any] = {"data_days": DATA_DAYS, "window_size": TRAIN_DAYS, "test_size": TEST_DAYS}
    values = fixed | {"model": "logistic", "epochs": 2, "device": "cpu", "save_path": str(save_path)} | changes

    def group(kind: Any) -> Any:
        return kind(**{name: value for name, value in values.items() if name in kind.model_fields})

    market = {name: value for name, value in changes.items() if name in MarketSettings.model_fields}
    return PlanCommand(
        market=MARKET.model_copy(update=market),
        windows=group(WindowSettings),
        model=group(ModelSettings),
        costs=group(CostSettings),
        compute=group(ComputeSettings),
        run=RunSettings(save_path=values["save_path"], run_id=run_id, ledger=values.get("ledger")),
    )


def small_markets(num_days: int = KLINE_DAYS) -> dict[str, Klines]:
    """Bars of the three markets' last days, by symbol: of the same history, however many days are asked for."""
    markets = synthetic_markets("edge", seed=5, interval=INTERVAL, num_days=HISTORY_DAYS, last_close_ms=END_MS)
    return {symbol: klines.between(END_MS - num_days * DAY_MS, END_MS) for symbol, klines in markets.items()}


def store_klines(connection: Connection, markets: dict[str, Klines]) -> None:
    """Write bars of the synthetic venue."""
    for symbol, klines in markets.items():
        write_klines(connection, replace(KEY, symbol=symbol), klines)


def fill(conninfo: str) -> None:
    """Store the small markets, and their features."""
    with connect(conninfo) as connection:
        store_klines(connection, small_markets())
        update_features(connection, MARKET, FeatureSettings())


def open_small_run(settings: PlanCommand, conninfo: str) -> Run:
    """The run that these settings name, planned here if it is not yet."""
    return open_run(address_of(settings, plan_run(settings, conninfo), conninfo))


def run_all(run: Run) -> None:
    """Every window, one after the other, as pods would."""
    for window in run.plan.windows:
        attempt_window(run, window.index, max_attempts=MAX_ATTEMPTS)


def change_close(conninfo: str, open_ms: int) -> None:
    """Change one stored bar, which none of the program's own ways of writing can do."""
    with connect(conninfo) as connection:
        changed = connection.execute(
            "UPDATE klines SET close = close * 1.0001 WHERE symbol = %s AND open_time = to_timestamp(%s / 1000.0)",
            [SYNTHETIC_SYMBOL, open_ms],
        ).rowcount
    assert changed == 1


def copied(run: Run, folder: Path) -> Run:
    """The same run, with its index and ledger, in a folder of its own that a test may spoil."""
    from job.artifacts.folder import LocalStore

    shutil.copytree(run.store.location, folder, dirs_exist_ok=True)
    store = LocalStore(folder)
    return replace(run, store=store, ledger=store)


def objects_of(store: ObjectStore, prefix: str) -> dict[str, bytes]:
    """Every object below a prefix that says what was found, and not how it went."""
    found = {}
    for info in store.list(prefix):
        stored = store.get(info.key)
        is_how = "/attempts/" in info.key or info.key.endswith(("/execution.json", "/finished.npz"))
        if not is_how and stored is not None:
            found[info.key.removeprefix(prefix)] = stored.data
    return found


@contextmanager
def database_like(server: str, template: str, name: str) -> Iterator[str]:
    """The connection string of a copy of a database, dropped in the end."""
    names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    with connect(server) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names))
        yield make_conninfo(server, dbname=name)
        connection.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))
