"""The index of runs from its bytes, entry by entry, so that one bad entry hides no other; or from a listing."""

from pydantic import ValidationError

from dashboard.reading import Fault, RunsIndex
from job.artifacts.json_bytes import MAX_JSON_BYTES, from_json_bytes
from job.artifacts.keys import RUNS_INDEX, RUNS_PREFIX, RunKeys, check_run_id
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import parse_record
from job.errors import ConfigError, DataError, JobError
from job.records import SCHEMA_VERSION, PlanRecord, RunIndexEntry

MAX_RUNS = 20_000
# Without an index every plan is read by itself.
MAX_LISTED = 200


def parse_index(data: bytes, *, location: str) -> RunsIndex:
    """The runs of an index.

    Raises
    ------
    DataError
        Where it is no index at all, or of a newer version.
    """
    where = f"{RUNS_INDEX} in {location}"
    content = from_json_bytes(data, where=where)
    version, runs = content.get("schema_version"), content.get("runs")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise DataError(
            f"{where} was written by a newer version: schema {version}, and this one knows {SCHEMA_VERSION}.",
            remedy="Update the dashboard.",
        )
    if version != SCHEMA_VERSION or not isinstance(runs, dict):
        raise DataError(f"{where} is no index of runs.", remedy="Check the save path.")
    found: dict[str, RunIndexEntry] = {}
    faults: list[Fault] = []
    for run_id, entry in list(runs.items())[:MAX_RUNS]:
        try:
            check_run_id(run_id)
            found[run_id] = RunIndexEntry.model_validate(entry)
            if found[run_id].run_id != run_id:
                raise ConfigError("It stands under another run's name.")
        except (ValidationError, JobError):
            found.pop(run_id, None)
            faults.append(_fault(run_id))
    if len(runs) > MAX_RUNS:
        faults.append(
            Fault(key=RUNS_INDEX, message=f"Only {MAX_RUNS:,} of {len(runs):,} runs are shown.", remedy="Prune runs.")
        )
    return RunsIndex(runs=found, faults=tuple(faults))


def listed_index(store: ObjectStore) -> RunsIndex:
    """The runs that a listing finds by their plans; their results are then not known."""
    keys = [info.key for info in store.list(RUNS_PREFIX)]
    run_ids = [parts[1] for key in keys if (parts := key.split("/"))[2:] == ["plan.json"]]
    finished = {parts[1] for key in keys if (parts := key.split("/"))[2:] == ["manifest.json"]}
    found: dict[str, RunIndexEntry] = {}
    faults: list[Fault] = []
    for run_id in run_ids[:MAX_LISTED]:
        try:
            key = RunKeys(run_id).plan
            stored = store.get(key, max_bytes=MAX_JSON_BYTES)
            if stored is not None:
                plan = parse_record(PlanRecord, stored.data, where=key)
                found[run_id] = _entry_of(plan, run_id, is_finished=run_id in finished)
        except (ConfigError, DataError) as error:
            faults.append(Fault.of(f"{RUNS_PREFIX}{run_id}/plan.json", error))
    return RunsIndex(runs=found, faults=tuple(faults), num_listed=len(keys))


def _entry_of(plan: PlanRecord, run_id: str, *, is_finished: bool) -> RunIndexEntry:
    return RunIndexEntry(
        run_id=run_id,
        state="finished" if is_finished else "running",
        symbol=plan.procedure.market.symbol,
        interval=plan.procedure.market.interval,
        kind=plan.kind,
        created_at_ms=plan.created_at_ms,
        num_windows=len(plan.windows),
        num_done=0,
        num_failed=0,
    )


def _fault(run_id: str) -> Fault:
    return Fault(
        key=f"{RUNS_INDEX}: {run_id[:80]!r}",
        message="This entry is no run that this version knows.",
        remedy="Read it with the version that wrote it; `lorentzian finalize --run-id` writes an entry anew.",
    )
