"""What a file system's refusal means to the user. Knows error numbers, not stores."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from job.errors import DISK_FULL, ConfigError, JobError, StorageForbidden, StorageUnavailable

_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_NOT_A_FOLDER = {errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP}
_UNSUPPORTED = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EMLINK}


@contextmanager
def explained(location: str) -> Iterator[None]:
    """Turn an `OSError` from inside the block into ours, with a remedy; ``location`` is the save path."""
    try:
        yield
    except OSError as error:
        raise _explain(error, location) from error


def _explain(error: OSError, location: str) -> JobError:
    path = error.filename2 or error.filename or location
    reason = (error.strerror or type(error).__name__).lower()
    if error.errno in _FORBIDDEN:
        return StorageForbidden(
            f"The save path {location} cannot be used: {path}: {reason}.",
            remedy="Give this user the right to read and write there, or choose another --save-path.",
        )
    if error.errno in DISK_FULL:
        return StorageUnavailable(
            f"The save path {location} has no room left.",
            remedy="Free some space and start the command again; finished work is kept.",
        )
    if error.errno in _UNSUPPORTED:
        return ConfigError(
            f"The file system of {location} has no hard links or file locks ({reason}).",
            remedy="Choose a --save-path on a local disk or NFS, or an s3:// address.",
        )
    if error.errno in _NOT_A_FOLDER or isinstance(error, (NotADirectoryError, IsADirectoryError)):
        return ConfigError(
            f"The save path {location} cannot hold results: {path} is in the way ({reason}).",
            remedy="Move it away, or choose another --save-path.",
        )
    return StorageUnavailable(
        f"The save path {location} did not answer: {path}: {reason}.",
        remedy="Check the disk and start the command again; finished work is kept.",
    )
