from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.manifest import read_manifest
from job.artifacts.results import stands, write_once
from job.artifacts.store import ObjectStore

ROOT = "runs/a/"
MANIFEST = f"{ROOT}windows/0/manifest.json"
OURS = {f"{ROOT}windows/0/metrics.json": b"ours", f"{ROOT}windows/0/series.npz": b"our series"}
THEIRS = {key: b"their " + data for key, data in OURS.items()}


def write(store: ObjectStore, objects: dict[str, bytes]) -> bool:
    """Write under the one manifest."""
    return write_once(store, MANIFEST, objects, root=ROOT)


def content(store: ObjectStore) -> dict[str, bytes]:
    """What lies under the names now."""
    found = {key: store.get(key) for key in OURS}
    return {key: stored.data for key, stored in found.items() if stored is not None}


def test_result_that_stands_is_never_written_over(folder_store: LocalStore) -> None:
    """The first whole result stands; a slower writer's other bytes touch nothing."""
    assert not stands(folder_store, MANIFEST, root=ROOT)
    assert write(folder_store, OURS)
    assert not write(folder_store, THEIRS)
    assert not write(folder_store, OURS)
    assert content(folder_store) == OURS
    assert stands(folder_store, MANIFEST, root=ROOT)


@pytest.mark.parametrize("objects", [OURS, THEIRS], ids=["same bytes", "other bytes"])
def test_torn_result_is_written_again_as_a_whole(folder_store: LocalStore, objects: dict[str, bytes]) -> None:
    """An object that was lost or overwritten after the manifest is found, and manifest and objects agree again."""
    first, second = OURS
    for tear in (lambda: folder_store.put(first, b"a slower pod's"), lambda: folder_store.delete(second)):
        write(folder_store, OURS)
        tear()
        assert not stands(folder_store, MANIFEST, root=ROOT)
        assert write(folder_store, objects)
        assert content(folder_store) == objects
        assert stands(folder_store, MANIFEST, root=ROOT)
        folder_store.delete(MANIFEST)


def test_writer_that_meets_a_faster_one_mends_what_it_tore(folder_store: LocalStore) -> None:
    """A manifest that appears between the look and the write is superseded by a whole result."""

    class Late:
        """A store to which the others' result comes just before our manifest."""

        def __getattr__(self, name: str) -> object:
            return getattr(folder_store, name)

        def replace(self, key: str, data: bytes, *, etag: str | None) -> bool:
            if etag is None:
                write(folder_store, THEIRS)
                folder_store.put(next(iter(OURS)), b"ours")
            return folder_store.replace(key, data, etag=etag)

    assert write(Late(), OURS)  # type: ignore[arg-type]
    assert content(folder_store) == OURS
    assert stands(folder_store, MANIFEST, root=ROOT)


def test_result_of_many_writers_is_one_of_theirs(folder_store: LocalStore) -> None:
    """Eight writers of different bytes, all at once, leave one whole result."""
    barrier = Barrier(8)

    def compete(number: int) -> bool:
        barrier.wait()
        return write(folder_store, {key: data + str(number).encode() for key, data in OURS.items()})

    with ThreadPoolExecutor(8) as pool:
        assert any(pool.map(compete, range(8)))
    assert stands(folder_store, MANIFEST, root=ROOT)
    assert len({data[-1:] for data in content(folder_store).values()}) == 1
    manifest = read_manifest(folder_store, MANIFEST)
    assert manifest is not None and manifest.extra == {}
