"""``runs-index.json``: every run under a save path in one object, changed only by compare-and-swap.

It is read whole by every look at the overview and by every start and end of a run, so it says nothing twice: fields
at their defaults are left out, which every version that knows them reads as if they stood there.
"""

from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import JsonValue

from job.artifacts.json_bytes import to_json_bytes
from job.artifacts.keys import RUNS_INDEX
from job.artifacts.store import ObjectStore, update
from job.artifacts.stored_records import parse_record
from job.records import SCHEMA_VERSION, PlanRecord, RunIndexEntry, RunsIndexRecord, SummaryRecord

# No list shows more than five; the others keep the last one that is shown from being rounded twice.
SIGNIFICANT_DIGITS = 8


def note_started(store: ObjectStore, plan: PlanRecord) -> None:
    """Enter a run as running, unless it has an entry."""
    entry = _entry(plan, state="running", num_done=0, num_failed=0)
    _change(store, lambda runs: runs if plan.run_id in runs else runs | {plan.run_id: entry})


def note_trained(store: ObjectStore, plan: PlanRecord) -> None:
    """Enter a basic training as finished; it has no headline."""
    entry = _entry(plan, state="finished", num_done=len(plan.windows), num_failed=0)
    _change(store, lambda runs: runs | {plan.run_id: entry})


def note_finished(store: ObjectStore, plan: PlanRecord, summary: SummaryRecord) -> None:
    """Enter a run as finished, with its headline."""
    main = summary.models[summary.traded_model]
    headline = {
        "sharpe_ratio": main.measures["sharpe_ratio"],
        "sharpe_interval": main.sharpe_interval,
        "median_validation_sharpe": summary.median_validation_sharpe,
        "median_test_sharpe": summary.median_test_sharpe,
        **{name: main.measures[name] for name in ("total_return", "max_drawdown", "turnover")},
        "break_even_bps": summary.break_even_bps,
        "num_days": summary.num_days,
        "dsr": summary.dsr,
        "num_trials": summary.num_trials,
        "verdict": summary.verdict,
    }
    num_failed = len(summary.failed_windows)
    entry = _entry(plan, state="finished", num_done=len(plan.windows) - num_failed, num_failed=num_failed)
    _change(store, lambda runs: runs | {plan.run_id: entry.model_copy(update=headline)})


def note_pruned(store: ObjectStore, run_id: str) -> None:
    """Take a run out that is about to be deleted."""
    if run_id in indexed_runs(store):
        _change(store, lambda runs: {name: entry for name, entry in runs.items() if name != run_id})


def indexed_runs(store: ObjectStore) -> dict[str, RunIndexEntry]:
    """Every run in the index, by id."""
    stored = store.get(RUNS_INDEX)
    return {} if stored is None else _parsed(stored.data).runs


def index_bytes(runs: Mapping[str, RunIndexEntry]) -> bytes:
    """The index as it is stored; numbers to `SIGNIFICANT_DIGITS`, their full length is in the run's summary."""
    entries = {run_id: _shortened(run.model_dump(mode="json", exclude_defaults=True)) for run_id, run in runs.items()}
    return to_json_bytes({"schema_version": SCHEMA_VERSION, "runs": entries}, is_compact=True)


def _shortened(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {name: _shortened(each) for name, each in value.items()}
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if isinstance(value, float) else value


def _entry(plan: PlanRecord, *, state: Literal["running", "finished"], num_done: int, num_failed: int) -> RunIndexEntry:
    return RunIndexEntry(
        run_id=plan.run_id,
        state=state,
        symbol=plan.procedure.market.symbol,
        interval=plan.procedure.market.interval,
        kind=plan.kind,
        created_at_ms=plan.created_at_ms,
        num_windows=len(plan.windows),
        num_done=num_done,
        num_failed=num_failed,
    )


def _change(store: ObjectStore, change: Callable[[dict[str, RunIndexEntry]], dict[str, RunIndexEntry]]) -> None:
    def changed(data: bytes | None) -> bytes:
        return index_bytes(change({} if data is None else _parsed(data).runs))

    update(store, RUNS_INDEX, changed)


def _parsed(data: bytes) -> RunsIndexRecord:
    return parse_record(RunsIndexRecord, data, where=RUNS_INDEX)
