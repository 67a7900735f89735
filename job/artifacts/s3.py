"""The store as a prefix of a bucket, on AWS S3 or any server that speaks its protocol.

The only module, with its errors, that knows boto3; loaded when a save path asks for it. Keys, endpoint, region
and retries come from the standard ``AWS_*`` variables and files, which only lack our defaults.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from job.artifacts.keys import check_key, check_prefix
from job.artifacts.s3_errors import S3_FAILURES, Action, explain, is_conflict, is_failed_condition, is_unchanged, not_s3
from job.artifacts.s3_listing import take_names
from job.artifacts.store import (
    MAX_OBJECT_BYTES,
    CreateOutcome,
    Creation,
    ObjectInfo,
    StoredObject,
    check_size,
    pause,
    too_large,
)
from job.errors import ConfigError, StorageUnavailable

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import (
        GetObjectOutputTypeDef,
        GetObjectRequestTypeDef,
        PutObjectOutputTypeDef,
        PutObjectRequestTypeDef,
    )

_CONNECT_TIMEOUT_S = 5
_READ_TIMEOUT_S = 30
NUM_BODY_TRIES = 4
_NUM_CONFLICT_TRIES = 10
_UNCHANGED = 304  # states the length of what it does not send

# Name: (name in the AWS files, environment variable, our default, type). Checksum trailers, boto3's own default
# since 1.36, break older MinIO, Ceph and others (boto/boto3#4392).
_DEFAULTS = {
    "retry_mode": ("retry_mode", "AWS_RETRY_MODE", "standard", None),
    "max_attempts": ("max_attempts", "AWS_MAX_ATTEMPTS", 5, int),
    "request_checksum_calculation": (
        "request_checksum_calculation",
        "AWS_REQUEST_CHECKSUM_CALCULATION",
        "when_required",
        None,
    ),
    "response_checksum_validation": (
        "response_checksum_validation",
        "AWS_RESPONSE_CHECKSUM_VALIDATION",
        "when_required",
        None,
    ),
}

# For browsers that open an object straight from the bucket.
_CONTENT_TYPES = {
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".png": "image/png",
}


def connect_s3(bucket: str, prefix: str = "") -> "S3Store":
    """Open ``s3://bucket/prefix`` with the standard ``AWS_*`` settings; asks the server nothing yet."""
    return S3Store(make_client(), bucket=bucket, prefix=prefix)


def make_client() -> "S3Client":
    """Make a client from the standard ``AWS_*`` settings.

    Raises
    ------
    ConfigError
        A setting is unusable: an endpoint without ``http://``, an unknown profile, a bad number.
    """
    try:
        session = boto3.Session(botocore_session=botocore.session.Session(session_vars=_DEFAULTS))
        config = Config(connect_timeout=_CONNECT_TIMEOUT_S, read_timeout=_READ_TIMEOUT_S)
        client: S3Client = session.client("s3", config=config)
    except (BotoCoreError, ValueError) as error:
        raise ConfigError(
            f"The AWS settings are not usable ({type(error).__name__}).",
            remedy="Check AWS_ENDPOINT_URL_S3 (http:// or https:// first), AWS_REGION, AWS_PROFILE, "
            "AWS_CA_BUNDLE, AWS_RETRY_MODE and AWS_MAX_ATTEMPTS.",
        ) from error
    client.meta.events.register("before-send.s3", _note_retry)
    client.meta.events.register_first("before-parse.s3", _take_cut_for_unanswered)
    client.meta.events.register("before-parse.s3", take_names)
    return client


def _note_retry(request: Any, **_: Any) -> None:
    """Report a request that is sent once more: its header says which try it is."""
    tried = request.headers.get("amz-sdk-request", b"")
    if not tried.startswith(b"attempt=1"):
        structlog.get_logger().debug("store_request_retried", method=request.method, tried=tried.decode())


def _take_cut_for_unanswered(response_dict: dict[str, Any], **_: Any) -> None:
    """Let an answer whose text was cut off count as one that came too late: it is asked for again like any other.

    botocore does not compare lengths: an absence whose code was lost would look like a refusal, for good.
    """
    text, stated = response_dict["body"], str(response_dict["headers"].get("content-length", ""))
    has_text = isinstance(text, bytes) and response_dict["status_code"] != _UNCHANGED
    if has_text and stated.isdecimal() and len(text) < int(stated):
        response_dict |= {"status_code": 503, "body": b"<Error><Code>RequestTimeout</Code></Error>"}


