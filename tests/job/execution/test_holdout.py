import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from job import sealed_test
from job.artifacts.manifest import write_with_manifest
from job.artifacts.stored_records import parse_record
from job.errors import ConfigError, DataError, UsageError
from job.execution import holdout
from job.execution.final_model import fit_final_model
from job.execution.holdout import open_holdout
from job.execution.window_attempt import attempt_window
from job.intervals import DAY_MS
from job.records import HoldoutRecord
from job.run.ledger import trials_over
from job.run.run import Run
from job.windows import Span
from tests.support.small_run import END_MS, RUN_ID, change_close, open_small_run, small_settings

LOCKED = Span(start_ms=END_MS - DAY_MS, end_ms=END_MS)


def run_with_holdout(conninfo: str, folder: Path, *, run_id: str = RUN_ID, **changes: Any) -> Run:
    """A planned run that has locked its newest day away."""
    return open_small_run(small_settings(folder, run_id=run_id, holdout_days=1, **changes), conninfo)


def finished_run(conninfo: str, folder: Path, *, run_id: str = RUN_ID, **changes: Any) -> Run:
    """The same with as much of a result as an opening needs: the final model, and a manifest that names it."""
    run = run_with_holdout(conninfo, folder, run_id=run_id, **changes)
    store_final_model(run, fit_final_model(run).data)
    return run


def store_final_model(run: Run, data: bytes) -> None:
    """Hand this file out as the run's final model."""
    before = run.store.get(run.keys.manifest)
    written = write_with_manifest(
        run.store,
        run.keys.manifest,
        {run.keys.best_model_final(run.plan.stamp): data},
        root=run.keys.root,
        extra={},
        replacing=None if before is None else before.etag,
    )
    assert written is not None


def test_final_model_is_tested_on_the_locked_days(small_market: str, tmp_path: Path) -> None:
    """One day of bars, forecast and traded by the model that the run hands out; stored, and untouched."""
    run = finished_run(small_market, tmp_path)
    record = open_holdout(run)
    assert (record.start_ms, record.end_ms, record.num_bars, record.num_days) == (LOCKED.start_ms, LOCKED.end_ms, 96, 1)
    assert (record.opening, record.is_spent, record.spent_reason) == (1, False, None)
    assert {"total_return", "sharpe_ratio", "n_trades", "log_loss", "auc"} <= record.measures.keys()
    assert record.measures["n_days"].value == 1
    assert record.sharpe_interval.reason is not None
    final = fit_final_model(run)
    assert final.window.train.end_ms == LOCKED.start_ms
    assert hashlib.sha256(final.data).hexdigest() == record.model_hash
    stored = run.store.get(run.keys.holdout)
    assert stored is not None
    assert parse_record(HoldoutRecord, stored.data, where="holdout.json") == record


