"""Which model is in use for a market: ``current.json``, read by whoever forecasts, moved by compare-and-swap."""

from dataclasses import dataclass

from job.artifacts.keys import MODELS_PREFIX, RUNS_INDEX, ModelKeys
from job.artifacts.store import ObjectStore, update
from job.artifacts.stored_records import parse_record, record_bytes
from job.records import CurrentModelRecord, PlanRecord, PreviousModelRecord, ProcedureRecord, RunsIndexRecord
from job.run.plan import read_plan


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """What a promotion came to: what is in use now, and whether that is new."""

    current: CurrentModelRecord
    is_new: bool


def model_keys(procedure: ProcedureRecord) -> ModelKeys:
    """Where the model in use for a procedure's market is named."""
    market = procedure.market
    return ModelKeys(venue=market.venue, symbol=market.symbol, interval=market.interval)


def read_current(store: ObjectStore, keys: ModelKeys) -> CurrentModelRecord | None:
    """The model in use for a market; None where none was promoted."""
    stored = store.get(keys.current)
    return None if stored is None else parse_record(CurrentModelRecord, stored.data, where=keys.current)


def markets_in_use(store: ObjectStore) -> tuple[ModelKeys, ...]:
    """The markets that have a model in use, by name: one listing."""
    keys = (info.key for info in store.list(MODELS_PREFIX))
    found = (parts[1:4] for key in keys if (parts := key.split("/"))[4:] == ["current.json"])
    return tuple(ModelKeys(venue=venue, symbol=symbol, interval=interval) for venue, symbol, interval in found)


def promoted_runs(store: ObjectStore, *, with_previous: bool = True) -> frozenset[str]:
    """The runs whose models are in use, or were before: those that nobody may delete."""
    found = set()
    for market in markets_in_use(store):
        record = read_current(store, market)
        if record is not None:
            found.add(record.run_id)
            if with_previous and record.previous is not None:
                found.add(record.previous.run_id)
    return frozenset(found)


def put_in_use(store: ObjectStore, wanted: CurrentModelRecord) -> Promotion:
    """Move ``current.json`` to a model; one that is in use already stays as it is, with the time of its promotion.

    Parameters
    ----------
    wanted : what to name; its ``previous`` is filled in here.
    """
    key = ModelKeys(venue=wanted.venue, symbol=wanted.symbol, interval=wanted.interval).current
    is_new = False

    def moved(data: bytes | None) -> bytes:
        nonlocal is_new
        present = None if data is None else parse_record(CurrentModelRecord, data, where=key)
        if data is not None and present is not None and present.model_hash == wanted.model_hash:
            is_new = present == wanted.model_copy(update={"previous": present.previous})  # a lost answer's own write
            return data
        is_new = True
        return record_bytes(wanted.model_copy(update={"previous": _previous(present)}))

    written = update(store, key, moved)
    return Promotion(current=parse_record(CurrentModelRecord, written, where=key), is_new=is_new)


def newest_runs(store: ObjectStore) -> list[PlanRecord]:
    """The plan of each market's newest finished walk-forward, by name of the market."""
    stored = store.get(RUNS_INDEX)
    index = RunsIndexRecord(runs={}) if stored is None else parse_record(RunsIndexRecord, stored.data, where=RUNS_INDEX)
    finished = [run for run in index.runs.values() if run.state == "finished" and run.kind == "walkforward"]
    newest: dict[str, PlanRecord] = {}
    for entry in sorted(finished, key=lambda run: (run.created_at_ms, run.run_id), reverse=True):
        plan = read_plan(store, entry.run_id)
        if plan is not None:
            newest.setdefault(model_keys(plan.procedure).root, plan)
    return [newest[market] for market in sorted(newest)]


def _previous(present: CurrentModelRecord | None) -> PreviousModelRecord | None:
    if present is None:
        return None
    return PreviousModelRecord(**{name: getattr(present, name) for name in PreviousModelRecord.model_fields})
