"""What the first release left behind, kept as it was: this version reads it, and that one goes on beside this.

The files of ``tests/golden`` were written by `tests.support.golden_release` under that release; they never change.
"""

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.manifest import read_manifest, write_with_manifest
from job.data.postgres import connect
from job.data.schema import list_migrations, migrate
from job.errors import DataError
from job.prediction.stored_model import read_model
from job.records import HoldoutLedgerRecord, LedgerResultRecord, RunIndexEntry
from job.report.ranking import verdict_among
from job.report.stored_run import newest_run_id, open_stored_run
from job.run.attempt import now_ms
from job.run.finalized import finished_verdict
from job.run.ledger import procedure_hash, trials_over
from job.run.plan import check_same_run, default_run_id
from job.run.state import window_states
from job.windows import Span
from tests.support.golden_release import RUN_ID, table_shapes
from tests.support.repository import ROOT

GOLDEN = ROOT / "tests" / "golden" / "release-0.1"
TABLES: dict[str, Any] = json.loads((GOLDEN / "tables.json").read_text())
# What programs of both releases write into at the same time: a field more, and the older one refuses the whole object.
SHARED = {
    RunIndexEntry: "run_id state symbol interval kind created_at_ms num_windows num_done num_failed sharpe_ratio "
    "sharpe_interval median_validation_sharpe median_test_sharpe total_return max_drawdown turnover break_even_bps "
    "num_days dsr num_trials verdict",
    LedgerResultRecord: "schema_version day_ms daily_return",
    HoldoutLedgerRecord: "schema_version start_ms end_ms openings",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """The run as it lay in its store, without pictures and page."""
    folder = tmp_path_factory.mktemp("golden")
    with tarfile.open(GOLDEN / "store.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return LocalStore(folder)


def test_golden_files_are_small() -> None:
    """They are in every clone."""
    assert sum(path.stat().st_size for path in GOLDEN.iterdir()) < 300_000


def test_migrations_that_were_released_are_as_they_were() -> None:
    """Databases hold their checksums: an edited one is refused everywhere."""
    now = {str(migration.version): migration.checksum for migration in list_migrations()}
    assert {version: now[version] for version in TABLES["migrations"]} == TABLES["migrations"]


def test_the_schema_only_grows_beneath_an_old_program(empty_database: str) -> None:
    """Its tables have every column and constraint that they had; what is new in them, an old insert may leave out."""
    with connect(empty_database) as connection:
        migrate(connection)
        now = table_shapes(connection)
        # What the old program asks before it does anything: it refuses versions above its own.
        (version,) = connection.execute("SELECT coalesce(max(version), 0) FROM schema_migrations").fetchone() or (0,)
    assert version == max(map(int, TABLES["migrations"]))
    for part in ("columns", "constraints"):
        assert [shape for shape in TABLES[part] if shape not in now[part]] == []
    old_tables = {shape[0] for shape in TABLES["columns"]}
    added = [shape for shape in now["columns"] if shape[0] in old_tables and shape not in TABLES["columns"]]
    assert [shape for shape in added if shape[4] == "NO" and shape[5] is None] == []
    forbidding = [shape for shape in now["constraints"] if shape[0] in old_tables]
    assert [shape for shape in forbidding if shape not in TABLES["constraints"]] == []


@pytest.mark.parametrize("kind", SHARED, ids=lambda kind: kind.__name__)
def test_objects_that_both_releases_write_have_no_new_fields(kind: type[Any]) -> None:
    """An index or a ledger with a field more would end every pod of the older image that reads it."""
    assert list(kind.model_fields) == SHARED[kind].split()


def test_a_finished_run_is_read_whole(store: LocalStore) -> None:
    """Plan, states, windows, summary and curves, through the functions that commands and pages use."""
    assert newest_run_id(store) == RUN_ID
    run = open_stored_run(store, RUN_ID)
    assert [state.state for state in window_states(store, run.plan, now_ms=now_ms())] == ["done"] * 3
    assert sorted(run.windows()) == [0, 1, 2]
    summary, curves = run.summary(), run.curves()
    assert (summary.symbol, summary.num_windows, summary.num_days) == ("SYNUSDT", 3, len(curves.day_ms))
    assert summary.traded_model in curves.daily
    for index in range(3):
        key = RunKeys(RUN_ID).best_model_window(index)
        stored = store.get(key)
        assert stored is not None and read_model(stored.data, where=key).kind == "logistic"


def test_an_old_result_is_not_made_anew(store: LocalStore) -> None:
    """A sweep after an upgrade leaves it as it is, also where times say nothing and digests decide."""
    keys, plan = RunKeys(RUN_ID), open_stored_run(store, RUN_ID).plan
    (Path(store.location) / keys.window_metrics(0)).touch()
    states = window_states(store, plan, now_ms=now_ms())
    assert finished_verdict(store, keys, states) == open_stored_run(store, RUN_ID).summary().verdict


def test_an_old_procedure_is_the_same_trial(store: LocalStore) -> None:
    """Settings that came later, at their defaults, change neither its hash nor its run's default name."""
    run = open_stored_run(store, RUN_ID)
    (noted,) = {info.key.split("/")[2] for info in store.list("ledger/")}
    assert procedure_hash(run.plan.procedure, run.plan.feature_set) == noted
    assert default_run_id(run.plan) == TABLES["default_run_id"]
    check_same_run(run.plan, run.plan.procedure, "walkforward")
    summary = run.summary()
    (trial,) = trials_over(store, Span(start_ms=summary.first_test_ms, end_ms=summary.last_test_ms))
    assert len(trial.day) == summary.num_days
    assert verdict_among(run, store).verdict.verdict == summary.verdict


def test_a_younger_setting_is_another_trial_where_it_is_used(store: LocalStore) -> None:
    """Only at its default does it not count: another value is another procedure."""
    run = open_stored_run(store, RUN_ID)
    model = run.plan.procedure.model
    young = next(name for name in type(model).model_fields if name == "hidden")
    changed = model.model_copy(update={young: getattr(model, young) + 1 if getattr(model, young) else 7})
    procedure = run.plan.procedure.model_copy(update={"model": changed})
    assert procedure_hash(procedure, run.plan.feature_set) != procedure_hash(run.plan.procedure, run.plan.feature_set)


def test_an_old_model_forecasts_what_it_did() -> None:
    """The file of the vote, loaded by this version, on the rows and with the probabilities of then."""
    model = read_model((GOLDEN / "lorentzian.pt").read_bytes(), where="lorentzian.pt")
    with np.load(GOLDEN / "forecasts.npz") as kept:
        features, probability = kept["features"], kept["probability"]
    assert model.kind == "lorentzian" and probability.std() > 0
    np.testing.assert_allclose(model.forecast(features), probability, rtol=0, atol=1e-5)


def test_a_summary_of_another_version_says_how_to_make_it_anew(store: LocalStore, tmp_path: Path) -> None:
    """A whole one that lacks a number is no fault of the data: one sentence, and the command."""
    run = open_stored_run(store, RUN_ID)
    summary = run.summary().model_dump(mode="json")
    del summary["break_even_bps"]
    other, keys = LocalStore(tmp_path), run.keys
    stored = store.get(keys.plan)
    assert stored is not None
    other.put(keys.plan, stored.data)
    write_with_manifest(other, keys.manifest, {keys.summary: json.dumps(summary).encode()}, root=keys.root, extra={})
    assert read_manifest(other, keys.manifest) is not None
    with pytest.raises(DataError, match="by a version that kept other numbers") as caught:
        open_stored_run(other, RUN_ID).summary()
    assert f"lorentzian finalize --run-id {RUN_ID} --save-path " in caught.value.remedy


def test_checksums_are_those_of_the_files() -> None:
    """The golden ones are hashes of the texts, not of something else that stayed the same."""
    first = (ROOT / "job" / "data" / "migrations" / "0001_klines.sql").read_bytes()
    assert TABLES["migrations"]["1"] == hashlib.sha256(first).hexdigest()
