"""``lorentzian status``: how far the windows of a run are."""

from collections import Counter

from rich.console import Console
from rich.table import Table

from job.artifacts.opening import open_store
from job.attempt import now_ms
from job.command_settings import StoredRunCommand
from job.errors import ConfigError, ExitCode, UsageError
from job.intervals import SECOND_MS
from job.plan import read_plan
from job.run_state import WindowState, describe, window_states
from job.settings_sources import LoadedSettings


def run(loaded: LoadedSettings[StoredRunCommand]) -> ExitCode:
    """Read what the windows have written, and print a line for each."""
    run_id = loaded.settings.run.run_id
    if run_id is None:
        raise UsageError("No run was named.", remedy="Give --run-id; `runs-index.json` lists the runs.")
    store = open_store(loaded.settings.run.save_path)
    plan = read_plan(store, run_id)
    if plan is None:
        raise ConfigError(f"There is no run {run_id} under {store.location}.", remedy="Check --run-id and --save-path.")
    now = now_ms()
    states = window_states(store, plan, now_ms=now)
    table = Table("window", "state", "attempt", "stage", "last beat", "reason", title=f"Run {run_id}")
    for state in states:
        table.add_row(*_row(state, now))
    Console().print(table)
    counts = Counter(state.state for state in states)
    print(f"{describe(states)}; " + ", ".join(f"{number} {name}" for name, number in counts.items()))
    return ExitCode.DONE


def _row(state: WindowState, now: int) -> tuple[str, ...]:
    attempt = state.attempt
    if attempt is None:
        return str(state.index), state.state, "", "", "", state.reason
    epoch = "" if attempt.epoch is None else f", epoch {attempt.epoch + 1}"
    age = f"{(now - attempt.beat_at_ms) // SECOND_MS} s ago"
    return str(state.index), state.state, str(attempt.attempt), f"{attempt.stage}{epoch}", age, state.reason
