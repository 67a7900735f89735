"""A verdict held against the least one that was asked for."""

from job.errors import CheckFailed

WEAKEST_FIRST = ("no evidence", "weak", "evidence")


def check_verdict(verdict: str, required: str | None, *, of: str, remedy: str) -> None:
    """Return where a verdict is as strong as required, or nothing is.

    Raises
    ------
    CheckFailed
        Where it is weaker.
    """
    if required is not None and WEAKEST_FIRST.index(verdict) < WEAKEST_FIRST.index(required):
        raise CheckFailed(f"The verdict of {of} is {verdict!r}, and {required!r} was required.", remedy=remedy)
