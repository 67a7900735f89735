"""From an empty machine to a model in use, and an orderly store: the commands that follow one another over a year."""

import json
import shutil
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.keys import ModelKeys
from job.artifacts.stored_records import parse_record, record_bytes
from job.data.postgres import connect
from job.intervals import interval_ms
from job.records import CurrentModelRecord, SinceReleaseRecord
from job.run.attempt import now_ms
from job.run.index import indexed_runs
from tests.support.binance_server import BinanceServer, running_binance
from tests.support.commands import Result, run_lorentzian, started_lorentzian
from tests.support.open_folders import make_open_folder
from tests.support.page_calls import page_call
from tests.support.seaweedfs import free_ports
from tests.support.small_market import INTERVAL, MARKET, NUM_DAYS, VENUE, WALK, small_markets
from tests.support.small_run import database_like
from tests.support.waiting import answers, wait_until
from tests.support.warm_commands import WarmLorentzian

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

BAR_MS = interval_ms(INTERVAL)
NUM_NEW_BARS = 2
WAIT_S = 120.0  # on a machine that has much else to do
SCAN = ("--symbol", "SOLUSDT,NONEUSDT,ETHUSDT")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """An empty machine, an exchange whose clock a test moves, and what the commands up to the runs have said."""

    env: dict[str, str]
    folder: Path
    binance: BinanceServer
    collect: tuple[str, ...]
    warm: WarmLorentzian
    collected: Result
    built: Result
    walked: Result

    def run(self, *arguments: str) -> Result:
        """A command on this machine."""
        return run_lorentzian([*arguments], self.env, warm=self.warm)

    @property
    def store(self) -> LocalStore:
        """Where its results lie."""
        return LocalStore(self.folder)


@pytest.fixture(scope="module")
def machine(postgres_server: str, warm: WarmLorentzian) -> Iterator[Machine]:
    """Two markets that are there and one that is not, collected, built and walked; the exchange is some bars behind."""
    home = make_open_folder("year")
    now = now_ms() - now_ms() % BAR_MS
    markets = {("perp", symbol, INTERVAL): klines for symbol, klines in small_markets(now).items()}
    with ExitStack() as stack:
        env = {"DATABASE_URL": stack.enter_context(database_like(postgres_server, "template1", "year"))}
        binance = stack.enter_context(running_binance(now_ms=now - NUM_NEW_BARS * BAR_MS, markets=markets))
        collect = ("collect", *MARKET, "--days", str(NUM_DAYS - 1), "--source", "rest", "--base-url", binance.url)

        def run(*arguments: str) -> Result:
            return run_lorentzian([*arguments], env, warm=warm)

        walk = ("walkforward", *WALK, *SCAN, "--model", "logistic", "--save-path", str(home / "results"))
        assert run("migrate").code == 0
        yield Machine(
            env=env,
            folder=home / "results",
            binance=binance,
            collect=collect,
            warm=warm,
            collected=run(*collect, *SCAN),
            built=run("features", *MARKET, *SCAN),
            walked=run(*walk),
        )
    shutil.rmtree(home)


def row_of(result: Result, symbol: str) -> str:
    """What the table at a command's end says of a market."""
    return next(line for line in reversed(result.out.splitlines()) if line.startswith(symbol))


def test_a_scan_goes_on_past_a_market_that_is_not_there(machine: Machine) -> None:
    """Each command does the other two, says so, and ends with the error of the third."""
    for result in (machine.collected, machine.built, machine.walked):
        assert result.code != 0 and "Failed: NONEUSDT." in result.error
        assert "2 of 3 markets are done" in result.out
        assert "failed:" in row_of(result, "NONEUSDT")
        assert "failed" not in row_of(result, "SOLUSDT") + row_of(result, "ETHUSDT")
    assert {run.symbol for run in indexed_runs(machine.store).values()} == {"SOLUSDT", "ETHUSDT"}


def test_a_market_that_is_looked_at_beside_others_is_not_its_own_context(machine: Machine) -> None:
    """ETHUSDT, in the context by default, is forecast beside BTCUSDT alone; what all look at is fetched once."""
    contexts = {
        plan["procedure"]["market"]["symbol"]: plan["procedure"]["market"]["context"]
        for plan in (json.loads(path.read_text()) for path in machine.folder.glob("runs/*/plan.json"))
    }
    assert contexts == {"SOLUSDT": ["BTCUSDT", "ETHUSDT"], "ETHUSDT": ["BTCUSDT"]}
    assert machine.collected.out.count("BTCUSDT 15m (binance-perp)") == 1


def test_runs_of_a_scan_are_trials_of_each_other(machine: Machine) -> None:
    """The ranking counts both, whoever was first, and states the luck of the best of two or that nothing traded."""
    ranked = machine.run("report", "--all", "--save-path", str(machine.folder))
    assert ranked.code == 0, ranked.err
    assert "each of 2 procedures" in ranked.out
    assert "the best of the 2 trials" in ranked.out or "the best Sharpe ratio" not in ranked.out.lower()


