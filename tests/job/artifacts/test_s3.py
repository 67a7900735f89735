"""What a bucket may answer that a folder never does."""

import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from job.artifacts.opening import open_store
from job.artifacts.store import CreateOutcome, ObjectStore
from job.errors import ConfigError, JobError, StorageUnavailable
from tests.support.scripted_s3 import Answer, refusal, scripted_s3
from tests.support.seaweedfs import ADMIN, READER, SeaweedServer, free_ports

SECRET = "canary-secret-key"
READ_AND_WRITE: list[Callable[[ObjectStore], object]] = [
    lambda store: store.get("a"),
    lambda store: list(store.list("")),
    lambda store: store.put("a", b""),
    lambda store: store.create("a", b""),
    lambda store: store.delete("a"),
]
DONE = Answer(headers={"ETag": '"1"'})


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """AWS variables that reach nothing, with a secret that must never be shown and few retries."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "canary-key-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def refused(operation: Callable[[ObjectStore], object], store: ObjectStore) -> JobError:
    """The error of an operation, free of secrets and with a remedy."""
    with pytest.raises(JobError) as caught:
        operation(store)
    error = caught.value
    assert error.remedy
    for secret in (ADMIN.secret_key, READER.secret_key, SECRET, "canary"):
        assert secret not in str(error)
    return error


def test_an_absent_bucket_is_named(s3_environment: SeaweedServer) -> None:
    """Every operation says that the bucket does not exist, and where."""
    store = open_store("s3://no-such-bucket/prefix")
    for operation in READ_AND_WRITE:
        error = refused(operation, store)
        assert isinstance(error, ConfigError)
        assert "s3://no-such-bucket/prefix" in error.message
        assert "does not exist" in error.message


def test_keys_that_may_only_read_can_read(
    s3_environment: SeaweedServer, s3_save_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader's keys read and list; a write is refused with the permission that is missing."""
    open_store(s3_save_path).put("a", b"1")
    for name, value in s3_environment.environment(READER).items():
        monkeypatch.setenv(name, value)
    store = open_store(s3_save_path)
    stored = store.get("a")
    assert stored is not None
    assert stored.data == b"1"
    assert [info.key for info in store.list("")] == ["a"]
    for operation, permission in (
        (lambda store: store.put("a", b"2"), "s3:PutObject"),
        (lambda store: store.create("b", b"2"), "s3:PutObject"),
        (lambda store: store.replace("a", b"2", etag=stored.etag), "s3:PutObject"),
        (lambda store: store.delete("a"), "s3:DeleteObject"),
    ):
        error = refused(operation, store)
        assert isinstance(error, ConfigError)
        assert permission in error.remedy
        assert "may not" in error.message


