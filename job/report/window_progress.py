"""How far a run is, for people: each window in a letter and a word, and when it may be done. Pure.

What `lorentzian status` and the dashboard's page Live both say.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from job.errors import ExitCode
from job.intervals import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from job.records import ExecutionRecord
from job.run.attempt import BEAT_SECONDS
from job.run.state import WindowState

# One beat may be late, two may be lost; after three somebody should look.
STALE_AFTER_MS = round(3 * BEAT_SECONDS * SECOND_MS)
# The last windows say best how long the next will take.
NUM_TIMED = 20
LETTERS = {"pending": "·", "running": "R", "stale": "?", "due": "↻", "done": "D", "failed": "F", "lost": "L"}
MEANINGS = {
    "pending": "not started",
    "running": "a heartbeat within 90 seconds",
    "stale": "no heartbeat for 90 seconds",
    "due": "its last pod ended or fell silent, and it will be started again",
    "done": "finished, with a manifest",
    "failed": "failed for good",
    "lost": "never finished, and nobody is expected to start it again",
}
CODE_MEANINGS = {
    ExitCode.BUG: "a bug of ours",
    ExitCode.CHECK_FAILED: "a check did not pass",
    ExitCode.USAGE: "wrong usage, or an index past the plan",
    ExitCode.DATA: "its data is bad, or changed since the plan",
    ExitCode.NO_DATA: "no data, or Binance refuses this location",
    ExitCode.NO_GPU: "no usable GPU",
    ExitCode.UNAVAILABLE: "database or store away after retries",
    ExitCode.CONFIG: "settings, secrets, schema or store",
    ExitCode.CANCELLED: "Ctrl-C",
    ExitCode.TERMINATED: "asked to stop; what was finished is kept",
}


@dataclass(frozen=True, kw_only=True)
class WindowCell:
    """One window of the grid: ``name`` is a key of `LETTERS`."""

    index: int
    name: str
    detail: str

    @property
    def text(self) -> str:
        """The whole, for whoever hears it or points at it."""
        return f"window {self.index}: {self.name}{', ' if self.detail else ''}{self.detail}"


def window_cell(state: WindowState, *, now_ms: int) -> WindowCell:
    """A window as the grid shows it; one that was started more than once says so."""
    attempt = state.attempt
    name: str = state.state
    if attempt is None:
        retried = f"attempt {state.num_attempts}" if state.num_attempts > 1 else ""
        return WindowCell(index=state.index, name=name, detail=state.reason or retried)
    age_ms = max(0, now_ms - attempt.beat_at_ms)
    if name == "running" and age_ms > STALE_AFTER_MS:
        name = "stale"
    parts = [f"attempt {attempt.attempt} of {attempt.max_attempts}"] if attempt.attempt > 1 else []
    if name in ("running", "stale"):
        epoch = "" if attempt.epoch is None else f", epoch {attempt.epoch + 1}"
        parts += [f"{attempt.stage}{epoch}", f"beat {duration(age_ms)} ago"]
    elif attempt.exit_code is not None:
        parts.append(f"exit code {attempt.exit_code}")
    if state.reason:
        parts.append(state.reason)
    return WindowCell(index=state.index, name=name, detail=", ".join(parts))


def eta_text(states: Sequence[WindowState], executions: Sequence[ExecutionRecord]) -> str:
    """When the rest may be done, from the median of windows that are; or why nobody can say."""
    left = sum(not state.is_settled for state in states)
    if not left:
        return "nothing is left to do"
    if not executions:
        return "not known before the first window is done"
    running = sum(state.state == "running" for state in states)
    at_once, idle = max(1, running), "" if running else "no window is running; once one is, "
    each_ms = median(each.ended_at_ms - each.started_at_ms for each in executions)
    rounds = -(-left // at_once)
    return (
        f"{idle}about {duration(rounds * each_ms)}: {left} left, {at_once} at once, median window {duration(each_ms)} "
        f"(n = {len(executions)})"
    )


def throughput_text(executions: Sequence[ExecutionRecord]) -> str:
    """Windows an hour over those that are done; a dash below two."""
    if len(executions) < 2:
        return "–"
    ends = sorted(each.ended_at_ms for each in executions)
    hours = (ends[-1] - ends[0]) / HOUR_MS
    return f"{(len(ends) - 1) / hours:,.1f} windows an hour" if hours > 0 else "–"


def last_beat_text(states: Sequence[WindowState], *, now_ms: int) -> str:
    """How long ago anything beat."""
    beats = [state.attempt.beat_at_ms for state in states if state.attempt is not None and not state.is_settled]
    return f"{duration(max(0, now_ms - max(beats)))} ago" if beats else "–"


def completed_indexes(states: Sequence[WindowState], names: Sequence[str]) -> str:
    """Indices in Kubernetes' own words: ``0-3,5``."""
    chosen = [state.index for state in states if state.state in names]
    spans: list[list[int]] = []
    for index in chosen:
        if spans and index == spans[-1][1] + 1:
            spans[-1][1] = index
        else:
            spans.append([index, index])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in spans) or "–"


def progress_rows(
    states: Sequence[WindowState], executions: Sequence[ExecutionRecord], *, now_ms: int
) -> list[tuple[str, str]]:
    """What changes while a run goes on, in names and words.

    Parameters
    ----------
    executions : how windows ran that are done, the last ones.
    """
    return [
        ("time left", eta_text(states, executions)),
        ("throughput", throughput_text(executions)),
        ("last heartbeat", last_beat_text(states, now_ms=now_ms)),
        ("completedIndexes", completed_indexes(states, ("done",))),
        ("failedIndexes", completed_indexes(states, ("failed", "lost"))),
    ]


def legend(cells: Sequence[WindowCell]) -> str:
    """What the letters mean that are in a grid, and how often each is."""
    present = Counter(cell.name for cell in cells)
    return "; ".join(f"{LETTERS[name]} {name} ({present[name]}): {MEANINGS[name]}" for name in LETTERS if present[name])


def failures_by_code(states: Sequence[WindowState]) -> list[tuple[str, str, str, str]]:
    """Exit code and its meaning, how many windows, which, and the remedy of the first."""
    failed = [state for state in states if state.state in ("failed", "lost")]
    codes = Counter(state.failure.exit_code if state.failure is not None else None for state in failed)
    rows = []
    for code, number in codes.most_common():
        own = [s for s in failed if (s.failure.exit_code if s.failure is not None else None) == code]
        first = own[0].failure
        word = "–" if code is None else f"{code}: {_meaning(code)}"
        remedy = "Start the windows again." if first is None else f"{first.message} {first.remedy}"
        rows.append((word, str(number), ", ".join(str(s.index) for s in own), remedy))
    return rows


def duration(milliseconds: float) -> str:
    """``42 s``, ``3 min``, ``2.5 h``, ``3 days``."""
    if milliseconds < 2 * MINUTE_MS:
        return f"{milliseconds / SECOND_MS:.0f} s"
    if milliseconds < 2 * HOUR_MS:
        return f"{milliseconds / MINUTE_MS:.0f} min"
    return f"{milliseconds / HOUR_MS:.1f} h" if milliseconds < 2 * DAY_MS else f"{milliseconds / DAY_MS:,.0f} days"


def _meaning(code: int) -> str:
    return CODE_MEANINGS.get(ExitCode(code), "") if code in set(ExitCode) else "killed from outside"
