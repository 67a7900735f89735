"""The cache keeps what was used last, up to its bytes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.cache import PARSED_FACTOR, ByteCache, Kept
from job.artifacts.store import StoredObject


def kept(size: int) -> Kept:
    """An object of so many stored bytes."""
    return Kept(value=size, known=StoredObject(data=b"", etag="e"), size=size, read_at_ms=0)


def test_cache_lets_go_of_what_was_used_longest_ago() -> None:
    """A third object of half the room takes the place of the one that nobody asked for."""
    cache = ByteCache(2 * (1000 * PARSED_FACTOR + 1_000))
    cache.put("a", kept(1000))
    cache.put("b", kept(1000))
    assert cache.get("a") is not None
    cache.put("c", kept(1000))
    assert cache.get("b") is None
    assert cache.get("a") is not None
    assert cache.get("c") is not None


def test_cache_keeps_nothing_larger_than_itself() -> None:
    """One huge object does not push out all others."""
    cache = ByteCache(100_000)
    cache.put("small", kept(10))
    cache.put("huge", kept(1_000_000))
    assert cache.get("huge") is None
    assert cache.get("small") is not None


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 5_000)), max_size=40))
def test_cache_never_exceeds_its_bytes(puts: list[tuple[str, int]]) -> None:
    """Whatever comes, in whatever order, the estimate stays below the cap and ends at 0 when all is dropped."""
    cache = ByteCache(50_000)
    for key, size in puts:
        cache.put(key, kept(size))
        assert cache.num_bytes <= 50_000
    for key in "abcdef":
        cache.drop(key)
    assert (cache.num_bytes, cache.num_objects) == (0, 0)