@pytest.mark.parametrize("wrong", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_wrong_keys_are_refused_by_name(s3_save_path: str, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    """An unknown key id or a wrong secret names the variables to look at, never their values."""
    monkeypatch.setenv(wrong, "canary-wrong")
    store = open_store(s3_save_path)
    for operation in READ_AND_WRITE:
        error = refused(operation, store)
        assert isinstance(error, ConfigError)
        assert "refused the access keys" in error.message
        assert wrong in error.remedy


def test_no_keys_at_all_are_named(alone: pytest.MonkeyPatch) -> None:
    """Without keys nothing is sent."""
    alone.delenv("AWS_ACCESS_KEY_ID")
    alone.delenv("AWS_SECRET_ACCESS_KEY")
    error = refused(lambda store: store.get("a"), open_store("s3://bucket/x"))
    assert isinstance(error, ConfigError)
    assert "AWS_ACCESS_KEY_ID" in error.remedy
    assert "Secret lorentzian-store" in error.remedy


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ENDPOINT_URL_S3", "minio:9000"),
        ("AWS_PROFILE", "unknown"),
        ("AWS_MAX_ATTEMPTS", "many"),
        ("AWS_RETRY_MODE", "often"),
        ("AWS_CA_BUNDLE", ""),
    ],
)
def test_unusable_settings_are_refused_when_the_store_is_opened(
    alone: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Before anything is trained."""
    alone.setenv(name, value)
    error = refused(lambda _: open_store("s3://bucket/x"), None)  # type: ignore[arg-type]
    assert isinstance(error, ConfigError)
    assert name in error.remedy


def test_a_dead_endpoint_is_worth_another_try(alone: pytest.MonkeyPatch) -> None:
    """Nobody listens: 75 after the retries, with host and port but without the password in the URL."""
    (port,) = free_ports(1)
    alone.setenv("AWS_ENDPOINT_URL_S3", f"http://user:canary@127.0.0.1:{port}")
    error = refused(lambda store: store.get("a"), open_store("s3://bucket/x"))
    assert isinstance(error, StorageUnavailable)
    assert f"s3://bucket/x at 127.0.0.1:{port}" in error.message


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (refusal(503, "SlowDown", SECRET), StorageUnavailable, "SlowDown, HTTP 503"),
        (refusal(500, "InternalError"), StorageUnavailable, "HTTP 500"),
        (refusal(429, "TooManyRequests"), StorageUnavailable, "HTTP 429"),
        (refusal(501, "NotImplemented"), ConfigError, "no conditional writes"),
        (refusal(403, "AccessDenied", SECRET), ConfigError, "may not write a in s3://bucket/x"),
        (refusal(403, "RequestTimeTooSkewed"), StorageUnavailable, "clocks"),
        (refusal(400, "ExpiredToken", SECRET), ConfigError, "refused the access keys"),
        (refusal(400, "AuthorizationHeaderMalformed"), ConfigError, "another region"),
        (refusal(400, f"<{SECRET}>"), ConfigError, "refused to write"),
        (Answer(status=404, body=b"<html>canary</html>"), ConfigError, "HTTP 404"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else "",
)
def test_each_refusal_of_the_server_has_its_error(
    alone: pytest.MonkeyPatch, answer: Answer, kind: type[JobError], words: str
) -> None:
    """Waiting helps against load, never against settings; the server's own text is not repeated."""
    with scripted_s3([answer]) as server:
        alone.setenv("AWS_ENDPOINT_URL_S3", server.endpoint_url)
        error = refused(lambda store: store.create("a", b"1"), open_store("s3://bucket/x"))
    assert isinstance(error, kind)
    assert words in error.message


def test_a_server_that_is_no_store_is_refused(alone: pytest.MonkeyPatch) -> None:
    """A page of text for every question is a wrong address, not an object."""
    with scripted_s3([Answer(body=b"Welcome")]) as server:
        alone.setenv("AWS_ENDPOINT_URL_S3", server.endpoint_url)
        error = refused(lambda store: store.get("a"), open_store("s3://bucket/x"))
    assert isinstance(error, ConfigError)
    assert "does not speak the S3 protocol" in error.message


def test_a_conflict_in_flight_is_repeated(alone: pytest.MonkeyPatch) -> None:
    """409 decides nothing: the write goes again until it is answered."""
    conflict = refusal(409, "ConditionalRequestConflict")
    with scripted_s3([conflict, conflict, conflict, DONE]) as server:
        alone.setenv("AWS_ENDPOINT_URL_S3", server.endpoint_url)
        store = open_store("s3://bucket/x")
        assert store.create("a", b"1").outcome is CreateOutcome.CREATED
    assert server.requests == ["PUT /bucket/x/a"] * 4


def test_a_lost_answer_is_not_a_conflict(alone: pytest.MonkeyPatch) -> None:
    """The first write arrived, its answer did not: the retry meets its own object and succeeds."""
    answers = [
        refusal(500, "InternalError"),
        refusal(412, "PreconditionFailed"),
        Answer(body=b"mine", headers={"ETag": '"1"'}),
    ]
    with scripted_s3(answers) as server, capture_logs() as lines:
        alone.setenv("AWS_ENDPOINT_URL_S3", server.endpoint_url)
        creation = open_store("s3://bucket/x").create("a", b"mine")
    assert [(line["event"], line["method"]) for line in lines] == [("store_request_retried", "PUT")]
    assert creation.outcome is CreateOutcome.ALREADY_EQUAL
    assert server.requests == ["PUT /bucket/x/a", "PUT /bucket/x/a", "GET /bucket/x/a"]


def test_an_absent_object_fails_a_replacement(alone: pytest.MonkeyPatch) -> None:
    """AWS answers 404 to a conditional write over an object that is gone."""
    with scripted_s3([refusal(404, "NoSuchKey")]) as server:
        alone.setenv("AWS_ENDPOINT_URL_S3", server.endpoint_url)
        assert not open_store("s3://bucket/x").replace("a", b"1", etag='"0"')


def test_a_body_that_breaks_off_is_read_again(alone: pytest.MonkeyPatch) -> None:
    """Half an object is never returned."""
    whole = Answer(body=b"0123456789", headers={"ETag": '"1"'})
    half = Answer(body=b"0123456789", headers={"ETag": '"1"'}, num_bytes_kept=4)
    with scripted_s3([half, half, whole]) as server:
        alone.setenv("AWS_ENDPOINT_URL_S3", server.endpoint_url)
        stored = open_store("s3://bucket/x").get("a")
    assert stored is not None
    assert stored.data == b"0123456789"
    assert len(server.requests) == 3
    with scripted_s3([half]) as server:
        alone.setenv("AWS_ENDPOINT_URL_S3", server.endpoint_url)
        error = refused(lambda store: store.get("a"), open_store("s3://bucket/x"))
    assert isinstance(error, StorageUnavailable)


def test_a_listing_follows_its_pages(alone: pytest.MonkeyPatch) -> None:
    """All pages are read, and their keys come without the prefix, sorted."""

    def page(key: str, next_token: str = "") -> Answer:
        more = f"<NextContinuationToken>{next_token}</NextContinuationToken>" if next_token else ""
        body = (
            f"<ListBucketResult><IsTruncated>{str(bool(next_token)).lower()}</IsTruncated>{more}<Contents>"
            f"<Key>x/{key}</Key><LastModified>2025-10-10T21:20:00.000Z</LastModified>"
            "<ETag>&quot;1&quot;</ETag><Size>7</Size></Contents></ListBucketResult>"
        )
        return Answer(body=body.encode(), headers={"Content-Type": "application/xml"})

    with scripted_s3([page("b", "t1"), page("c", "t2"), page("a")]) as server:
        alone.setenv("AWS_ENDPOINT_URL_S3", server.endpoint_url)
        infos = list(open_store("s3://bucket/x").list(""))
    assert [info.key for info in infos] == ["a", "b", "c"]
    assert all(first.key < second.key for first, second in pairwise(infos))
    assert {(info.size, info.modified_ms) for info in infos} == {(7, 1_760_131_200_000)}
    assert len(server.requests) == 3


def test_writes_carry_no_checksum_trailer(alone: pytest.MonkeyPatch) -> None:
    """The bytes arrive as they are: stores without AWS's newest encodings understand them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        alone.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{listener.getsockname()[1]}")
        alone.setenv("AWS_MAX_ATTEMPTS", "1")
        store = open_store("s3://bucket/x")
        heard: list[bytes] = []

        def answer_once() -> None:
            connection, _ = listener.accept()
            with connection:
                while b"payload" not in b"".join(heard):
                    heard.append(connection.recv(65_536))
                connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 0\r\n\r\n')

        thread = threading.Thread(target=answer_once)
        thread.start()
        store.put("a.json", b"payload")
        thread.join()
    request = b"".join(heard).lower()
    assert b"content-type: application/json" in request
    assert b"x-amz-trailer" not in request
    assert b"aws-chunked" not in request
    assert b"x-amz-checksum" not in request


FOUND = b"<Contents><Key>x/a</Key><Size>1</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>"
LISTED = b"<ListBucketResult>" + FOUND + b"</ListBucketResult>"
IN_PIECES = {"Transfer-Encoding": "chunked"}
CUT_OFF = {
    "absence": (replace(refusal(404, "NoSuchKey"), num_bytes_kept=30), refusal(404, "NoSuchKey")),
    "absence in pieces": (
        Answer(status=404, body=b"99\r\n<Error>", headers=IN_PIECES, num_bytes_kept=11),
        refusal(404, "NoSuchKey"),
    ),
    "list": (Answer(body=LISTED, num_bytes_kept=60), Answer(body=LISTED)),
    "list before its first byte": (Answer(body=LISTED, num_bytes_kept=0), Answer(body=LISTED)),
    "write": (replace(refusal(403, "AccessDenied"), num_bytes_kept=30), DONE),
}


@pytest.mark.parametrize("name", CUT_OFF)
def test_an_answer_that_was_cut_off_is_asked_for_again(alone: pytest.MonkeyPatch, name: str) -> None:
    """What was lost on the way is no refusal, and no empty bucket; cut off each time, it is a store that is away."""
    cut, whole = CUT_OFF[name]
    asked: dict[str, tuple[Callable[[ObjectStore], object], object]] = {
        "absence": (lambda store: store.get("a"), None),
        "list": (lambda store: [info.key for info in store.list("")], ["a"]),
        "write": (lambda store: store.put("a", b"1"), '"1"'),
    }
    ask, answer = asked[name.partition(" ")[0]]
    alone.setattr("time.sleep", lambda _: None)  # between tries
    with scripted_s3([cut, whole, cut]) as server:
        alone.setenv("AWS_ENDPOINT_URL_S3", server.endpoint_url)
        store = open_store("s3://bucket/x")
        assert ask(store) == answer
        assert isinstance(refused(ask, store), StorageUnavailable)
