from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from dashboard.run_metrics import RunsCollector
from job.artifacts.folder import LocalStore
from job.artifacts.keys import RUNS_INDEX, ModelKeys
from job.artifacts.stored_records import record_bytes
from job.errors import StorageUnavailable
from job.records import IntervalRecord, MeasureRecord, RunIndexEntry, RunsIndexRecord
from tests.support.metric_text import Sample, parsed_metrics, sample

SOL = {"symbol": "SOLUSDT", "interval": "5m"}
UNDEFINED = MeasureRecord(value=None, reason="no_trades")


def entry(run_id: str, created_at_ms: int, state: str = "finished", **changes: object) -> RunIndexEntry:
    """A run of the market."""
    content = {"run_id": run_id, "state": state, **SOL, "created_at_ms": created_at_ms, "num_windows": 21}
    done = {"num_done": 20, "num_failed": 1, "verdict": "weak", "sharpe_ratio": MeasureRecord(value=1.5)}
    return RunIndexEntry.model_validate(
        {"num_done": 0, "num_failed": 0} | content | (done if state == "finished" else {}) | changes
    )


def exported(collector: RunsCollector) -> dict[Sample, float]:
    """What a scrape gives."""
    registry = CollectorRegistry()
    registry.register(collector)
    return parsed_metrics(generate_latest(registry).decode())


def stored(folder: Path, *runs: RunIndexEntry) -> LocalStore:
    """A store with an index of these runs."""
    store = LocalStore(folder)
    store.put(RUNS_INDEX, record_bytes(RunsIndexRecord(runs={run.run_id: run for run in runs})))
    return store


def test_newest_finished_run_speaks_for_its_market(tmp_path: Path) -> None:
    """An older one, a basic training and one that still runs do not; the oldest that runs is told apart."""
    store = stored(
        tmp_path,
        entry("old", 1_000, sharpe_ratio=MeasureRecord(value=9.0), verdict="evidence"),
        entry("new", 2_000),
        entry("training", 9_000, kind="training"),
        entry("running", 5_000, "running"),
        entry("stuck", 3_000, "running"),
    )
    found = exported(RunsCollector(lambda: store, clock=lambda: 60_000))
    assert found[sample("lorentzian_newest_run_created_timestamp_seconds", **SOL)] == 2
    assert found[sample("lorentzian_newest_run_sharpe_ratio", **SOL)] == 1.5
    assert found[sample("lorentzian_newest_run_verdict", **SOL, verdict="weak")] == 1
    assert found[sample("lorentzian_newest_run_verdict", **SOL, verdict="evidence")] == 0
    assert found[sample("lorentzian_newest_run_windows", **SOL, state="failed")] == 1
    assert found[sample("lorentzian_running_run_created_timestamp_seconds", **SOL)] == 3
    assert found[sample("lorentzian_dashboard_runs", state="running")] == 2
    assert found[sample("lorentzian_dashboard_index_read_timestamp_seconds")] == 60


def test_undefined_is_absent(tmp_path: Path) -> None:
    """A run without trades has no ratio and no interval; that is not 0."""
    no_interval = IntervalRecord(low=None, high=None, reason="no_trades")
    store = stored(tmp_path, entry("flat", 1, sharpe_ratio=UNDEFINED, sharpe_interval=no_interval, dsr=UNDEFINED))
    names = {name for name, _ in exported(RunsCollector(lambda: store))}
    assert "lorentzian_newest_run_verdict" in names
    assert not [name for name in names if "sharpe" in name]


def test_store_that_is_away_leaves_what_was_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the time of the last read stands still; once the store is back it moves on."""
    store, now = stored(tmp_path, entry("run", 1_000)), [60_000]
    collector = RunsCollector(lambda: store, clock=lambda: now[0])
    before = exported(collector)

    def away(*_: object, **__: object) -> None:
        raise StorageUnavailable("Away.")

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "reread", away)
        now[0] = 120_000
        assert exported(collector) == before
    key = sample("lorentzian_dashboard_index_read_timestamp_seconds")
    assert exported(collector) == before | {key: 120}


def test_scrape_without_anything_is_whole(tmp_path: Path) -> None:
    """An empty store has no runs, and that is known."""
    found = exported(RunsCollector(lambda: LocalStore(tmp_path), clock=lambda: 1_000))
    assert found == {
        sample("lorentzian_dashboard_runs", state="running"): 0,
        sample("lorentzian_dashboard_runs", state="finished"): 0,
        sample("lorentzian_dashboard_index_read_timestamp_seconds"): 1,
    }


def test_record_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    """A broken record of a released model; the runs are told all the same."""
    store = stored(tmp_path, entry("run", 1_000))
    store.put(ModelKeys(venue="binance-perp", **SOL).since_release, b"{}")
    names = {name for name, _ in exported(RunsCollector(lambda: store))}
    assert "lorentzian_newest_run_sharpe_ratio" in names
    assert not [name for name in names if name.startswith("lorentzian_release_")]
