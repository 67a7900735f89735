import io
from pathlib import Path

import pytest
import torch

from job.artifacts.folder import LocalStore
from job.artifacts.manifest import read_manifest
from job.artifacts.stored_records import parse_record
from job.errors import ConfigError, Terminated
from job.execution import training
from job.execution.training import as_walkforward, run_training
from job.execution.window_attempt import attempt_window
from job.intervals import DAY_MS
from job.records import RunsIndexRecord
from job.run.attempt import now_ms
from job.run.ledger import procedure_hash, trials_over
from job.run.plan import read_plan, windows_of
from job.run.state import training_state
from job.settings.commands import TrainCommand
from job.settings.operation import ComputeSettings, OutputSettings, RunSettings
from job.settings.procedure import SplitSettings, TrainModelSettings
from job.windows import Span
from tests.support.small_run import DATA_DAYS, END_MS, MARKET, objects_of, open_small_run, small_settings


def train_settings(
    save_path: Path, *, run_id: str = "trained", test_size: float = 0.25, data_days: int = DATA_DAYS
) -> TrainCommand:
    """The guide's command, small."""
    return TrainCommand(
        output=OutputSettings(progress=False),
        market=MARKET,
        split=SplitSettings(data_days=data_days, test_size=test_size),
        model=TrainModelSettings(model="logistic", epochs=2),
        compute=ComputeSettings(device="cpu"),
        run=RunSettings(save_path=str(save_path), run_id=run_id),
    )


def test_training_leaves_the_three_files_of_the_guide(small_market: str, tmp_path: Path) -> None:
    """Model, metrics and loss curve, each with the stamp; the reading is in the ledger, the run in the index."""
    finished = run_training(train_settings(tmp_path), small_market)
    run, stamp = finished.run, finished.run.plan.stamp
    assert finished.is_new
    manifest = read_manifest(run.store, run.keys.manifest)
    assert manifest is not None
    assert [entry.key for entry in manifest.objects] == [
        f"lorentzian_classifier_{stamp}.pt",
        f"loss_curve_{stamp}.png",
        f"metrics_{stamp}.json",
    ]
    stored = run.store.get(run.keys.trained_model(stamp))
    assert stored is not None
    assert torch.load(io.BytesIO(stored.data), weights_only=True)["kind"] == "logistic"
    assert len(trials_over(run.ledger, Span(start_ms=0, end_ms=2**50))) == 1
    index = run.store.get("runs-index.json")
    assert index is not None
    entry = parse_record(RunsIndexRecord, index.data, where="runs-index.json").runs["trained"]
    assert (entry.state, entry.kind) == ("finished", "training")


def test_training_splits_once_at_the_fraction(small_market: str, tmp_path: Path) -> None:
    """A quarter of eight days is tested, the newest two, and nothing is left out."""
    finished = run_training(train_settings(tmp_path), small_market)
    span = finished.record.span
    assert (span.train_start_ms, span.test_start_ms, span.test_end_ms) == (
        END_MS - DATA_DAYS * DAY_MS,
        END_MS - 2 * DAY_MS,
        END_MS,
    )
    assert finished.record.num_test_bars == 2 * 96
    assert {"logistic", "prior"} <= set(finished.record.models)


def test_training_twice_is_training_once(small_market: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same command on the same data finds its result; a file that was lost is made again, byte for byte."""
    first = run_training(train_settings(tmp_path), small_market)
    store, keys, stamp = first.run.store, first.run.keys, first.run.plan.stamp
    whole = objects_of(store, keys.root)
    store.delete(keys.trained_model(stamp))
    mended = run_training(train_settings(tmp_path), small_market)
    assert mended.is_new
    assert objects_of(store, keys.root) == whole
    monkeypatch.setattr(training, "train_and_test", lambda *_, **__: pytest.fail("it was trained again"))
    again = run_training(train_settings(tmp_path), small_market)
    assert not again.is_new
    assert again.record == first.record


def test_fraction_becomes_whole_days(tmp_path: Path) -> None:
    """The guide's 20 % of 90 days are 18; there is always a day to test, and five to train on or a sentence."""
    windows = as_walkforward(train_settings(tmp_path, data_days=90, test_size=0.2)).windows
    assert (windows.data_days, windows.window_size, windows.test_size) == (90, 72, 18)
    assert as_walkforward(train_settings(tmp_path, test_size=0.01)).windows.test_size == 1
    with pytest.raises(ConfigError, match="A test of 6 of 8 days leaves 2 to train on"):
        as_walkforward(train_settings(tmp_path, test_size=0.8))


def test_training_is_no_walkforward(small_market: str, tmp_path: Path) -> None:
    """Under the training's name no walk-forward is run, with other settings or with the very same: 78."""
    run_training(train_settings(tmp_path), small_market)
    for split in ({}, {"window_size": 6, "test_size": 2}):
        with pytest.raises(ConfigError, match="Run trained is a basic training, and this would be a walk-forward"):
            open_small_run(small_settings(tmp_path, run_id="trained", **split), small_market)


def test_walkforward_is_no_training(small_market: str, tmp_path: Path) -> None:
    """Under a walk-forward's name nothing is trained, and the sentence says why."""
    run = open_small_run(small_settings(tmp_path, run_id="trained", window_size=6, test_size=2), small_market)
    with pytest.raises(ConfigError, match="Run trained is a walk-forward, and this would be a basic training"):
        run_training(train_settings(tmp_path), small_market)
    assert not list(run.ledger.list("ledger/"))


def test_training_counts_as_a_trial(small_market: str, tmp_path: Path) -> None:
    """Whoever has looked at a test by `train` has looked: a walk-forward over the same days counts it."""
    finished = run_training(train_settings(tmp_path), small_market)
    walked = open_small_run(small_settings(tmp_path), small_market)
    attempt_window(walked, 2, max_attempts=1)
    tested = windows_of(walked.plan)[2].test
    assert tested is not None
    hashes = {procedure_hash(run.plan.procedure, run.plan.feature_set) for run in (finished.run, walked)}
    assert {trial.procedure for trial in trials_over(walked.ledger, tested)} == hashes
    assert len(hashes) == 2


def test_training_that_was_killed_goes_on(small_market: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is due, never lost; the same command ends it as if nothing had been."""
    with monkeypatch.context() as patch:
        patch.setattr(training, "train_and_test", lambda *_, **__: raise_terminated())
        with pytest.raises(Terminated):
            run_training(train_settings(tmp_path), small_market)
    store = LocalStore(tmp_path)
    plan = read_plan(store, "trained")
    assert plan is not None and plan.kind == "training"
    assert training_state(store, plan, now_ms=now_ms() + DAY_MS).state == "due"
    assert run_training(train_settings(tmp_path), small_market).is_new
    assert training_state(store, plan, now_ms=now_ms()).state == "done"


def raise_terminated() -> None:
    """As a pod that is evicted."""
    raise Terminated("Asked to stop.")
