"""A manifest is written last, says what belongs to it, and finds every damage."""

from collections.abc import Callable

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.manifest import ManifestFault, read_manifest, verify, write_with_manifest
from job.artifacts.store import ObjectStore
from job.errors import DataError

KEYS = RunKeys("demo-edge")
OBJECTS = {
    KEYS.series(0): b"series",
    KEYS.window_metrics(0): b"{}",
    KEYS.best_model_window(0): b"model",
}


def write(store: ObjectStore, keys: RunKeys = KEYS) -> None:
    """One window with three objects."""
    objects = {key.replace(KEYS.root, keys.root): data for key, data in OBJECTS.items()}
    write_with_manifest(store, keys.window_manifest(0), objects, root=keys.root, extra={"window_index": 0})


class DiesAfter(LocalStore):
    """A store whose process is killed after so many writes."""

    num_writes_left = 0

    def put(self, key: str, data: bytes) -> str:
        """Write, or die."""
        if self.num_writes_left == 0:
            raise KeyboardInterrupt
        self.num_writes_left -= 1
        return super().put(key, data)

    def replace(self, key: str, data: bytes, *, etag: str | None) -> bool:
        """Die: the manifest is the last write."""
        raise KeyboardInterrupt


def test_what_is_written_is_read_and_verified(store: ObjectStore) -> None:
    """All objects, their sizes and digests, and the writer's own words."""
    write(store)
    manifest = read_manifest(store, KEYS.window_manifest(0))
    assert manifest is not None
    assert [entry.key for entry in manifest.objects] == [
        "best_model_window_0.pt",
        "windows/0/metrics.json",
        "windows/0/series.npz",
    ]
    assert manifest.objects[1].size == 2
    # SHA-256 of "{}", from coreutils.
    assert manifest.objects[1].sha256 == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert manifest.extra == {"window_index": 0}
    assert verify(store, manifest, root=KEYS.root) == []


def test_equal_results_of_two_runs_have_equal_manifests(folder_store: LocalStore) -> None:
    """Neither the run id nor a time nor the order of writing is in the bytes."""
    write(folder_store)
    write(folder_store, RunKeys("another"))
    first = folder_store.get(KEYS.window_manifest(0))
    second = folder_store.get(RunKeys("another").window_manifest(0))
    assert first is not None
    assert second is not None
    assert first.data == second.data


def test_of_two_different_results_one_is_told_that_it_lost(store: ObjectStore) -> None:
    """The first manifest stands until somebody replaces the very one that they read."""

    def finish(words: str, *, replacing: str | None = None) -> bool:
        return (
            write_with_manifest(store, KEYS.manifest, {}, root=KEYS.root, extra={"by": words}, replacing=replacing)
            is not None
        )

    assert finish("first")
    assert finish("first"), "the same result again is no defeat"
    assert not finish("second")
    present = store.get(KEYS.manifest)
    assert present is not None
    assert finish("second", replacing=present.etag)
    assert not finish("third", replacing=present.etag)
    manifest = read_manifest(store, KEYS.manifest)
    assert manifest is not None
    assert manifest.extra == {"by": "second"}


def test_an_absent_manifest_is_none(folder_store: LocalStore) -> None:
    """Not complete is an answer, not an error."""
    assert read_manifest(folder_store, KEYS.manifest) is None


@pytest.mark.parametrize("num_writes", range(len(OBJECTS) + 1))
def test_the_manifest_is_last(folder_store: LocalStore, num_writes: int) -> None:
    """Killed before the last write, there is no manifest, however much else is there."""
    store = DiesAfter(folder_store._root)
    store.num_writes_left = num_writes
    with pytest.raises(KeyboardInterrupt):
        write(store)
    assert read_manifest(folder_store, KEYS.window_manifest(0)) is None
    assert len(list(folder_store.list(""))) == num_writes


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda store: store.delete(KEYS.series(0)), "absent"),
        (lambda store: store.put(KEYS.series(0), b"short"), "5 bytes instead of 6"),
        (lambda store: store.put(KEYS.series(0), b"SERIES"), "another content than the manifest's"),
    ],
    ids=["absent", "cut", "changed"],
)
def test_every_damage_is_found(store: ObjectStore, damage: Callable[[ObjectStore], object], reason: str) -> None:
    """By name and reason, and nothing else is blamed."""
    write(store)
    damage(store)
    manifest = read_manifest(store, KEYS.window_manifest(0))
    assert manifest is not None
    fault = ManifestFault(key="windows/0/series.npz", reason=reason)
    assert verify(store, manifest, root=KEYS.root) == [fault]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{", "truncated"),
        (b"{}", "not a manifest"),
        (b'{"schema_version": "1", "objects": [], "extra": {}}', "not a manifest"),
        (b'{"schema_version": 2, "objects": "future"}', "schema version 2, and this program knows up to 1"),
        (
            b'{"schema_version": 1, "extra": {}, "objects": [{"key": "../../etc/passwd", "size": 1, "sha256": "'
            + b"0" * 64
            + b'"}]}',
            "not a manifest",
        ),
    ],
    ids=["truncated", "empty", "types", "newer", "hostile"],
)
def test_a_foreign_manifest_is_our_error(folder_store: LocalStore, data: bytes, words: str) -> None:
    """Damaged, foreign, newer or hostile: one sentence that names the object."""
    folder_store.put(KEYS.manifest, data)
    with pytest.raises(DataError, match=words) as caught:
        read_manifest(folder_store, KEYS.manifest)
    assert KEYS.manifest in caught.value.message


def test_an_object_of_another_run_is_refused(folder_store: LocalStore) -> None:
    """A manifest speaks of its own run only, and nothing is written when it would not."""
    with pytest.raises(ValueError, match="lies outside"):
        write_with_manifest(folder_store, KEYS.manifest, {"runs/other/plan.json": b""}, root=KEYS.root, extra={})
    assert list(folder_store.list("")) == []
