from pathlib import Path

from job.artifacts.folder import LocalStore
from job.artifacts.metered import MeteredStore, StoreUse


def test_every_request_and_byte_is_counted_once(tmp_path: Path) -> None:
    """Reads, writes, listings and deletions, over two stores that count into one; answers are the store's own."""
    use = StoreUse()
    store, other = (MeteredStore(LocalStore(tmp_path / name), use=use) for name in ("a", "b"))
    etag = store.put("k", b"four")
    found = store.get("k")
    assert found is not None and found.data == b"four"
    assert store.reread("k", found) is found
    assert other.get("k") is None
    assert store.create("k", b"others").stored.data == b"four"
    assert store.replace("k", b"six666", etag=etag)
    assert [info.size for info in store.list("")] == [6]
    store.delete("k")
    assert use.num_requests == {"get": 3, "put": 3, "list": 1, "delete": 1}
    assert (use.bytes_read, use.bytes_written) == (4 + 4, 4 + 6 + 6)
    assert store.location == str(tmp_path / "a")
