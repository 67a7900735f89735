"""A real S3 server behind a bad network: short troubles are ridden out, long ones end with their cause, soon."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from job.artifacts import s3
from job.artifacts.s3 import S3Store, make_client
from job.artifacts.store import CreateOutcome, ObjectStore, update
from job.errors import JobError, StorageForbidden, StorageUnavailable
from tests.support.fault_proxy import FaultProxy, Rule, fault_proxy, s3_answer, to_port
from tests.support.fixtures_s3 import BUCKET
from tests.support.seaweedfs import SeaweedServer

NUM_TRIES = 3
DATA = bytes(range(256)) * 4096  # a megabyte, which no socket takes in one piece
READ, WRITE = rb"^GET ", rb"^PUT "


@pytest.fixture(scope="module")
def proxied(s3_server: SeaweedServer) -> Iterator[tuple[FaultProxy, S3Store]]:
    """A proxy, and a store behind it that waits for no answer longer than half a second, and tries three times."""
    port = urlsplit(s3_server.endpoint_url).port
    assert port is not None
    with fault_proxy(to_port(port)) as proxy, pytest.MonkeyPatch.context() as patch:
        for name, value in s3_server.environment().items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{proxy.port}")
        patch.setenv("AWS_MAX_ATTEMPTS", str(NUM_TRIES))
        patch.setattr(s3, "_READ_TIMEOUT_S", 0.5)
        yield proxy, S3Store(make_client(), bucket=BUCKET, prefix=uuid4().hex)


@pytest.fixture
def proxy(proxied: tuple[FaultProxy, S3Store]) -> Iterator[FaultProxy]:
    """The proxy, healed before and after."""
    proxied[0].heal()
    yield proxied[0]
    proxied[0].heal()


@pytest.fixture
def store(proxied: tuple[FaultProxy, S3Store], proxy: FaultProxy) -> ObjectStore:
    """The store behind it, with one object."""
    proxied[1].put("object", DATA)
    return proxied[1]


def failing(act: Callable[[], object]) -> JobError:
    """The error of an operation: a sentence and a remedy."""
    with pytest.raises(JobError) as caught:
        act()
    assert caught.value.message.endswith(".")
    assert caught.value.remedy
    return caught.value


TROUBLES = {
    "reset before an answer": Rule(deed="reset", pattern=READ, way="down"),
    "broken off in the body": Rule(deed="close", pattern=READ, way="down", after=200_000),
    "reset in the body": Rule(deed="reset", pattern=READ, way="down", after=200_000),
    "silent": Rule(deed="stall", pattern=READ, way="down"),
    "silent in the body": Rule(deed="stall", pattern=READ, way="down", after=200_000),
    "asked to slow down": Rule(deed="answer", pattern=READ, answer=s3_answer(503, "SlowDown")),
    "unavailable": Rule(deed="answer", pattern=READ, answer=s3_answer(503, "ServiceUnavailable")),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_short_trouble_is_ridden_out(proxy: FaultProxy, store: ObjectStore, trouble: str) -> None:
    """Twice in a row, and the third try returns the whole object."""
    proxy.strike(TROUBLES[trouble], times=2)
    stored = store.get("object")
    assert stored is not None
    assert stored.data == DATA
    assert proxy.num_struck == 2


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_long_trouble_ends_with_75(proxy: FaultProxy, store: ObjectStore, trouble: str) -> None:
    """After a bounded number of tries, with what the store said where it said anything."""
    proxy.strike(TROUBLES[trouble])
    error = failing(lambda: store.get("object"))
    assert isinstance(error, StorageUnavailable)
    most = s3.NUM_BODY_TRIES if "body" in trouble else NUM_TRIES
    assert proxy.num_struck == most
    if TROUBLES[trouble].deed == "answer":
        assert "HTTP 503" in error.message


def test_refused_connections_end_with_75(proxy: FaultProxy, store: ObjectStore) -> None:
    """Every kind of request gives up after its tries."""
    proxy.strike(Rule(deed="close"))  # what is open is closed too
    proxy.is_refusing = True
    for act in (lambda: store.put("new", b"1"), lambda: list(store.list(""))):
        error = failing(act)
        assert isinstance(error, StorageUnavailable)
        assert f"127.0.0.1:{proxy.port}" in error.message
    proxy.heal()
    assert store.get("new") is None


@pytest.mark.parametrize("deed", ["reset", "stall"])
def test_no_half_upload_is_ever_an_object(proxy: FaultProxy, store: ObjectStore, deed: str) -> None:
    """Cut in the middle once, it is sent again whole; cut each time, what lay there before still does.

    What was only held up may arrive when nobody waits for it any more, and then it arrives whole.
    """
    rule = Rule(deed=deed, pattern=WRITE, after=len(DATA) // 2)  # type: ignore[arg-type]
    proxy.strike(rule, times=1)
    other = DATA[::-1]
    store.put("object", other)
    proxy.strike(rule)
    assert isinstance(failing(lambda: store.put("object", DATA)), StorageUnavailable)
    assert isinstance(failing(lambda: store.put("absent", DATA)), StorageUnavailable)
    proxy.heal()
    stored = store.get("object")
    assert stored is not None
    assert stored.data == other or (deed == "stall" and stored.data == DATA)
    late = store.get("absent")
    assert late is None or (deed == "stall" and late.data == DATA)


def test_an_answer_that_is_lost_is_no_conflict(proxy: FaultProxy, store: ObjectStore) -> None:
    """The write was done and nobody heard of it: its repetition finds its own bytes, and a change is made once."""
    lost = Rule(deed="reset", pattern=WRITE, way="down", after=len("HTTP/1.1 100 Continue\r\n\r\n") + 1)
    proxy.strike(lost, times=1)
    assert store.create("created", b"mine").outcome is CreateOutcome.ALREADY_EQUAL
    proxy.strike(lost, times=1)
    assert update(store, "names", lambda data: data if data and b"mine" in data else (data or b"") + b"mine") == b"mine"
    stored = store.get("names")
    assert stored is not None
    assert stored.data == b"mine"


def test_a_store_that_turns_read_only_ends_with_78_at_once(proxy: FaultProxy, store: ObjectStore) -> None:
    """No right is waited for, and reading goes on."""
    proxy.strike(Rule(deed="answer", pattern=WRITE, answer=s3_answer(403, "AccessDenied")))
    error = failing(lambda: store.put("object", b"1"))
    assert isinstance(error, StorageForbidden)
    assert "s3:PutObject" in error.remedy
    assert proxy.num_struck == 1
    assert store.get("object") is not None


def test_a_clock_that_is_wrong_here_is_said(
    store: ObjectStore, s3_environment: SeaweedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real server refuses requests from an hour ago: 75, since another machine may have the right time."""
    from datetime import timedelta

    import botocore.auth

    now = botocore.auth.get_current_datetime
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: now() - timedelta(hours=1))
    error = failing(lambda: store.put("object", b"1"))
    assert isinstance(error, StorageUnavailable)
    assert "clocks" in error.message
