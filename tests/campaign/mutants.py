"""Mistakes to plant: what the campaign must catch, put into the processes of its commands and nowhere else."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from job.artifacts.keys import RunKeys
    from job.artifacts.manifest import Manifest
    from job.artifacts.store import ObjectStore
    from job.model.classifier import ValidatedFit
    from job.run.state import WindowState


class _Nowhere:
    """A store that takes everything and keeps nothing."""

    def put(self, _key: str, _data: bytes) -> str:
        return ""

    def replace(self, _key: str, _data: bytes, *, etag: str | None) -> bool:
        return etag is None


def write_manifests_first() -> None:
    """Let a manifest stand before what it names."""
    from job.artifacts import manifest, results
    from job.artifacts.json_bytes import to_json_bytes
    from job.execution import finalize

    made_of = manifest.write_with_manifest

    def write(
        store: "ObjectStore", key: str, objects: Mapping[str, bytes], *, replacing: str | None = None, **how: Any
    ) -> "Manifest | None":
        made = made_of(cast("ObjectStore", _Nowhere()), key, objects, **how)
        assert made is not None
        if not store.replace(key, to_json_bytes(made.model_dump(mode="json")), etag=replacing):
            return None
        for name, content in sorted(objects.items()):
            store.put(name, content)
        return made

    results.write_with_manifest = finalize.write_with_manifest = write  # type: ignore[attr-defined, assignment]


def believe_without_a_manifest() -> None:
    """Let a finalizer take a window for done whose metrics have been stored, whatever else is missing."""
    from job.run import state

    told = state._window_state

    def believe(
        store: "ObjectStore", keys: "RunKeys", index: int, modified: Mapping[str, int], now: int
    ) -> "WindowState":
        if keys.window_metrics(index) in modified:
            return state._done_state(keys, index, modified)
        return told(store, keys, index, modified, now)

    state._window_state = believe


def judge_without_waiting() -> None:
    """Let a finalizer count a window as lost at its first silence."""
    from job.run import state

    state.SILENT_AFTER_MS = state.DUE_FOR_MS = 0


def resume_with_another_fit() -> None:
    """Let a window go on from a fit that was kept for another model or block, where one has as many rows."""
    from job.run.kept_fits import KeptFits

    def recall(kept: KeptFits, name: str, num_rows: int) -> "ValidatedFit | None":
        found = kept._fits.get(name)
        others = (fit for fit in kept._fits.values() if fit is not found and len(fit.probability) == num_rows)
        return found and next(others, found)

    KeptFits.recall = recall  # type: ignore[method-assign]
