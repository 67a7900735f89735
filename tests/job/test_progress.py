import pytest
from structlog.testing import capture_logs

from job import progress
from job.progress import track
from job.settings.operation import OutputSettings


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that progress lines go by."""
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_lines_come_at_the_start_every_ten_seconds_and_at_the_end(clock: Clock) -> None:
    """Logs of a long run stay short, and its end is never missing."""
    with capture_logs() as lines, track("windows", OutputSettings()) as tracker:
        for second in range(25):
            clock.now = 101.0 + second
            tracker.advance_to(second, 24)
    assert lines[0] == {"event": "work_started", "work": "windows", "log_level": "info"}
    assert [line["done"] for line in lines[1:]] == [9, 19, 24]
    assert {line["total"] for line in lines[1:]} == {24}


def test_lines_say_how_long_it_will_take(clock: Clock) -> None:
    """By the pace of what this start has done: what an earlier one had done took no time now."""
    with capture_logs() as lines, track("windows", OutputSettings()) as tracker:
        tracker.advance_to(10, 20)
        clock.now += 12
        tracker.advance_to(10, 20, note="window 10, epoch 1")
        clock.now += 12
        tracker.advance_to(14, 20)
        clock.now += 12
        tracker.advance_to(20, 20)
    assert [line["eta_s"] for line in lines[1:]] == [None, 36, 0]
    assert lines[1]["note"] == "window 10, epoch 1"
