"""``lorentzian status``: how far the windows of a run are; without a run, which runs there are."""

from collections import Counter

from job import interruption
from job.artifacts.keys import RUNS_INDEX
from job.artifacts.opening import open_store
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import parse_record
from job.commands.results import add_texts, results_console, results_table
from job.errors import ConfigError, ExitCode
from job.intervals import SECOND_MS, format_utc
from job.records import RunIndexEntry, RunsIndexRecord
from job.run.attempt import now_ms
from job.run.plan import read_plan
from job.run.state import WindowState, describe, training_state, window_states
from job.settings.commands import StoredRunCommand
from job.settings.sources import LoadedSettings

TRAINING_WORDS = {"done": "done.", "running": "running."}


def run(loaded: LoadedSettings[StoredRunCommand]) -> ExitCode:
    """Read what runs and windows have written, and print a line for each."""
    settings = loaded.settings.run
    with interruption.at_once():
        store = open_store(settings.save_path)
        if settings.run_id is None:
            _print_runs(store)
        else:
            _print_windows(store, settings.run_id)
    return ExitCode.DONE


def _print_runs(store: ObjectStore) -> None:
    stored = store.get(RUNS_INDEX)
    if stored is None:
        raise ConfigError(f"There is no run under {store.location}.", remedy="Check --save-path.")
    index = parse_record(RunsIndexRecord, stored.data, where=RUNS_INDEX)
    table = results_table("run", "planned", "state", "windows", "verdict", title=f"Runs under {store.location}")
    for entry in sorted(index.runs.values(), key=lambda each: each.created_at_ms):
        add_texts(table, *_run_cells(entry))
    results_console().print(table)
    print("One run: lorentzian status --run-id RUN, with the same --save-path.")


def _run_cells(entry: RunIndexEntry) -> tuple[str, ...]:
    windows = f"{entry.num_done} of {entry.num_windows}" if entry.state == "finished" else f"{entry.num_windows}"
    verdict = "(basic training)" if entry.kind == "training" else entry.verdict or ""
    return entry.run_id, format_utc(entry.created_at_ms), entry.state, windows, verdict


def _print_windows(store: ObjectStore, run_id: str) -> None:
    plan = read_plan(store, run_id)
    if plan is None:
        raise ConfigError(
            f"There is no run {run_id} under {store.location}.",
            remedy="Check --save-path; `lorentzian status` without --run-id lists the runs there.",
        )
    now = now_ms()
    is_training = plan.kind == "training"
    states = (training_state(store, plan, now_ms=now),) if is_training else window_states(store, plan, now_ms=now)
    table = results_table("window", "state", "attempt", "stage", "last beat", "reason", title=f"Run {run_id}")
    for state in states:
        add_texts(table, *_window_cells(state, now))
    results_console().print(table)
    if is_training:
        print(f"A basic training: {TRAINING_WORDS.get(states[0].state, 'the same command starts it again.')}")
        return
    others = Counter(state.state for state in states if not state.is_settled)
    print(describe(states) + "".join(f", {number} {name}" for name, number in others.items()))


def _window_cells(state: WindowState, now: int) -> tuple[str, ...]:
    attempt = state.attempt
    if attempt is None:
        return str(state.index), state.state, "", "", "", state.reason
    epoch = "" if attempt.epoch is None else f", epoch {attempt.epoch + 1}"
    age = f"{(now - attempt.beat_at_ms) // SECOND_MS} s ago"
    return str(state.index), state.state, str(attempt.attempt), f"{attempt.stage}{epoch}", age, state.reason
