"""Every error the user can meet, and the exit code each one ends with.

::

    JobError
    ├── PermanentError                     trying again without a change cannot help
    │   ├── UsageError            64       wrong command line, index past the plan
    │   ├── ConfigError           78       settings, secrets, schema, store
    │   │   └── StorageForbidden           the store refuses what was asked of it, with these rights
    │   ├── DataError             65       this window's data is bad, or changed since the plan
    │   ├── NoDataError           66       nothing there, too little, or Binance refuses this location
    │   ├── DeviceError           69       no usable GPU
    │   └── CheckFailed            4       a check that was asked for did not pass
    ├── TransientError            75       away, slow or throttled after bounded retries
    │   ├── DatabaseUnavailable
    │   ├── StorageUnavailable
    │   └── ExchangeUnavailable
    └── Interrupted                        asked to stop
        ├── Cancelled            130       Ctrl-C
        └── Terminated           143       SIGTERM; what was finished is kept

Library errors are wrapped where they appear, with ``raise ... from``. A message is one sentence that says
what, where and why; ``remedy`` is the sentence that says what to do next. Neither ever holds a secret.
``ValueError`` is for a bad argument inside the program and ``AssertionError`` for our own bug: both end in 1.
"""

import errno
from enum import IntEnum
from typing import ClassVar

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})  # also a quota's end, or a file too large


class ExitCode(IntEnum):
    """The one list of exit codes, shared with the manifests' ``podFailurePolicy``."""

    DONE = 0
    BUG = 1
    CHECK_FAILED = 4
    USAGE = 64
    DATA = 65
    NO_DATA = 66
    NO_GPU = 69
    UNAVAILABLE = 75
    CONFIG = 78
    CANCELLED = 130
    TERMINATED = 143


class JobError(Exception):
    """Base of all our errors: one sentence, and one remedy."""

    exit_code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class PermanentError(JobError):
    """Trying again without a change cannot help."""


class UsageError(PermanentError):
    """The command line asks for something that does not exist."""

    exit_code = ExitCode.USAGE


class ConfigError(PermanentError):
    """Settings, secrets, schema or store are not what the program needs."""

    exit_code = ExitCode.CONFIG


class StorageForbidden(ConfigError):
    """The artifact store does not let these keys, or this user, do what was asked."""


class DataError(PermanentError):
    """Data that was read is wrong, or is no longer what the plan was made from."""

    exit_code = ExitCode.DATA


class NoDataError(PermanentError):
    """There is nothing to work on, or too little of it."""

    exit_code = ExitCode.NO_DATA


class DeviceError(PermanentError):
    """The device that was asked for cannot be used."""

    exit_code = ExitCode.NO_GPU


class CheckFailed(PermanentError):
    """A check that the user asked for did not pass."""

    exit_code = ExitCode.CHECK_FAILED


class TransientError(JobError):
    """Something outside is away, slow or throttling, and stayed so through every retry."""

    exit_code = ExitCode.UNAVAILABLE


class DatabaseUnavailable(TransientError):
    """Postgres did not answer."""


class StorageUnavailable(TransientError):
    """The artifact store did not answer."""


class ExchangeUnavailable(TransientError):
    """Binance did not answer."""


class Interrupted(JobError):
    """Somebody asked the program to stop."""


class Cancelled(Interrupted):
    """Ctrl-C."""

    exit_code = ExitCode.CANCELLED


class Terminated(Interrupted):
    """SIGTERM: what was finished is kept, and the next start goes on from it."""

    exit_code = ExitCode.TERMINATED


def exit_code_of(error: BaseException | None) -> ExitCode:
    """What a program that was left by this error ends with; done where there was none."""
    if error is None:
        return ExitCode.DONE
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.CANCELLED
    return error.exit_code if isinstance(error, JobError) else ExitCode.BUG
