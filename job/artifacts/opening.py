"""From a save path to the store it names."""

import re
from pathlib import Path

from job.artifacts.folder import LocalStore
from job.artifacts.keys import check_key
from job.artifacts.store import ObjectStore
from job.errors import ConfigError

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/+")  # two letters at least: C:/ is no scheme; s3:/ is a slip


def open_store(save_path: str) -> ObjectStore:
    """Open the folder or the ``s3://bucket/prefix`` that ``save_path`` names; nothing is written yet.

    Raises
    ------
    ConfigError
        The path names neither, is a file, or the AWS settings are unusable.
    """
    if save_path.startswith("s3://"):
        bucket, _, prefix = save_path.removeprefix("s3://").partition("/")
        if _BUCKET.fullmatch(bucket) is None or not _is_prefix(prefix.rstrip("/")):
            # Not repeated: people put keys into such addresses.
            raise ConfigError(
                "The save path begins with s3:// but names no bucket and prefix.",
                remedy="Write --save-path s3://bucket/prefix; the keys belong into the AWS_* variables.",
            )
        # boto3 takes half a second to load, which a folder need not wait for.
        from job.artifacts.s3 import connect_s3

        return connect_s3(bucket, prefix.rstrip("/"))
    if (scheme := _SCHEME.match(save_path)) is not None:
        raise ConfigError(
            f"The save path begins with {scheme[0]}, which names no store that is known.",
            remedy="Use a folder or s3://bucket/prefix, with AWS_ENDPOINT_URL_S3 for a store that is not AWS.",
        )
    if not save_path.strip() or "\0" in save_path:
        raise ConfigError("The save path is empty.", remedy="Use a folder or s3://bucket/prefix.")
    try:
        return LocalStore(Path(save_path).expanduser())
    except RuntimeError as error:
        raise ConfigError(
            f"The save path {save_path} begins with the home of a user that this machine does not know.",
            remedy="Write the folder's whole path.",
        ) from error


def _is_prefix(prefix: str) -> bool:
    try:
        return prefix == "" or bool(check_key(prefix))
    except ValueError:
        return False
