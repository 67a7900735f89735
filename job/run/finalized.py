"""Whether the result that a run has is the result of what lies there now; told without whatever it takes to make one.

A sweeper asks this of every run every few minutes, and almost always nothing has changed.
"""

import hashlib
from collections.abc import Mapping

from pydantic import JsonValue

from job.artifacts.json_bytes import to_json_bytes
from job.artifacts.keys import RUNS_INDEX, RUNS_PREFIX, RunKeys
from job.artifacts.manifest import Manifest, read_manifest
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import parse_record
from job.records import HoldoutRecord, NullWorldRecord, RunsIndexRecord
from job.run.state import WindowState

FAILED = "failed"  # in place of the digest of a window without a result


def planned_runs(store: ObjectStore) -> list[str]:
    """The ids of all runs that have a plan, sorted."""
    paths = (info.key.split("/") for info in store.list(RUNS_PREFIX))
    return sorted(run_id for _, run_id, *rest in paths if rest == ["plan.json"])


def finished_verdict(store: ObjectStore, keys: RunKeys, states: tuple[WindowState, ...]) -> str | None:
    """The verdict of a run whose result stands in its manifest and in the index of runs; None where one must be made.

    That the result's objects are whole is not looked at: nothing writes them but a finalizer, which looks.
    """
    stored, manifest = store.get(RUNS_INDEX), read_manifest(store, keys.manifest)
    if stored is None or manifest is None:
        return None
    entry = parse_record(RunsIndexRecord, stored.data, where=RUNS_INDEX).runs.get(keys.run_id)
    is_current = _is_newest(store, keys, manifest, states) or _is_of_what_lies_there(store, keys, manifest, states)
    return entry.verdict if entry is not None and entry.state == "finished" and is_current else None


def _is_newest(store: ObjectStore, keys: RunKeys, manifest: Manifest, states: tuple[WindowState, ...]) -> bool:
    """Whether everything that a result is made of is older than it; told by the listing, so no window is read."""
    modified_ms = {info.key: info.modified_ms for info in store.list(keys.root)}
    sources = (f"{keys.root}windows/", keys.null_worlds, keys.holdout)
    newest_ms = max((when for key, when in modified_ms.items() if key.startswith(sources)), default=0)
    counted, done = manifest.extra.get("windows"), {str(state.index) for state in states if state.state == "done"}
    is_of_these = isinstance(counted, dict) and {name for name, of in counted.items() if of != FAILED} == done
    return is_of_these and newest_ms < modified_ms.get(keys.manifest, 0)


def _is_of_what_lies_there(
    store: ObjectStore, keys: RunKeys, manifest: Manifest, states: tuple[WindowState, ...]
) -> bool:
    found = {s.index: read_manifest(store, keys.window_manifest(s.index)) for s in states if s.state == "done"}
    manifests = {index: each for index, each in found.items() if each is not None}
    wanted = fingerprint(states, manifests, stored_null_worlds(store, keys), stored_holdout(store, keys))
    return all(manifest.extra.get(name) == value for name, value in wanted.items())


def fingerprint(
    states: tuple[WindowState, ...],
    manifests: Mapping[int, Manifest],
    null_worlds: tuple[NullWorldRecord, ...],
    holdout: HoldoutRecord | None,
) -> dict[str, JsonValue]:
    """What finalizes a run anew by itself: each window's manifest or its absence, each null world, and the holdout."""
    return {
        "windows": {str(s.index): _digest(manifests[s.index]) if s.index in manifests else FAILED for s in states},
        "null_worlds": {str(world.index): _digest(world) for world in null_worlds},
        "holdout": None if holdout is None else _digest(holdout),
    }


def stored_null_worlds(store: ObjectStore, keys: RunKeys) -> tuple[NullWorldRecord, ...]:
    """The null worlds that are done, by number."""
    found = []
    for info in store.list(keys.null_worlds):
        stored = store.get(info.key)
        if stored is not None:
            found.append(parse_record(NullWorldRecord, stored.data, where=info.key))
    return tuple(sorted(found, key=lambda world: world.index))


def stored_holdout(store: ObjectStore, keys: RunKeys) -> HoldoutRecord | None:
    """What the run's final model made of the locked-away days; None where it has not opened them."""
    stored = store.get(keys.holdout)
    return None if stored is None else parse_record(HoldoutRecord, stored.data, where=keys.holdout)


def _digest(stored: Manifest | NullWorldRecord | HoldoutRecord) -> str:
    return hashlib.sha256(to_json_bytes(stored.model_dump(mode="json"))).hexdigest()
