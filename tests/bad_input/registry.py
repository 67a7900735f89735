"""What a bad input is: somebody else's bytes, handed to the function that reads them, and what must come out."""

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from job.errors import JobError

MEBIBYTE = 1024**2
READ = "read"  # what is strange and no fault: it is read as it was meant


@dataclass(frozen=True, kw_only=True)
class BadInput:
    """One input.

    Parameters
    ----------
    kind : what it pretends to be.
    name : what is wrong with it.
    feed : gives it to the product; the folder is empty and its own.
    outcome : the error of the product that must come out, or `READ`.
    words : that the error's message must hold.
    limit_mib : most memory that may be held on the way, MiB; the input itself counts where ``feed`` makes it.
    """

    kind: str
    name: str
    feed: Callable[[Path], object]
    outcome: type[JobError] | str
    words: str = ""
    limit_mib: int = 32


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What came out.

    Parameters
    ----------
    outcome : name of the error's class, `READ`, or of an exception that is none of the product's.
    message : what a user would see, without the folder's name.
    peak_mib : most memory held, MiB.
    """

    outcome: str
    message: str
    peak_mib: float


def examine(bad: BadInput, folder: Path) -> Finding:
    """Feed one input to the product."""
    outcome, message = READ, ""
    tracemalloc.start()
    try:
        bad.feed(folder)
    except Exception as error:  # noqa: BLE001 - whatever comes out is the finding
        outcome = type(error).__name__ if isinstance(error, JobError) else f"NOT OURS: {type(error).__name__}"
        message = str(error)
    finally:
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return Finding(outcome=outcome, message=message.replace(f"{folder}/", ""), peak_mib=peak_bytes / MEBIBYTE)


def faults(bad: BadInput, finding: Finding) -> list[str]:
    """What of a finding is not as it must be."""
    expected = bad.outcome if isinstance(bad.outcome, str) else bad.outcome.__name__
    found = []
    if finding.outcome != expected:
        found.append(f"{finding.outcome} instead of {expected}: {finding.message[:300]}")
    if bad.words not in finding.message:
        found.append(f"{bad.words!r} is not in {finding.message[:300]!r}")
    if finding.peak_mib > bad.limit_mib:
        found.append(f"{finding.peak_mib:.0f} MiB were held, {bad.limit_mib} may be")
    return found
