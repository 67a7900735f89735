"""Null worlds of a stored run: its own windows, each world once, kept when the rest is lost, and in the summary."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.stored_records import record_bytes
from job.data.outside_series import OutsideSeries, funding_key
from job.data.postgres import connect
from job.data.series_table import write_series
from job.dataset import load_dataset
from job.errors import DataError
from job.execution import finalize as finalize_module
from job.execution import null_worlds
from job.execution.finalize import finalize
from job.execution.null_worlds import rehearse_null_world, run_null_worlds
from job.intervals import DAY_MS, HOUR_MS
from job.records import MeasureRecord, NullWorldRecord
from job.run.address import RunAddress
from job.run.finalized import stored_null_worlds
from job.run.plan import windows_of
from job.run.run import Run
from tests.support.small_run import END_MS, KEY, change_close, copied, open_small_run, small_settings


class Told:
    """A tracker that remembers."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []

    def advance_to(self, done: int, total: int, *, note: str = "") -> None:
        """One step."""
        self.steps.append((done, total))


@pytest.fixture
def run(run_of_three: Run, tmp_path: Path) -> Run:
    """A run whose three windows are done."""
    return copied(run_of_three, tmp_path)


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take the time, and have nothing to do with it."""
    monkeypatch.setattr(finalize_module, "report_objects", lambda *_: {})


def address_of(run: Run) -> RunAddress:
    """For workers."""
    assert isinstance(run.store, LocalStore)
    place = run.store.location
    return RunAddress(
        run_id=run.plan.run_id, save_path=place, ledger_path=place, conninfo=run.conninfo, device="cpu", threads=1
    )


def world(index: int, sharpe: float) -> NullWorldRecord:
    """One that some earlier start has stored."""
    measure = MeasureRecord(value=sharpe)
    return NullWorldRecord(index=index, sharpe_ratio=measure, total_return=measure, num_trades=3)


def test_rehearsal_of_a_null_world_has_the_runs_windows(run: Run) -> None:
    """The same spans and features, on other bars, from the traded model alone."""
    rehearsal = rehearse_null_world(run, 0)
    assert rehearsal.plan == run.plan
    first = next(rehearsal.windows(with_baselines=False))
    assert first.record.span == run.plan.windows[0]
    assert set(first.record.models) == {run.traded_model}
    again = rehearse_null_world(run, 1)
    assert (again.klines.open_time == rehearsal.klines.open_time).all()
    assert not np.allclose(again.klines.close, rehearsal.klines.close)


def test_null_world_of_a_run_with_a_holdout_ends_before_it(small_market: str, tmp_path: Path) -> None:
    """The plan's windows, which have the locked days cut off already: they are not cut off again."""
    run = open_small_run(small_settings(tmp_path, holdout_days=2), small_market)
    rehearsal = rehearse_null_world(run, 0)
    assert rehearsal.plan == run.plan
    assert rehearsal.klines.available_at[-1] == run.plan.end_ms == END_MS - 2 * DAY_MS
    assert [w.record.span for w in rehearsal.windows(with_baselines=False)] == list(run.plan.windows)


def test_null_world_pays_the_stored_funding(small_database: str, tmp_path: Path) -> None:
    """What falls due in the real tests falls due in the null world's, unless it is a spot market."""
    due = np.arange(END_MS - 8 * DAY_MS, END_MS, 8 * HOUR_MS, dtype=np.int64)
    with connect(small_database) as connection:
        rates = OutsideSeries(event_time=due, available_at=due, value=np.linspace(1e-4, 2e-4, len(due)))
        write_series(connection, funding_key(KEY), rates)
        run = open_small_run(small_settings(tmp_path), small_database)
        test = windows_of(run.plan)[0].test
        assert test is not None
        stored = load_dataset(connection, run.plan, test).klines.between(test.start_ms, test.end_ms)
    paid = next(rehearse_null_world(run, 0).windows(with_baselines=False)).series.klines.funding
    assert np.count_nonzero(paid) == 3
    assert np.array_equal(paid, stored.funding)
    spot = open_small_run(small_settings(tmp_path, run_id="spot", market="spot"), small_database)
    assert rehearse_null_world(spot, 0).funding is None


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.slow
def test_null_worlds_go_on_and_reach_the_summary(run: Run) -> None:
    """A world that is stored is not run again, the missing one is, windows are counted, and finalizing takes both."""
    finalize(run)
    run.store.put(run.keys.null_world(0), record_bytes(world(0, -1.0)))
    told = Told()
    assert run_null_worlds(address_of(run), num_worlds=2, num_workers=2, tracker=told) == 1
    stored = stored_null_worlds(run.store, run.keys)
    assert [each.index for each in stored] == [0, 1]
    assert stored[0] == world(0, -1.0)
    assert told.steps[0] == (3, 6)
    assert told.steps[-1] == (6, 6)
    assert run_null_worlds(address_of(run), num_worlds=2, num_workers=2, tracker=told) == 0
    summary = finalize(run).summary
    assert summary is not None and summary.null_worlds is not None
    assert summary.null_worlds.num_worlds == 2
    before = run.store.get(run.keys.manifest)
    assert finalize(run).summary == summary
    assert run.store.get(run.keys.manifest) == before


def test_null_world_of_changed_data_is_refused(run: Run, small_database: str) -> None:
    """Bars that are not the plan's any more end the work with the reason, which the worker tells."""
    change_close(small_database, END_MS - 15 * 60_000)
    changed = replace(run, conninfo=small_database)
    with pytest.raises(DataError, match="changed since the plan"):
        run_null_worlds(address_of(changed), num_worlds=1, num_workers=1, tracker=Told())
    assert stored_null_worlds(run.store, run.keys) == ()


@pytest.mark.usefixtures("no_pictures")
def test_finalized_run_is_finalized_anew_for_a_new_world(run: Run) -> None:
    """A world that comes later changes the result, as a window would; the same worlds do not."""
    run.store.put(run.keys.null_world(0), record_bytes(world(0, 99.0)))
    first = finalize(run).summary
    run.store.put(run.keys.null_world(1), record_bytes(world(1, -99.0)))
    second = finalize(run).summary
    assert first is not None and first.null_worlds is not None
    assert second is not None and second.null_worlds is not None
    assert (first.null_worlds.num_worlds, second.null_worlds.num_worlds) == (1, 2)
    if first.null_worlds.p_value.value is not None:
        assert (first.null_worlds.p_value.value, second.null_worlds.p_value.value) == (1.0, pytest.approx(2 / 3))


def test_dead_worker_is_told_from_one_that_is_done(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends with a signal's code is an error that can be tried again, never a finished world."""
    from job.errors import TransientError

    context = null_worlds.multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=exit, args=(137,), daemon=True)
    process.start()
    theirs.close()
    worker = null_worlds._Worker(index=4, process=process, pipe=ours)
    progress = null_worlds._Progress(Told(), run.plan, num_done=0, num_worlds=5)
    with pytest.raises(TransientError, match="null world 4 ended with 137"):
        null_worlds._listen(worker, progress)