def test_a_promoted_model_follows_the_market(machine: Machine) -> None:
    """Promote, then a line of JSON for each bar that closes; what became of them is what the dashboard shows."""
    (run_id,) = [run.run_id for run in indexed_runs(machine.store).values() if run.symbol == "SOLUSDT"]
    save_path = ("--save-path", str(machine.folder))
    promoted = machine.run("promote", run_id, "--by", "ann", "--why", "a test", *save_path)
    assert promoted.code == 0 and "from now on" in promoted.out
    keys = ModelKeys(venue=VENUE, symbol="SOLUSDT", interval=INTERVAL)
    assert let_time_pass(machine, keys).run_id == run_id
    follow = ["predict", "--follow", "--poll-seconds", "0.1", "--symbol", "SOLUSDT", "--interval", INTERVAL, *save_path]
    with started_lorentzian(follow, machine.env, warm=machine.warm) as following:
        wait_until(lambda: num_signals(machine) == 1, timeout_s=WAIT_S)
        for number in range(2, 2 + NUM_NEW_BARS):
            machine.binance.now_ms += BAR_MS
            assert machine.run(*machine.collect).code == 0
            wait_until(lambda number=number: num_signals(machine) == number, timeout_s=WAIT_S)
        wait_until(lambda: since_release(machine, keys).num_bars == NUM_NEW_BARS, timeout_s=WAIT_S)
        following.send(signal.SIGTERM, to_group=False)
        ended = following.finish()
    assert ended.code == 143
    lines: list[dict[str, Any]] = [json.loads(line) for line in ended.out.splitlines()]
    assert len(lines) == 1 + NUM_NEW_BARS
    assert all(line["symbol"] == "SOLUSDT" for line in lines)
    opened = [line["open_time_ms"] for line in lines]
    assert opened == list(range(opened[0], opened[0] + (1 + NUM_NEW_BARS) * BAR_MS, BAR_MS))
    record = since_release(machine, keys)
    assert record.run_id == run_id
    listed, shown = pages(machine, "/release", f"/release/{VENUE}/SOLUSDT/{INTERVAL}")
    assert f"SOLUSDT {INTERVAL} ({VENUE})" in listed and run_id in listed
    assert f"over {NUM_NEW_BARS} bars" in shown and record.sentence in shown


def since_release(machine: Machine, keys: ModelKeys) -> SinceReleaseRecord:
    """What is kept beside the model in use; it is written after the signal, a bar's before the next bar's."""
    stored = machine.store.get(keys.since_release)
    assert stored is not None
    return parse_record(SinceReleaseRecord, stored.data, where=keys.since_release)


def let_time_pass(machine: Machine, keys: ModelKeys) -> CurrentModelRecord:
    """Date the promotion back, as if it had been made before the bars closed that the exchange is still to show."""
    stored = machine.store.get(keys.current)
    assert stored is not None
    record = parse_record(CurrentModelRecord, stored.data, where=keys.current)
    earlier = record.model_copy(update={"promoted_at_ms": machine.binance.now_ms + 1})
    machine.store.put(keys.current, record_bytes(earlier))
    return earlier


def pages(machine: Machine, *paths: str) -> list[str]:
    """What the dashboard answers a browser that asks for these pages, as JSON."""
    port, metrics_port = free_ports(2)
    command = ["dashboard", "--save-path", str(machine.folder)]
    command += ["--port", str(port), "--metrics-port", str(metrics_port)]
    address = f"http://127.0.0.1:{port}"
    with started_lorentzian(command, machine.env, warm=machine.warm) as running:
        wait_until(lambda: answers(f"{address}/readyz"), timeout_s=WAIT_S)
        found = []
        for path in paths:
            headers = {"Content-Type": "application/json"}
            asked = urllib.request.Request(f"{address}/_dash-update-component", page_call(path), headers)
            with urllib.request.urlopen(asked, timeout=WAIT_S) as answer:
                found.append(json.dumps(json.load(answer), ensure_ascii=False))
        running.send(signal.SIGTERM, to_group=False)
        assert running.finish().code == 0
    return found


def num_signals(machine: Machine) -> int:
    """Rows of the table of signals."""
    with connect(machine.env["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT count(*) FROM signals").fetchone()
    assert row is not None
    return int(row[0])


def test_pruning_keeps_the_model_in_use(machine: Machine) -> None:
    """A dry run names what may go; of the two runs, both the newest of their market, none may."""
    shown = machine.run("prune", "--keep-last", "1", "--dry-run", "--save-path", str(machine.folder))
    assert shown.code == 0 and "0 runs to delete" in shown.out and "2 runs under" in shown.out
    assert len(indexed_runs(machine.store)) == 2
