import signal
import time

import pytest

from job import interruption
from job.errors import Cancelled, DatabaseUnavailable, ExitCode, Terminated


@pytest.fixture(autouse=True)
def forget_requests() -> None:
    """Each test starts and ends without a request."""
    interruption._requested.clear()
    yield
    interruption._requested.clear()


def test_check_does_nothing_until_asked() -> None:
    """No signal, no interruption."""
    interruption.check()


@pytest.mark.parametrize(
    ("handler", "error", "code"),
    [
        (interruption.request_termination, Terminated, ExitCode.TERMINATED),
        (interruption.request_cancel, Cancelled, ExitCode.CANCELLED),
    ],
)
def test_check_raises_what_was_asked_for(handler: object, error: type[Exception], code: ExitCode) -> None:
    """The handler itself only notes the request; the next check raises it, and every one after."""
    handler(signal.SIGTERM, None)
    for _ in range(2):
        with pytest.raises(error) as caught:
            interruption.check()
        assert caught.value.exit_code is code


def test_second_ctrl_c_does_not_wait() -> None:
    """Somebody who presses it twice means now."""
    interruption.request_cancel(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        interruption.request_cancel(signal.SIGINT, None)


def test_first_request_decides() -> None:
    """A pod that is terminated and then cancelled was terminated."""
    interruption.request_termination(signal.SIGTERM, None)
    interruption.request_cancel(signal.SIGINT, None)
    with pytest.raises(Terminated):
        interruption.check()


def test_at_once_raises_where_the_request_arrives() -> None:
    """A wait is left in its middle, and what stands after it in the block is not reached."""
    reached = []
    with pytest.raises(Terminated), interruption.at_once():
        interruption.request_termination(signal.SIGTERM, None)
        reached.append("after")
    assert reached == []
    assert not interruption._open_blocks


def test_at_once_raises_what_was_asked_for_before() -> None:
    """A request that came earlier keeps the block from being entered."""
    interruption.request_cancel(signal.SIGINT, None)
    with pytest.raises(Cancelled), interruption.at_once():
        pytest.fail("the block was entered")


def test_at_once_lets_its_clean_up_finish() -> None:
    """A second signal while the first one's clean-up runs does not cut that short."""
    steps = []
    with pytest.raises(Terminated), interruption.at_once():
        try:
            interruption.request_termination(signal.SIGTERM, None)
        finally:
            interruption.request_termination(signal.SIGTERM, None)
            steps.append("cleaned up")
    assert steps == ["cleaned up"]


@pytest.mark.parametrize("error", [DatabaseUnavailable("Away."), ZeroDivisionError("theirs")])
def test_request_that_a_library_made_another_error_of_is_still_obeyed(error: Exception) -> None:
    """What comes out of the block is the request, not the error that a library raised for it."""
    with pytest.raises(Terminated), interruption.at_once():
        try:
            interruption.request_termination(signal.SIGTERM, None)
        except Terminated:
            raise error from None


def test_error_of_a_block_is_left_alone() -> None:
    """Without a request, what went wrong comes out as it was."""
    with pytest.raises(ZeroDivisionError), interruption.at_once():
        raise ZeroDivisionError


def test_a_request_outside_a_block_waits_for_a_check() -> None:
    """After a block has ended, a handler only notes the request again."""
    with interruption.at_once():
        pass
    interruption.request_termination(signal.SIGTERM, None)
    with pytest.raises(Terminated):
        interruption.check()


def test_sleep_ends_with_the_signal() -> None:
    """A real signal ends a long sleep: Python would otherwise sleep on after the handler."""
    previous = signal.signal(signal.SIGALRM, interruption.request_termination)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    started = time.monotonic()
    try:
        with pytest.raises(Terminated):
            interruption.sleep(20)
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert time.monotonic() - started < 5
