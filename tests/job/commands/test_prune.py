"""The prune command: shows first, deletes what it showed, and asks the database for feature rows alone."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.opening import open_store
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import record_bytes
from job.commands import prune
from job.data.feature_sets import stored_features
from job.data.postgres import connect
from job.errors import ExitCode
from job.records import CurrentModelRecord
from job.run.index import indexed_runs
from job.settings.commands import PruneCommand
from job.settings.operation import DatabaseSettings, PruneSettings, StoreSettings
from job.settings.sources import LoadedSettings
from tests.support.fixtures_s3 import s3_client, s3_environment, s3_save_path, s3_server
from tests.support.runs import example_run
from tests.support.small_run import KEY
from tests.support.stored_objects import stored_objects
from tests.support.stored_runs import store_run

__all__ = ["s3_client", "s3_environment", "s3_save_path", "s3_server"]

MODEL = CurrentModelRecord(
    venue="synthetic",
    symbol="SYNUSDT",
    interval="15m",
    run_id="run-2",
    model_key="runs/run-2/best_model_final_20251201_000000.pt",
    model_hash="00",
    feature_set="core-0123abcd",
    verdict="weak",
    promoted_at_ms=1,
    promoted_by="ann",
    why="asked for",
)
MODEL_KEY = "models/synthetic/SYNUSDT/15m/current.json"


def run_prune(save_path: str, *, database: str = "", **asked: object) -> ExitCode:
    """The command on a store."""
    settings = PruneCommand(
        database=DatabaseSettings(database_url=SecretStr(database)) if database else DatabaseSettings(),
        prune=PruneSettings(**asked),
        store=StoreSettings(save_path=save_path),
    )
    return prune.run(LoadedSettings(settings=settings, sources={}))


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """Four finished runs, the second of which has the model in use, and the first had it before."""
    for number in range(1, 5):
        store = store_run(example_run(2), tmp_path, run_id=f"run-{number}")
    store.put("ledger/synthetic-SYNUSDT-15m/00/0-1/00.json", b"{}")
    first = {name: value for name, value in MODEL.model_dump().items() if name != "previous"}
    known = ("run_id", "model_hash", "verdict", "promoted_at_ms", "promoted_by")
    previous = {name: first[name] for name in known} | {"run_id": "run-1"}
    store.put(MODEL_KEY, record_bytes(CurrentModelRecord.model_validate(first | {"previous": previous})))
    return store


def test_a_dry_run_shows_and_deletes_nothing(store: LocalStore, capsys: pytest.CaptureFixture[str]) -> None:
    """Each run with its objects, bytes and reason, and the sums; every object stays."""
    before = stored_objects(store)
    assert run_prune(store.location, keep_last=1, dry_run=True) is ExitCode.DONE
    out = capsys.readouterr().out
    assert "run-3" in out and "newer runs of its market and kind are kept" in out
    assert "1 run to delete" in out and f"3 runs under {store.location} to keep, and all of the ledger" in out
    assert out.endswith("Nothing was deleted: this was a dry run.\n")
    assert stored_objects(store) == before


def test_pruning_keeps_what_is_and_was_in_use(store: LocalStore) -> None:
    """The one before only for as long as that is wanted, the present one always; and the ledger."""
    run_prune(store.location, keep_last=1)
    assert set(indexed_runs(store)) == {"run-1", "run-2", "run-4"}
    run_prune(store.location, keep_last=1, keep_promoted=False)
    assert set(indexed_runs(store)) == {"run-2", "run-4"}
    objects = stored_objects(store)
    assert {key.split("/")[1] for key in objects if key.startswith("runs/")} == {"run-2", "run-4"}
    assert {MODEL_KEY, "ledger/synthetic-SYNUSDT-15m/00/0-1/00.json"} <= objects.keys()


def test_a_model_that_is_promoted_meanwhile_is_kept(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Between the choice and its turn: the promotion wins."""
    chosen = prune.select_runs

    def promoted_at_once(store: ObjectStore, **how: object) -> object:
        selection = chosen(store, **how)  # type: ignore[arg-type]
        store.put(MODEL_KEY, record_bytes(MODEL.model_copy(update={"run_id": "run-3"})))
        return selection

    monkeypatch.setattr(prune, "select_runs", promoted_at_once)
    run_prune(store.location, keep_last=1)
    out = capsys.readouterr().out
    assert "run-3: kept after all" in out and "0 runs deleted." in out
    assert "run-3" in indexed_runs(store)


def test_feature_rows_go_when_nothing_reads_them(
    store: LocalStore, small_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not while they are young, nor while a kept run was planned on them; then all of them, and their names."""
    asked = {"keep_last": 20, "feature_sets": True}

    def rows() -> int:
        with connect(small_database) as connection:
            return sum(stored.num_rows for stored in stored_features(connection))

    before = rows()
    run_prune(store.location, database=small_database, **asked)
    assert "0 feature rows to delete" in capsys.readouterr().out and rows() == before
    with connect(small_database) as connection:
        connection.execute("UPDATE feature_sets SET created_at = now() - interval '8 days'")
        (stored,) = stored_features(connection)
    assert stored.key == KEY and stored.num_bytes > 4 * stored.num_rows
    plan = example_run(2).plan.model_copy(update={"run_id": "user", "feature_set": stored.identity})
    store.put(RunKeys("user").plan, record_bytes(plan))
    run_prune(store.location, database=small_database, **asked)
    assert rows() == before
    store.delete(RunKeys("user").plan)
    run_prune(store.location, database=small_database, dry_run=True, **asked)
    assert f"{before:,} feature rows to delete" in capsys.readouterr().out and rows() == before
    run_prune(store.location, database=small_database, **asked)
    assert rows() == 0
    with connect(small_database) as connection:
        assert connection.execute("SELECT count(*) FROM feature_sets").fetchone() == (0,)


def test_rows_that_the_defaults_name_stay(small_database: str, store: LocalStore) -> None:
    """Whoever starts the next walk-forward without a flag finds them, however old they are."""
    from job.feature_store import feature_record
    from job.settings.procedure import FeatureSettings, MarketSettings

    usual = feature_record(MarketSettings(symbol=KEY.symbol, interval=KEY.interval, venue=KEY.venue), FeatureSettings())
    with connect(small_database) as connection:
        connection.execute(
            "UPDATE feature_sets SET identity = %s, created_at = now() - interval '1 year'", [usual.identity]
        )
        connection.execute("UPDATE features SET feature_set = %s", [usual.identity])
    run_prune(store.location, database=small_database, feature_sets=True)
    with connect(small_database) as connection:
        assert [stored.identity for stored in stored_features(connection)] == [usual.identity]


@pytest.mark.slow
def test_pruning_works_on_a_bucket(store: LocalStore, s3_save_path: str) -> None:
    """The same runs go, and the same objects are left."""
    bucket = open_store(s3_save_path)
    for key, data in stored_objects(store).items():
        bucket.put(key, data)
    for place in (bucket.location, store.location):
        run_prune(place, keep_last=1)
    assert stored_objects(bucket) == stored_objects(store)
