"""A save path names a folder or a bucket, and nothing else."""

from pathlib import Path

import pytest

from job.artifacts.opening import open_store
from job.errors import ConfigError


def test_a_path_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths and the home folder's short form end at absolute ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_store("models/trained").location == str(tmp_path / "models/trained")
    assert open_store("~/models").location == str(tmp_path / "models")


def test_an_s3_address_is_a_bucket_and_a_prefix(s3_save_path: str) -> None:
    """The location is the save path again, and the store works."""
    for save_path in (s3_save_path, s3_save_path + "/"):
        store = open_store(save_path)
        assert store.location == s3_save_path
    store.put("a", b"1")
    bucket = open_store("s3://artifacts")
    assert bucket.location == "s3://artifacts"
    inside = s3_save_path.removeprefix("s3://artifacts/")
    assert [info.key for info in bucket.list(inside)] == [f"{inside}/a"]


@pytest.mark.parametrize(
    "save_path",
    [
        "s3://",
        "s3:///prefix",
        "s3://b",
        "s3://bucket/../x",
        "s3://KEY:canary@bucket/x",
        "gs://bucket",
        "s3:/bucket",
        "",
        " ",
    ],
)
def test_other_addresses_are_refused(save_path: str) -> None:
    """One sentence and a remedy, and no key that somebody wrote into the address."""
    with pytest.raises(ConfigError) as caught:
        open_store(save_path)
    assert "s3://bucket/prefix" in caught.value.remedy
    assert "canary" not in str(caught.value)
