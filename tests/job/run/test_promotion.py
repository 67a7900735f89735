import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.keys import ModelKeys
from job.artifacts.stored_records import record_bytes
from job.records import CurrentModelRecord
from job.run.index import note_started
from job.run.plan import publish_plan
from job.run.promotion import markets_in_use, model_keys, newest_runs, promoted_runs, put_in_use, read_current
from tests.support.runs import example_run

MARKET = ModelKeys(venue="binance-perp", symbol="SOLUSDT", interval="5m")


def wanted(run_id: str, *, promoted_at_ms: int = 1_000, symbol: str = "SOLUSDT") -> CurrentModelRecord:
    """A promotion of a run's model."""
    return CurrentModelRecord(
        venue="binance-perp",
        symbol=symbol,
        interval="5m",
        run_id=run_id,
        model_key=f"runs/{run_id}/best_model_final_20251201_000000.pt",
        model_hash=f"{run_id:0>64}",
        feature_set="core-0123abcd",
        verdict="weak",
        promoted_at_ms=promoted_at_ms,
        promoted_by="anna",
        why="the newest",
    )


def test_promotion_says_who_when_why_and_what_was_before(tmp_path: Path) -> None:
    """The model before it stands in the record, and going back is promoting it again."""
    store = LocalStore(tmp_path)
    assert read_current(store, MARKET) is None
    assert put_in_use(store, wanted("1")).current == wanted("1")
    second = put_in_use(store, wanted("2", promoted_at_ms=2_000))
    assert second.is_new and second.current.previous is not None
    assert (second.current.previous.run_id, second.current.previous.promoted_at_ms) == ("1", 1_000)
    back = put_in_use(store, wanted("1", promoted_at_ms=3_000)).current
    assert back.previous is not None
    assert (back.run_id, back.promoted_at_ms, back.previous.run_id) == ("1", 3_000, "2")
    assert read_current(store, MARKET) == back
    assert [info.key for info in store.list("models/")] == ["models/binance-perp/SOLUSDT/5m/current.json"]


def test_markets_in_use_are_listed_by_name(tmp_path: Path) -> None:
    """Those with a promotion, whatever else lies beside it."""
    store = LocalStore(tmp_path)
    assert markets_in_use(store) == ()
    store.put("models/binance-perp/BTCUSDT/5m/since_release.json", b"{}")
    for symbol in ("SOLUSDT", "ETHUSDT"):
        put_in_use(store, wanted("1", symbol=symbol))
    assert [market.symbol for market in markets_in_use(store)] == ["ETHUSDT", "SOLUSDT"]


def test_model_in_use_is_not_promoted_again(tmp_path: Path) -> None:
    """Its promotion keeps its time, its word, and what was before it."""
    store = LocalStore(tmp_path)
    put_in_use(store, wanted("1"))
    first = put_in_use(store, wanted("2", promoted_at_ms=2_000)).current
    again = put_in_use(store, wanted("2", promoted_at_ms=9_000))
    assert not again.is_new
    assert again.current == first


def test_of_promotions_at_once_each_knows_the_one_before(tmp_path: Path) -> None:
    """Compare-and-swap: eight at the same moment form one chain, of which nobody is left out."""
    store, ready = LocalStore(tmp_path), threading.Barrier(8)

    def promote(number: int) -> CurrentModelRecord:
        ready.wait()
        return put_in_use(store, wanted(str(number))).current

    with ThreadPoolExecutor(8) as pool:
        promoted = list(pool.map(promote, range(8)))
    followers = [each.previous.run_id for each in promoted if each.previous is not None]
    assert sorted([*followers, read_current(store, MARKET).run_id]) == sorted(map(str, range(8)))  # type: ignore[union-attr]


def test_promoted_runs_are_those_in_use_and_before(tmp_path: Path) -> None:
    """Of every market; the previous ones only where they are asked for."""
    store = LocalStore(tmp_path)
    for run_id in ("1", "2", "3"):
        put_in_use(store, wanted(run_id))
    put_in_use(store, wanted("other", symbol="ETHUSDT"))
    store.put(MARKET.since_release, b"{}")
    assert promoted_runs(store) == {"2", "3", "other"}
    assert promoted_runs(store, with_previous=False) == {"3", "other"}


def test_newest_finished_run_of_each_market(tmp_path: Path) -> None:
    """Runs that are still running, and older ones of the same market, are not it."""
    store, plan = LocalStore(tmp_path), example_run(1).plan
    from job.records import RunsIndexRecord

    def planned(run_id: str, *, symbol: str, created_at_ms: int) -> None:
        market = plan.procedure.market.model_copy(update={"symbol": symbol})
        procedure = plan.procedure.model_copy(update={"market": market})
        changes = {"run_id": run_id, "created_at_ms": created_at_ms, "procedure": procedure}
        note_started(store, publish_plan(store, plan.model_copy(update=changes)))

    for number, symbol in enumerate(("SOLUSDT", "SOLUSDT", "ETHUSDT", "SOLUSDT")):
        planned(f"run-{number}", symbol=symbol, created_at_ms=number)
    stored = store.get("runs-index.json")
    assert stored is not None
    index = RunsIndexRecord.model_validate_json(stored.data)
    done = {name: entry.model_copy(update={"state": "finished"}) for name, entry in index.runs.items()}
    store.put("runs-index.json", record_bytes(RunsIndexRecord(runs={**done, "run-3": index.runs["run-3"]})))
    assert [found.run_id for found in newest_runs(store)] == ["run-2", "run-1"]
    assert model_keys(newest_runs(store)[0].procedure).current == "models/synthetic/ETHUSDT/15m/current.json"
    assert newest_runs(LocalStore(tmp_path / "empty")) == []


@pytest.mark.parametrize("part", ["..", "a/b", ""])
def test_market_cannot_name_a_place_outside(part: str) -> None:
    """Whatever it is called, its files stay under models/."""
    keys = ModelKeys(venue=part, symbol="SOLUSDT", interval="5m")
    if part == "a/b":
        assert keys.current.startswith("models/")
        return
    with pytest.raises(ValueError, match="cannot name an object"):
        _ = keys.current
