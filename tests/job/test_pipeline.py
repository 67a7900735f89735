from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
import torch

from job import interruption, pipeline, sealed_test
from job.artifacts.folder import LocalStore
from job.artifacts.manifest import read_manifest
from job.artifacts.stored_records import parse_record
from job.errors import DataError, NoDataError, Terminated
from job.model.logistic import LogisticLearner
from job.pipeline import run_window
from job.procedure import TrainedProcedure
from job.processor import processor_name
from job.records import ExecutionRecord, LedgerEntryRecord, LedgerResultRecord, PlanRecord, WindowRecord
from job.run import training_data
from job.run.attempt import Attempt
from job.run.ledger import trials_over
from job.run.plan import windows_of
from job.run.run import Run
from job.windows import Span
from tests.support.small_run import objects_of, open_small_run, small_settings

EVERYTHING = Span(start_ms=0, end_ms=2**50)


@pytest.fixture
def run(small_market: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A planned run that trains the traded model alone: baselines take the time, and change nothing of the order."""
    learners_of = pipeline.learners_of
    monkeypatch.setattr(pipeline, "learners_of", lambda *given, **named: learners_of(*given, **named)[:1])
    return open_small_run(small_settings(tmp_path), small_market)


def run_one(run: Run, index: int = 0) -> None:
    """One window, in an attempt of its own."""
    with Attempt(run.store, run.keys, index, max_attempts=3) as attempt:
        run_window(run, index, attempt=attempt)


def entries(run: Run) -> list[str]:
    """The ledger's keys."""
    return [info.key for info in run.ledger.list("ledger/")]


def test_window_leaves_what_the_contract_names(run: Run) -> None:
    """Model, series, metrics and a manifest that names the three; how it went stands outside of it."""
    run_one(run, 1)
    names = {info.key.removeprefix(run.keys.root) for info in run.store.list(run.keys.root)}
    results = {"best_model_window_1.pt", "windows/1/series.npz", "windows/1/metrics.json"}
    assert names == results | {
        "plan.json",
        "windows/1/manifest.json",
        "windows/1/execution.json",
        "windows/1/finished.npz",
        "windows/1/attempts/1.json",
    }
    manifest = read_manifest(run.store, run.keys.window_manifest(1))
    assert manifest is not None
    assert {entry.key for entry in manifest.objects} == results
    stored = run.store.get(run.keys.execution(1))
    assert stored is not None
    execution = parse_record(ExecutionRecord, stored.data, where="execution.json")
    assert (execution.index, execution.attempt, execution.device) == (1, 1, "cpu")
    assert execution.cpu == processor_name()
    assert set(execution.seconds_by_stage) == {"read", "train", "test", "store"}


@pytest.mark.parametrize("model", ["logistic", "lorentzian"])
def test_window_gives_the_same_bytes_twice(small_market: str, tmp_path: Path, model: str) -> None:
    """Model, series, metrics and manifest are a function of settings and data, wherever and whenever they are made."""
    found = []
    for folder in ("a", "b"):
        run = open_small_run(small_settings(tmp_path / folder, model=model), small_market)
        torch.manual_seed(len(found))  # the global generator is nobody's business
        run_one(run, 0)
        found.append({k: v for k, v in objects_of(run.store, run.keys.root).items() if k != "plan.json"})
    assert found[0] == found[1]
    assert len(found[0]) == 4


def test_manifest_is_written_last(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every object that a manifest names was there before it."""
    before: list[set[str]] = []
    replace_ = run.store.replace

    def note(key: str, data: bytes, *, etag: str | None) -> bool:
        before.append({info.key for info in run.store.list(run.keys.root)})
        return replace_(key, data, etag=etag)

    monkeypatch.setattr(run.store, "replace", note)
    run_one(run)
    assert len(before) == 1
    assert {run.keys.series(0), run.keys.window_metrics(0), run.keys.best_model_window(0)} <= before[0]
    assert run.keys.window_manifest(0) not in before[0]


def test_training_never_reads_the_test(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first read ends where the test begins; the test is read once, after the training is over."""
    events: list[Any] = []
    load, train_all = training_data.load_dataset, pipeline.train_all

    def spy(connection: Any, plan: Any, span: Span, **options: Any) -> Any:
        data = load(connection, plan, span, **options)
        events.append((span, int(data.klines.open_time[-1]), int(data.rows.open_time[-1])))
        return data

    def spied_training(*arguments: Any, **options: Any) -> Any:
        trained = train_all(*arguments, **options)
        events.append("trained")
        return trained

    monkeypatch.setattr(training_data, "load_dataset", spy)
    monkeypatch.setattr(sealed_test, "load_dataset", spy)
    monkeypatch.setattr(pipeline, "train_all", spied_training)
    run_one(run)
    window = windows_of(run.plan)[0]
    (train, last_bar, last_row), trained, (test, *_) = events
    assert (train, trained, test) == (window.train, "trained", window.test)
    assert window.test is not None
    assert max(last_bar, last_row) < window.test.start_ms


def test_reading_is_noted_before_the_test_is_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where reading the test fails, its entry stands with the model's hash, and counts as a trial."""

    def fail(*_: object, **__: object) -> object:
        assert len(entries(run)) == 1
        raise NoDataError("The disk with the test has gone.")

    monkeypatch.setattr(pipeline, "read_test", fail)
    with pytest.raises(NoDataError):
        run_one(run)
    (key,) = entries(run)
    stored = run.ledger.get(key)
    assert stored is not None
    entry = parse_record(LedgerEntryRecord, stored.data, where=key)
    assert key.endswith(f"/{entry.model_hash}.json")
    assert entry.test_start_ms == run.plan.windows[0].test_start_ms
    assert len(trials_over(run.ledger, EVERYTHING)) == 1
    assert not pipeline.is_done(run, 0)


def events_of(run: Run, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In which order one window trains, hashes its model, notes its reading and reads its test."""
    events: list[str] = []

    def told(module: Any, name: str, event: str) -> None:
        original = getattr(module, name)

        def spy(*arguments: Any, **options: Any) -> Any:
            events.append(event)
            return original(*arguments, **options)

        monkeypatch.setattr(module, name, spy)

    told(pipeline, "train_all", "trained")
    told(pipeline, "checkpoint_bytes", "hashed")
    told(pipeline, "note_reading", "noted")
    told(sealed_test, "load_dataset", "read")
    run_one(run)
    return events


def test_order_is_train_hash_note_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be chosen after the test was seen, and nothing is seen that was not counted."""
    assert events_of(run, monkeypatch) == ["trained", "hashed", "noted", "read"]


def test_test_that_was_not_noted_cannot_be_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that puts off the note, so that it reads first, ends before it has read anything."""
    monkeypatch.setattr(pipeline, "note_reading", lambda *_, **__: "ledger/later.json")
    monkeypatch.setattr(sealed_test, "load_dataset", lambda *_: pytest.fail("it was read"))
    with pytest.raises(AssertionError, match=r"ledger/later\.json was not noted before the test was read"):
        run_one(run)
    assert not pipeline.is_done(run, 0)


def test_noted_hash_covers_the_thresholds(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same weights with another threshold are another model, so no threshold can be moved after the note."""
    run_one(run)
    checkpoint = pipeline.checkpoint_bytes

    def other_threshold(trained: TrainedProcedure, plan: PlanRecord) -> bytes:
        choice = replace(trained.choice, thresholds=replace(trained.choice.thresholds, buy=0.987))
        return checkpoint(replace(trained, choice=choice), plan)

    monkeypatch.setattr(pipeline, "checkpoint_bytes", other_threshold)
    run_one(run)
    assert len([key for key in entries(run) if not key.endswith(".daily.json")]) == 2
    assert len(trials_over(run.ledger, EVERYTHING)) == 1


def test_first_window_warns_of_too_few_labels(run: Run) -> None:
    """The log of one window says what holds for all; the record says how many independent labels there were."""
    with structlog.testing.capture_logs() as lines:
        run_one(run, 1)
        run_one(run, 0)
    warned = [line for line in lines if line["event"] == "training_warned"]
    assert len(warned) == 1
    assert "--window-size" in warned[0]["warning"]
    stored = run.store.get(run.keys.window_metrics(0))
    assert stored is not None
    record = parse_record(WindowRecord, stored.data, where="metrics.json")
    assert 40 < record.effective_train_rows < record.num_train_rows / 4


def test_failed_training_reads_no_test(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails before the model is there leaves the ledger as it was."""

    def fail(*_: object, **__: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(pipeline, "train_all", fail)
    with pytest.raises(ZeroDivisionError):
        run_one(run)
    assert entries(run) == []


def test_retried_reading_is_the_same_reading(run: Run) -> None:
    """A pod that starts twice notes its reading once, with its daily returns beside it."""
    run_one(run)
    once = entries(run)
    run_one(run)
    assert entries(run) == once
    result, entry = once
    assert result == entry.replace(".json", ".daily.json")
    stored = run.ledger.get(result)
    assert stored is not None
    daily = parse_record(LedgerResultRecord, stored.data, where=result)
    assert daily.day_ms == (run.plan.windows[0].test_start_ms,)


def test_another_setting_is_another_trial_and_a_later_span_is_not(small_market: str, tmp_path: Path) -> None:
    """N rises with a cost that was tried, not with the windows that a procedure runs over."""
    for number, (fee, index, run_id) in enumerate([(5.0, 0, "a"), (5.0, 2, "b"), (1.0, 0, "c")], start=1):
        settings = small_settings(tmp_path, run_id=run_id, fee_bps=fee)
        run = open_small_run(settings, small_market)
        run_one(run, index)
        assert len(trials_over(run.ledger, EVERYTHING)) == (1 if number < 3 else 2)


def test_slower_pod_leaves_the_result_that_stands(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pods on one window, on processors that round differently: the first one's result stays, whole."""
    run_one(run)
    first = objects_of(run.store, run.keys.root)
    execution = run.store.get(run.keys.execution(0))
    monkeypatch.setattr(pipeline, "checkpoint_bytes", lambda *_: b"rounded differently")
    run_one(run)
    assert objects_of(run.store, run.keys.root) == first
    assert run.store.get(run.keys.execution(0)) == execution
    assert pipeline.is_done(run, 0)


def test_window_that_is_asked_to_stop_stores_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that comes while the test is read is obeyed before anything is stored."""
    read = pipeline.read_test

    def read_and_be_stopped(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(interruption, "_requested", [Terminated])
        return read(*arguments, **options)

    monkeypatch.setattr(pipeline, "read_test", read_and_be_stopped)
    with pytest.raises(Terminated):
        run_one(run)
    assert run.store.get(run.keys.series(0)) is None
    assert not pipeline.is_done(run, 0)


def test_stopped_window_goes_on_with_its_finished_fits(
    run: Run, small_market: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the second block, it fits that one alone the next time; same bytes, and no checkpoint is left."""
    whole = replace(run, store=LocalStore(tmp_path / "whole"), ledger=LocalStore(tmp_path / "whole"))
    run_one(whole)
    validate, blocks = LogisticLearner.validate, list[int]()

    def stop_in_second(self: LogisticLearner, *rows: Any, block: int, **options: Any) -> Any:
        blocks.append(block)
        if blocks == [0, 1]:
            raise Terminated("Stopped.")
        return validate(self, *rows, block=block, **options)

    monkeypatch.setattr(LogisticLearner, "validate", stop_in_second)
    with pytest.raises(Terminated):
        run_one(run)
    assert run.store.get(run.keys.kept_fits(0)) is not None
    run_one(run)
    assert blocks == [0, 1, 1]
    results = objects_of(run.store, run.keys.root)
    assert {key: data for key, data in results.items() if key != "plan.json"} == objects_of(whole.store, run.keys.root)


def test_data_that_changed_is_never_trained_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check comes before the first read."""

    def refuse(*_: object) -> None:
        raise DataError("changed since the plan")

    monkeypatch.setattr(training_data, "check_unchanged", refuse)
    monkeypatch.setattr(training_data, "load_dataset", lambda *_: pytest.fail("it was read"))
    with pytest.raises(DataError):
        run_one(replace(run))
    assert entries(run) == []
