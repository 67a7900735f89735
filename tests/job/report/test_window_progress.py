"""Progress in words: states, silence, time left and failures."""

from job.records import AttemptRecord, ExecutionRecord, FailureRecord
from job.report.window_progress import (
    completed_indexes,
    duration,
    eta_text,
    failures_by_code,
    legend,
    throughput_text,
    window_cell,
)
from job.run.state import WindowState

NOW = 1_764_600_000_000
MINUTE = 60_000


def attempt(*, age_ms: int = 0, number: int = 1, exit_code: int | None = None) -> AttemptRecord:
    """A start that last beat so long ago."""
    return AttemptRecord(
        index=0,
        attempt=number,
        max_attempts=3,
        host="pod",
        started_at_ms=NOW - 10 * MINUTE,
        beat_at_ms=NOW - age_ms,
        stage="train",
        epoch=4,
        exit_code=exit_code,
    )


def execution(index: int, minutes: float) -> ExecutionRecord:
    """A window that took so long, one after the other."""
    return ExecutionRecord(
        index=index,
        attempt=1,
        host="pod",
        cpu="x",
        device="cpu",
        started_at_ms=NOW + index * MINUTE,
        ended_at_ms=NOW + index * MINUTE + round(minutes * MINUTE),
        seconds_by_stage={},
    )


def test_running_window_goes_stale_after_three_beats() -> None:
    """At 90 seconds it still runs, above it is stale; the epoch counts from 1."""
    fresh = window_cell(WindowState(index=0, state="running", attempt=attempt(age_ms=90_000)), now_ms=NOW)
    silent = window_cell(WindowState(index=0, state="running", attempt=attempt(age_ms=90_001)), now_ms=NOW)
    assert (fresh.name, silent.name) == ("running", "stale")
    assert "epoch 5" in fresh.detail


def test_clock_that_is_ahead_is_no_negative_age() -> None:
    """A beat from the future was just now."""
    cell = window_cell(WindowState(index=0, state="running", attempt=attempt(age_ms=-5_000)), now_ms=NOW)
    assert "beat 0 s ago" in cell.detail


def test_retried_window_says_so() -> None:
    """The second attempt of three is told, with its exit code where it ended."""
    cell = window_cell(WindowState(index=7, state="due", attempt=attempt(number=2, exit_code=143)), now_ms=NOW)
    assert cell.text == "window 7: due, attempt 2 of 3, exit code 143"
    done = window_cell(WindowState(index=8, state="done", num_attempts=2), now_ms=NOW)
    assert done.text == "window 8: done, attempt 2"


def test_time_left_counts_rounds() -> None:
    """Five left, two at once, four minutes each: three rounds, twelve minutes."""
    states = [WindowState(index=i, state="running", attempt=attempt()) for i in range(2)]
    states += [WindowState(index=i, state="pending") for i in range(2, 5)]
    assert eta_text(states, [execution(0, 4), execution(1, 4)]).startswith("about 12 min: 5 left, 2 at once")
    assert eta_text(states[2:], [execution(0, 4)]).startswith("no window is running; once one is, about 12 min: 3 left")
    assert eta_text(states, []) == "not known before the first window is done"
    assert eta_text([WindowState(index=0, state="done")], []) == "nothing is left to do"


def test_throughput_needs_two() -> None:
    """One an hour for windows that end an hour apart; one window alone has none."""
    assert throughput_text([execution(0, 1)]) == "–"
    assert throughput_text([execution(0, 1), execution(60, 1)]) == "1.0 windows an hour"


def test_indexes_are_written_as_kubernetes_writes_them() -> None:
    """Neighbours become spans."""
    done = [WindowState(index=i, state="done") for i in (0, 1, 2, 5)] + [WindowState(index=6, state="pending")]
    assert completed_indexes(done, ("done",)) == "0-2,5"
    assert completed_indexes(done, ("failed",)) == "–"


def test_failures_are_grouped_by_exit_code() -> None:
    """The commonest first, with its meaning and the remedy of its first window."""

    def failed(index: int, code: int) -> WindowState:
        record = FailureRecord(index=index, exit_code=code, message=f"Why {code}.", remedy="Do this.")
        return WindowState(index=index, state="failed", failure=record)

    rows = failures_by_code([failed(0, 66), failed(1, 65), failed(4, 65), WindowState(index=5, state="lost")])
    assert [row[:3] for row in rows] == [
        ("65: its data is bad, or changed since the plan", "2", "1, 4"),
        ("66: no data, or Binance refuses this location", "1", "0"),
        ("–", "1", "5"),
    ]
    assert rows[0][3] == "Why 65. Do this."


def test_legend_tells_only_what_is_there() -> None:
    """Each letter of the grid with its number and meaning, and no other."""
    states = [WindowState(index=0, state="done"), WindowState(index=1, state="done")]
    states.append(WindowState(index=2, state="pending"))
    cells = [window_cell(state, now_ms=NOW) for state in states]
    assert legend(cells) == "· pending (1): not started; D done (2): finished, with a manifest"


def test_durations_are_in_the_unit_that_fits() -> None:
    """Seconds, minutes, hours, days."""
    hour = 60 * MINUTE
    assert [duration(each) for each in (42_000, 3 * MINUTE, 2.5 * hour, 72 * hour)] == [
        "42 s",
        "3 min",
        "2.5 h",
        "3 days",
    ]
