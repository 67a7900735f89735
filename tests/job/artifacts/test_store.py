"""The contract of a store, held against the folder and against a real S3 server."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from job.artifacts.store import (
    MAX_OBJECT_BYTES,
    CreateOutcome,
    ObjectStore,
    update,
)
from job.errors import DataError
from tests.support.folder_writers import increment

NUM_RACERS = 8


def read(store: ObjectStore, key: str) -> bytes | None:
    """The bytes of an object, or None."""
    stored = store.get(key)
    return stored.data if stored else None


@pytest.mark.parametrize("data", [b"", b"\x00\xff\r\n", b"x" * 5_000_000], ids=["empty", "binary", "5 MB"])
def test_put_then_get_returns_the_bytes(store: ObjectStore, data: bytes) -> None:
    """What is written is read, byte for byte, under the etag that the write returned."""
    etag = store.put("runs/a/series.npz", data)
    stored = store.get("runs/a/series.npz")
    assert stored is not None
    assert (stored.data, stored.etag) == (data, etag)


def test_put_replaces_whatever_is_there(store: ObjectStore) -> None:
    """An unconditional write always wins, and changes the etag with the content."""
    first = store.put("a", b"first")
    second = store.put("a", b"second")
    assert read(store, "a") == b"second"
    assert first != second


def test_get_of_an_absent_key_is_none(store: ObjectStore) -> None:
    """Absence is an answer, not an error; a folder of objects is not an object."""
    store.put("runs/a/plan.json", b"{}")
    assert store.get("runs/b/plan.json") is None
    assert store.get("runs/a") is None
    assert store.get("runs/a/plan.json/x") is None


def test_get_refuses_more_bytes_than_the_reader_allows(store: ObjectStore) -> None:
    """A reader's limit is kept before the bytes are read, and the error names the object."""
    store.put("huge.json", b"x" * 1001)
    assert store.get("huge.json", max_bytes=1001) is not None
    with pytest.raises(DataError, match=r"huge\.json .* 1,001 bytes and 1,000 is the limit"):
        store.get("huge.json", max_bytes=1000)


def test_put_refuses_what_no_reader_would_read(store: ObjectStore) -> None:
    """The limit of writers is the limit of readers."""

    class Vast(bytes):
        def __len__(self) -> int:
            return MAX_OBJECT_BYTES + 1

    with pytest.raises(ValueError, match="is the limit"):
        store.put("a", Vast())


@pytest.mark.parametrize("key", ["../a", "/a", "a//b", "a/", "", "a/./b", "a\\b", "a\nb", ".folder-store/x"])
def test_bad_keys_are_refused_by_every_operation(store: ObjectStore, key: str) -> None:
    """No operation touches a key that could leave the store or differ between the two."""
    for operation in (
        store.get,
        store.delete,
        lambda bad: store.put(bad, b""),
        lambda bad: store.create(bad, b""),
        lambda bad: store.replace(bad, b"", etag=None),
    ):
        with pytest.raises(ValueError, match="cannot name an object"):
            operation(key)


def test_create_happens_once(store: ObjectStore) -> None:
    """A second create leaves the first object; equal bytes are no conflict."""
    first = store.create("plan.json", b"mine")
    assert first.outcome is CreateOutcome.CREATED
    assert store.get("plan.json") == first.stored
    again = store.create("plan.json", b"mine")
    assert again.outcome is CreateOutcome.ALREADY_EQUAL
    theirs = store.create("plan.json", b"theirs")
    assert theirs.outcome is CreateOutcome.CONFLICT
    assert theirs.stored.data == b"mine"
    assert read(store, "plan.json") == b"mine"


def test_replace_needs_the_present_etag(store: ObjectStore) -> None:
    """Compare-and-swap: only over the object that was read."""
    first = store.put("index", b"1")
    assert store.replace("index", b"2", etag=first)
    assert not store.replace("index", b"3", etag=first)
    assert read(store, "index") == b"2"


def test_replace_of_an_absent_object(store: ObjectStore) -> None:
    """No etag means absent: it creates once, and an etag never creates."""
    assert store.replace("index", b"1", etag=None)
    assert not store.replace("index", b"1", etag=None)
    present = store.get("index")
    assert present is not None
    store.delete("index")
    assert not store.replace("index", b"2", etag=present.etag)
    assert read(store, "index") is None


def test_delete_removes_and_is_idempotent(store: ObjectStore) -> None:
    """An absent object is as good as removed, and its key can be created again."""
    store.put("a/b/c", b"1")
    store.delete("a/b/c")
    store.delete("a/b/c")
    assert list(store.list("")) == []
    assert store.create("a/b/c", b"2").outcome is CreateOutcome.CREATED


def test_list_is_sorted_and_filters_by_prefix(store: ObjectStore) -> None:
    """Keys come in the order of their bytes, whatever order the server or the folders have."""
    keys = [".probe/x", "A", "a-b", "a.b", "a/b", "a/b-c/d", "a/c", "a/ü", "ab", "b/c/d/e"]
    for key in keys:
        store.put(key, key.encode())
    assert [info.key for info in store.list("")] == sorted(keys)
    for prefix in (".p", ".probe/", "a", "a/", "a/b", "a/b-", "b/c/d/e", "b/c/", "nothing/"):
        assert [info.key for info in store.list(prefix)] == sorted(k for k in keys if k.startswith(prefix))


def test_list_tells_size_and_time(store: ObjectStore) -> None:
    """In bytes and in UTC milliseconds."""
    store.put("a", b"12345")
    (info,) = store.list("")
    assert (info.key, info.size) == ("a", 5)
    assert 1_600_000_000_000 < info.modified_ms < 10_000_000_000_000


def test_racing_creates_have_one_winner(store: ObjectStore) -> None:
    """Of eight creators with different bytes one creates, and all see the winner's object."""
    start = Barrier(NUM_RACERS)

    def race(number: int) -> tuple[CreateOutcome, bytes]:
        start.wait()
        creation = store.create("plan.json", f"plan of {number}".encode())
        return creation.outcome, creation.stored.data

    with ThreadPoolExecutor(NUM_RACERS) as pool:
        results = list(pool.map(race, range(NUM_RACERS)))
    outcomes = [outcome for outcome, _ in results]
    assert outcomes.count(CreateOutcome.CREATED) == 1
    assert outcomes.count(CreateOutcome.CONFLICT) == NUM_RACERS - 1
    assert {data for _, data in results} == {read(store, "plan.json")}


def test_racing_updates_lose_nothing(store: ObjectStore) -> None:
    """Eight writers that each add one, several times, arrive at the sum."""
    start = Barrier(NUM_RACERS)

    def race(_: int) -> None:
        start.wait()
        for _ in range(3):
            update(store, "runs-index.json", increment)

    with ThreadPoolExecutor(NUM_RACERS) as pool:
        list(pool.map(race, range(NUM_RACERS)))
    assert read(store, "runs-index.json") == str(3 * NUM_RACERS).encode()


def test_update_writes_nothing_when_nothing_changes(store: ObjectStore) -> None:
    """A change that is already there leaves the object and its etag alone."""
    etag = store.put("index", b"same")
    assert update(store, "index", lambda present: present or b"") == b"same"
    stored = store.get("index")
    assert stored is not None
    assert stored.etag == etag
