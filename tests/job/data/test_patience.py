import signal
from collections.abc import Iterator

import pytest

from job import interruption
from job.data.patience import Patience, Setback
from job.errors import Terminated


@pytest.fixture(autouse=True)
def forget_requests() -> Iterator[None]:
    """Each test starts and ends without a request to stop."""
    interruption._requested.clear()
    yield
    interruption._requested.clear()


def test_ask_does_not_wait_for_an_answer_once_it_is_to_stop() -> None:
    """SIGTERM in the middle of an attempt leaves it there, and no other one is begun."""
    begun, ended = [], []

    def attempt() -> Setback:
        begun.append(len(begun))
        interruption.request_termination(signal.SIGTERM, None)
        ended.append(len(ended))
        return Setback(reason="no answer in time")

    with pytest.raises(Terminated):
        Patience(sleep=lambda seconds: None).ask(attempt, host="exchange.example")
    assert (begun, ended) == ([0], [])
