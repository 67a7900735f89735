"""A request to stop, noted by the signal handlers and obeyed wherever work can be left cleanly.

Long loops call `check`; it raises at a moment that the loop has chosen, so that nothing is torn. What only waits or
computes, is undone as a whole by the database, or writes nothing but whole objects that the next start writes alike,
stands in an `at_once` block, and is left wherever it is.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from job.errors import Cancelled, Interrupted, Terminated

_requested: list[type[Cancelled] | type[Terminated]] = []
_open_blocks: list[None] = []  # one for each `at_once` block around what runs now


def request_termination(_signal: int, _frame: FrameType | None) -> None:
    """Handle SIGTERM: the pod is wanted elsewhere."""
    _requested.append(Terminated)
    _raise_in_block()


def request_cancel(_signal: int, _frame: FrameType | None) -> None:
    """Handle Ctrl-C; a second one does not wait for the loop."""
    if Cancelled in _requested:
        raise KeyboardInterrupt
    _requested.append(Cancelled)
    _raise_in_block()


def check() -> None:
    """Raise `Terminated` or `Cancelled` where one was asked for, else do nothing."""
    if _requested:
        kept = "What was finished is kept, and the same command goes on from it."
        if _requested[0] is Terminated:
            raise Terminated("Stopped by SIGTERM.", remedy=kept)
        raise Cancelled("Stopped by Ctrl-C.", remedy=kept)


@contextmanager
def at_once() -> Iterator[None]:
    """Raise in the middle of the block, where a request arrives: for waits, single transactions and pure work."""
    check()
    _open_blocks.append(None)
    try:
        yield
    except Interrupted:
        raise
    except Exception:
        check()  # a library may have caught the request on its way, and raised an error of its own for it
        raise
    finally:
        if _open_blocks:
            _open_blocks.pop()


def sleep(seconds: float) -> None:
    """Sleep, unless a request comes."""
    with at_once():
        time.sleep(seconds)


def _raise_in_block() -> None:
    if _open_blocks:
        # Once: what the block's end still does (closing, rolling back) must not be left in its turn.
        _open_blocks.clear()
        check()