class S3Store:
    """Objects under ``prefix`` of ``bucket``; the client is shared by threads, not by processes."""

    def __init__(self, client: "S3Client", *, bucket: str, prefix: str = "") -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{check_key(prefix)}/" if prefix else ""

    @property
    def location(self) -> str:
        """``s3://bucket/prefix``."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def get(self, key: str, *, max_bytes: int = MAX_OBJECT_BYTES) -> StoredObject | None:
        """See `ObjectStore.get`."""
        return self._read(key, None, max_bytes)

    def reread(self, key: str, known: StoredObject, *, max_bytes: int = MAX_OBJECT_BYTES) -> StoredObject | None:
        """See `ObjectStore.reread`."""
        return self._read(key, known, max_bytes)

    def put(self, key: str, data: bytes) -> str:
        """See `ObjectStore.put`."""
        etag = self._put_object(key, data)
        assert etag is not None, "an unconditional write has no condition to fail"
        return etag

    def create(self, key: str, data: bytes) -> Creation:
        """See `ObjectStore.create`."""
        for attempt in range(_NUM_CONFLICT_TRIES):
            etag = self._put_object(key, data, must_be_absent=True)
            if etag is not None:
                stored = StoredObject(data=data, etag=etag)
                return Creation(outcome=CreateOutcome.CREATED, stored=stored)
            present = self.get(key)
            if present is not None:
                is_equal = present.data == data
                outcome = CreateOutcome.ALREADY_EQUAL if is_equal else CreateOutcome.CONFLICT
                return Creation(outcome=outcome, stored=present)
            pause(attempt)
        raise StorageUnavailable(
            f"Others kept creating and deleting {key} in {self.location}.",
            remedy="Start the command again.",
        )

    def replace(self, key: str, data: bytes, *, etag: str | None) -> bool:
        """See `ObjectStore.replace`."""
        written = self._put_object(key, data, must_be_absent=etag is None, must_match=etag)
        return written is not None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See `ObjectStore.list`."""
        full_prefix = self._prefix + check_prefix(prefix)
        with self._explained("list"):
            paginator = self._client.get_paginator("list_objects_v2")
            pages = paginator.paginate(Bucket=self._bucket, Prefix=full_prefix)
            found = [
                ObjectInfo(
                    key=item["Key"].removeprefix(self._prefix),
                    size=item["Size"],
                    modified_ms=round(item["LastModified"].timestamp() * 1000),
                )
                for page in pages
                for item in page.get("Contents", [])
            ]
        # AWS lists by bytes, SeaweedFS folder by folder: the order is made here.
        yield from sorted(found, key=lambda info: info.key)

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        with self._explained("delete", key):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + check_key(key))

    def _read(self, key: str, known: StoredObject | None, max_bytes: int) -> StoredObject | None:
        """The object, or ``known`` where it is still that one; None when there is none."""
        check_key(key)
        for attempt in range(NUM_BODY_TRIES):
            try:
                answer = self._get_object(key, known)
                if not isinstance(answer, dict):
                    return answer
                if answer["ContentLength"] > max_bytes:
                    answer["Body"].close()
                    raise too_large(self.location, key, size=answer["ContentLength"], max_bytes=max_bytes)
                return StoredObject(data=answer["Body"].read(), etag=self._etag(answer))
            except (BotoCoreError, HTTPError):
                # botocore retries requests but not a body that broke off, and lets the network's own error through
                # where the body would have been a refusal.
                pause(attempt)
        raise StorageUnavailable(
            f"{self.location} broke off {NUM_BODY_TRIES} times in the middle of {key}.",
            remedy="Check the network and start the command again; finished work is kept.",
        )

    def _get_object(self, key: str, known: StoredObject | None) -> "GetObjectOutputTypeDef | StoredObject | None":
        """The answer, its body still to be read; ``known`` where it still stands, None where there is no object."""
        request: GetObjectRequestTypeDef = {"Bucket": self._bucket, "Key": self._prefix + key}
        if known is not None:
            request["IfNoneMatch"] = known.etag
        with self._explained("read", key):
            try:
                return self._client.get_object(**request)
            except self._client.exceptions.NoSuchKey:
                return None
            except ClientError as error:
                if known is not None and is_unchanged(error):
                    return known
                raise

    def _put_object(
        self, key: str, data: bytes, *, must_be_absent: bool = False, must_match: str | None = None
    ) -> str | None:
        """Write under a condition: the new etag, or None when the condition does not hold."""
        check_key(key)
        check_size(key, data)
        request: PutObjectRequestTypeDef = {"Bucket": self._bucket, "Key": self._prefix + key, "Body": data}
        if (content_type := _CONTENT_TYPES.get(PurePosixPath(key).suffix)) is not None:
            request["ContentType"] = content_type
        if must_be_absent:
            request["IfNoneMatch"] = "*"
        if must_match is not None:
            request["IfMatch"] = must_match
        attempt = 0
        while True:
            with self._explained("write", key):
                try:
                    return self._etag(self._client.put_object(**request))
                except ClientError as error:
                    if is_failed_condition(error):
                        return None
                    attempt += 1
                    if not is_conflict(error) or attempt == _NUM_CONFLICT_TRIES:
                        raise
            pause(attempt)

    def _etag(self, answer: "GetObjectOutputTypeDef | PutObjectOutputTypeDef") -> str:
        """The etag of an answer, which every store gives and a web server that says 200 to all does not."""
        etag = answer.get("ETag", "")
        if not etag:
            raise not_s3(self.location)
        return etag

    @contextmanager
    def _explained(self, action: Action, key: str = "") -> Iterator[None]:
        """Turn boto3's errors from inside the block into ours."""
        try:
            yield
        except S3_FAILURES as error:
            raise explain(
                error, action=action, key=key, location=self.location, endpoint=self._client.meta.endpoint_url
            ) from error