def test_locked_days_are_noted_before_they_are_read(
    small_market: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where reading them fails, they are opened all the same; a note that is put off ends before they are read."""
    run = finished_run(small_market, tmp_path)
    notes: list[tuple[int, int]] = []

    def fail(*_: object, **__: object) -> object:
        notes.append((len(list(run.ledger.list("holdout/"))), len(trials_over(run.ledger, LOCKED))))
        raise DataError("The disk with the bars has gone.")

    with monkeypatch.context() as patch:
        patch.setattr(sealed_test, "load_dataset", fail)
        with pytest.raises(DataError):
            open_holdout(run)
    assert notes == [(1, 1)]
    other = finished_run(small_market, tmp_path, run_id="other")
    assert open_holdout(other).opening == 2
    again = open_holdout(run)
    assert (again.opening, again.is_spent) == (1, False)
    run.store.delete(run.keys.holdout)
    with monkeypatch.context() as patch:
        patch.setattr(
            holdout, "note_opening", lambda *_, **__: holdout.Opening(entry="later", number=1, spent_reason=None)
        )
        patch.setattr(sealed_test, "load_dataset", lambda *_: pytest.fail("they were read"))
        with pytest.raises(AssertionError, match="later was not noted"):
            open_holdout(run)


def test_same_run_opens_once(small_market: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second call gives what is stored, and trains and reads nothing."""
    run = finished_run(small_market, tmp_path)
    first = open_holdout(run)
    monkeypatch.setattr(holdout, "fit_final_model", lambda _: pytest.fail("it was trained again"))
    assert open_holdout(run) == first


def test_another_procedure_finds_the_days_spent(small_market: str, tmp_path: Path) -> None:
    """The second one to look gets its numbers, and with them that they confirm nothing, and who was first."""
    open_holdout(finished_run(small_market, tmp_path))
    second = open_holdout(finished_run(small_market, tmp_path, run_id="second", fee_bps=1.0))
    assert (second.opening, second.is_spent) == (2, True)
    assert second.spent_reason is not None and second.spent_reason.startswith("Run small opened these days first")


def test_days_that_a_walkforward_has_tested_are_spent(small_market: str, tmp_path: Path) -> None:
    """A run without a holdout has looked at the newest day: locking it away afterwards is too late."""
    attempt_window(open_small_run(small_settings(tmp_path, run_id="all"), small_market), 2, max_attempts=1)
    record = open_holdout(finished_run(small_market, tmp_path))
    assert (record.opening, record.is_spent) == (1, True)
    assert record.spent_reason == "1 procedure has been tested on some of these days before."


def test_opening_is_a_trial_with_its_returns(small_market: str, tmp_path: Path) -> None:
    """Who walks over the days later finds two procedures in the ledger, and what they earned; the run itself, none."""
    records = [
        open_holdout(finished_run(small_market, tmp_path, run_id=name, fee_bps=fee))
        for name, fee in (("a", 5.0), ("b", 1.0))
    ]
    run = run_with_holdout(small_market, tmp_path, run_id="a")
    trials = trials_over(run.ledger, LOCKED)
    assert {trial.day.tolist()[0] for trial in trials} == {LOCKED.start_ms}
    earned = {round(float(trial.daily_returns[0]), 12) for trial in trials}
    assert earned == {round(record.measures["total_return"].value or 0.0, 12) for record in records}
    assert len(trials) == 2
    assert trials_over(run.ledger, Span(start_ms=0, end_ms=LOCKED.start_ms)) == []


def test_another_file_than_the_stored_model_opens_nothing(small_market: str, tmp_path: Path) -> None:
    """Without a final model, with a torn one, and where another one comes out here: refused, and nothing is noted."""
    run = run_with_holdout(small_market, tmp_path)
    with pytest.raises(DataError, match="Run small has no final model") as missing:
        open_holdout(run)
    assert missing.value.remedy == "Run `lorentzian finalize --run-id small` first."
    store_final_model(run, b"rounded differently")
    with pytest.raises(ConfigError, match="the final model of run small is not the one that is stored") as other:
        open_holdout(run)
    assert "where the run was finalized" in other.value.remedy
    run.store.put(run.keys.best_model_final(run.plan.stamp), fit_final_model(run).data)
    with pytest.raises(DataError, match="or another file lies in its place"):
        open_holdout(run)
    assert not list(run.ledger.list("holdout/")) and not list(run.ledger.list("ledger/"))
    store_final_model(run, fit_final_model(run).data)
    assert open_holdout(run).opening == 1


def test_windows_and_final_model_know_nothing_of_the_locked_days(small_database: str, tmp_path: Path) -> None:
    """Other bars there change no bit of a window or of the final model, only what the opening finds."""
    found = []
    for folder in ("a", "b"):
        run = run_with_holdout(small_database, tmp_path / folder)
        attempt_window(run, 1, max_attempts=1)
        model = run.store.get(run.keys.best_model_window(1))
        series = run.store.get(run.keys.series(1))
        assert model is not None and series is not None
        found.append((run.plan.windows, model.data, series.data, fit_final_model(run).data))
        for bar in np.arange(LOCKED.start_ms, LOCKED.end_ms, DAY_MS // 24):
            change_close(small_database, int(bar))
    assert found[0] == found[1]


def test_run_without_locked_days_has_nothing_to_open(small_market: str, tmp_path: Path) -> None:
    """64, with how it is done next time; nothing is noted."""
    run = open_small_run(small_settings(tmp_path), small_market)
    with pytest.raises(UsageError, match="Run small has no days locked away") as caught:
        open_holdout(run)
    assert "--holdout-days" in caught.value.remedy
    assert not list(run.ledger.list("holdout/"))
