from pathlib import Path

import pytest
import structlog
import torch

from job.artifacts.folder import LocalStore
from job.artifacts.stored_records import parse_record
from job.errors import ConfigError, DeviceError, UsageError
from job.execution.opening import OWN_LEDGER, SHARED_LEDGER, address_of, open_run, plan_run, procedure_of
from job.records import PlanRecord, RunsIndexRecord
from job.settings.operation import JobSettings
from job.settings.procedure import LabelSettings
from tests.support.small_run import RUN_ID, small_settings


def runs_of(folder: Path) -> RunsIndexRecord:
    """The index of a save path."""
    stored = LocalStore(folder).get("runs-index.json")
    assert stored is not None
    return parse_record(RunsIndexRecord, stored.data, where="runs-index.json")


def test_procedure_makes_defaults_explicit(tmp_path: Path) -> None:
    """The horizon is a number, and the context no longer names the traded market: equal results, equal records."""
    settings = small_settings(tmp_path)
    market = settings.market.model_copy(update={"context": ("SYNBTC", "SYNUSDT", "SYNETH", "SYNBTC")})
    loose = procedure_of(settings.model_copy(update={"market": market}))
    strict = procedure_of(settings.model_copy(update={"label": LabelSettings(horizon=8)}))
    assert loose == strict
    assert loose.label.horizon == 8


def test_plan_is_made_once_and_found_by_the_same_command(small_market: str, tmp_path: Path) -> None:
    """With a name or without, the second start gets the first one's plan, and the run is in the index."""
    for run_id in (RUN_ID, None):
        settings = small_settings(tmp_path, run_id=run_id)
        plan = plan_run(settings, small_market)
        assert plan_run(settings, small_market) == plan
        assert runs_of(tmp_path).runs[plan.run_id].state == "running"
    assert len(runs_of(tmp_path).runs) == 2
    assert [info.key for info in LocalStore(tmp_path).list("")] == sorted(
        ["runs-index.json", *(f"runs/{run_id}/plan.json" for run_id in runs_of(tmp_path).runs)]
    )


def test_index_is_mended_by_whoever_comes_next(small_market: str, tmp_path: Path) -> None:
    """Where the plan's creator died before it could enter the run, the next pod does."""
    plan_run(small_settings(tmp_path), small_market)
    LocalStore(tmp_path).delete("runs-index.json")
    plan_run(small_settings(tmp_path), small_market)
    assert list(runs_of(tmp_path).runs) == [RUN_ID]


def test_named_run_refuses_other_settings(small_market: str, tmp_path: Path) -> None:
    """The same name with another cost is 78, and says which setting it is."""
    plan_run(small_settings(tmp_path), small_market)
    with pytest.raises(ConfigError, match="slippage-bps"):
        plan_run(small_settings(tmp_path, slippage_bps=9.0), small_market)


def test_run_of_a_job_is_named_after_it(small_market: str, tmp_path: Path) -> None:
    """The Job's name stands where the data's would; the user's own name wins over both."""
    job = JobSettings(job_name="weekly", job_uid="0f3a2b1c-5d6e-4f70-8192-a3b4c5d6e7f8")
    unnamed = small_settings(tmp_path, run_id=None).model_copy(update={"job": job})
    assert plan_run(unnamed, small_market).run_id == "weekly-0f3a2b1c"
    named = small_settings(tmp_path).model_copy(update={"job": job})
    assert plan_run(named, small_market).run_id == RUN_ID


def test_pods_keep_no_results_where_they_are_lost(small_market: str) -> None:
    """A folder inside a pod goes with it, and no other pod sees it; refused before anything is planned."""
    of_a_job = JobSettings(job_name="weekly", job_uid="0f3a2b1c-0000-4000-8000-000000000000")
    for path in ("models/trained", "~/models"):
        settings = small_settings(Path(path)).model_copy(update={"job": of_a_job})
        with pytest.raises(ConfigError, match=f"Each pod of Job weekly would keep its results in a {path}"):
            plan_run(settings, small_market)


def test_plan_that_is_not_accepted_is_not_published(small_market: str, tmp_path: Path) -> None:
    """Neither plan nor index; a plan that stands is shown to whoever asks, too."""

    def refuse(_: PlanRecord) -> None:
        raise UsageError("Other completions.")

    with pytest.raises(UsageError):
        plan_run(small_settings(tmp_path), small_market, accept=refuse)
    assert not list(LocalStore(tmp_path).list(""))
    plan_run(small_settings(tmp_path), small_market)
    with pytest.raises(UsageError):
        plan_run(small_settings(tmp_path), small_market, accept=refuse)


def test_run_opens_as_it_was_planned(small_market: str, tmp_path: Path) -> None:
    """Stores, device and the ledger's name come from the address; threads from the plan, and a log line says so."""
    settings = small_settings(tmp_path / "a", threads=1)
    plan = plan_run(settings, small_market)
    own = open_run(address_of(settings, plan, small_market))
    assert (own.plan, own.device.type, own.ledger_name) == (plan, "cpu", OWN_LEDGER)
    assert own.store.location == own.ledger.location == str(tmp_path / "a")
    shared = small_settings(tmp_path / "a", threads=2, ledger=str(tmp_path / "ledger"))
    with structlog.testing.capture_logs() as lines:
        run = open_run(address_of(shared, plan, small_market))
    assert (run.ledger.location, run.ledger_name) == (str(tmp_path / "ledger"), SHARED_LEDGER)
    assert torch.get_num_threads() == 1
    assert lines == [{"event": "threads_of_the_plan_are_used", "threads": 1, "asked": 2, "log_level": "info"}]


def test_run_that_is_not_there_is_named(small_market: str, tmp_path: Path) -> None:
    """An unplanned run is 78, with the place that was looked in."""
    settings = small_settings(tmp_path)
    plan = plan_run(settings, small_market)
    gone = plan.model_copy(update={"run_id": "gone"})
    with pytest.raises(ConfigError, match=f"no run gone under {tmp_path}"):
        open_run(address_of(settings, gone, small_market))


def test_gpu_that_is_not_there_ends_before_anything_is_written(
    small_market: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--device cuda` without one is 69, and leaves no plan behind."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError):
        plan_run(small_settings(tmp_path, device="cuda"), small_market)
    assert not list(LocalStore(tmp_path).list(""))
