import signal

import pytest

from job import interruption
from job.errors import Cancelled, ExitCode, Terminated


@pytest.fixture(autouse=True)
def forget_requests() -> None:
    """Each test starts and ends without a request."""
    interruption._requested.clear()
    yield
    interruption._requested.clear()


def test_check_does_nothing_until_asked() -> None:
    """No signal, no interruption."""
    interruption.check()
    assert not interruption.is_requested()


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
    assert interruption.is_requested()
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
