"""A request to stop, noted by the signal handlers and obeyed wherever work can be left cleanly.

Long loops call `check`; it raises at a moment that the loop has chosen, so that nothing is torn.
"""

from types import FrameType

from job.errors import Cancelled, Terminated

_requested: list[type[Cancelled] | type[Terminated]] = []


def request_termination(_signal: int, _frame: FrameType | None) -> None:
    """Handle SIGTERM: the pod is wanted elsewhere."""
    _requested.append(Terminated)


def request_cancel(_signal: int, _frame: FrameType | None) -> None:
    """Handle Ctrl-C; a second one does not wait for the loop."""
    if Cancelled in _requested:
        raise KeyboardInterrupt
    _requested.append(Cancelled)


def is_requested() -> bool:
    """Whether somebody has asked this process to stop."""
    return bool(_requested)


def check() -> None:
    """Raise `Terminated` or `Cancelled` where one was asked for, else do nothing."""
    if _requested:
        if _requested[0] is Terminated:
            raise Terminated("Stopped by SIGTERM; finished windows are kept, and the next start goes on from them.")
        raise Cancelled("Stopped by Ctrl-C; finished windows are kept, and the same command goes on from them.")
