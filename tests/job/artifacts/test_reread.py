"""Reading again: nothing comes where nothing changed, in a folder and in a bucket."""

import pytest

from job.artifacts.store import ObjectStore
from job.errors import DataError


def test_reread_gives_back_what_is_known(store: ObjectStore) -> None:
    """The same object while it stands, the new one after a write, None once it is gone."""
    store.put("a/b.json", b"first")
    known = store.get("a/b.json")
    assert known is not None
    assert store.reread("a/b.json", known) is known
    store.put("a/b.json", b"second")
    changed = store.reread("a/b.json", known)
    assert changed is not None
    assert changed.data == b"second"
    store.delete("a/b.json")
    assert store.reread("a/b.json", known) is None


def test_reread_minds_the_limit(store: ObjectStore) -> None:
    """An object that grew beyond what the reader allows is refused, not transferred."""
    store.put("grown", b"x")
    known = store.get("grown")
    assert known is not None
    store.put("grown", b"x" * 1_000)
    with pytest.raises(DataError, match="1,000 bytes"):
        store.reread("grown", known, max_bytes=100)
