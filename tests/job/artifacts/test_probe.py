"""The probe passes stores that keep their promises and catches each kind that does not."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.opening import open_store
from job.artifacts.probe import probe_store
from job.artifacts.s3 import S3Store
from job.artifacts.store import CreateOutcome, Creation, ObjectStore, StoredObject
from job.errors import ConfigError
from tests.support.fixtures_s3 import BUCKET
from tests.support.scripted_s3 import refusal, scripted_s3
from tests.support.seaweedfs import READER, SeaweedServer

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


class IgnoresCreate(S3Store):
    """A server that does not know ``If-None-Match``."""

    def _put_object(
        self, key: str, data: bytes, *, must_be_absent: bool = False, must_match: str | None = None
    ) -> str | None:
        return super()._put_object(key, data, must_match=must_match)


class IgnoresMatch(S3Store):
    """A server that does not know ``If-Match``."""

    def _put_object(
        self, key: str, data: bytes, *, must_be_absent: bool = False, must_match: str | None = None
    ) -> str | None:
        return super()._put_object(key, data, must_be_absent=must_be_absent)


class ForgetfulFolder(LocalStore):
    """A folder that overwrites whatever it is asked."""

    def create(self, key: str, data: bytes) -> Creation:
        """Always create."""
        etag = self.put(key, data)
        return Creation(outcome=CreateOutcome.CREATED, stored=StoredObject(data=data, etag=etag))


def test_both_stores_pass_and_keep_nothing(store: ObjectStore) -> None:
    """The probe's object is gone afterwards."""
    probe_store(store)
    assert list(store.list("")) == []


@pytest.mark.parametrize(
    ("mutant", "words"),
    [
        (IgnoresCreate, "a second create replaced the first"),
        (IgnoresMatch, "a write over an older version went through"),
    ],
)
def test_a_bucket_that_ignores_a_condition_is_caught(s3_client: "S3Client", mutant: type[S3Store], words: str) -> None:
    """Against the real server, with one header left out: 78, and stores that are known to work."""
    store = mutant(s3_client, bucket=BUCKET, prefix=f"mutant/{mutant.__name__}")
    with pytest.raises(ConfigError, match=words) as caught:
        probe_store(store)
    assert "SeaweedFS" in caught.value.remedy
    assert list(store.list("")) == []


def test_a_folder_that_ignores_a_condition_is_caught(tmp_path: Path) -> None:
    """The same promise, the same answer."""
    with pytest.raises(ConfigError, match="a second create replaced the first"):
        probe_store(ForgetfulFolder(tmp_path))


def test_a_server_that_refuses_conditions_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some stores answer 501 instead of ignoring: still 78 with the stores that work."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    with scripted_s3([refusal(501, "NotImplemented")]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint_url)
        with pytest.raises(ConfigError, match="no conditional writes") as caught:
            probe_store(open_store("s3://bucket/x"))
    assert "SeaweedFS" in caught.value.remedy


def test_keys_without_the_right_to_write_say_so(
    s3_environment: SeaweedServer, s3_save_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The probe's own tidying up does not hide why it failed."""
    for name, value in s3_environment.environment(READER).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="may not write") as caught:
        probe_store(open_store(s3_save_path))
    assert "s3:PutObject" in caught.value.remedy
