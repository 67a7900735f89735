"""``lorentzian status``: how far the windows of a run are; without a run, which runs there are."""

import json
from collections import Counter
from collections.abc import Sequence

from job import interruption
from job.artifacts.keys import RUNS_INDEX, RunKeys
from job.artifacts.opening import open_store
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import parse_record
from job.commands.results import add_texts, is_for_machines, results_console, results_table
from job.commands.window_grid import print_windows
from job.errors import CheckFailed, ConfigError, ExitCode
from job.intervals import SECOND_MS, format_utc
from job.records import ExecutionRecord, PlanRecord, RunIndexEntry, RunsIndexRecord
from job.report.stored_run import NO_RUN_REMEDY
from job.report.window_progress import NUM_TIMED, window_cell
from job.run.attempt import now_ms
from job.run.plan import read_plan
from job.run.state import WindowState, describe, training_state, window_states
from job.settings.commands import StatusCommand
from job.settings.sources import LoadedSettings

TRAINING_WORDS = {"done": "done.", "running": "running."}


def run(loaded: LoadedSettings[StatusCommand]) -> ExitCode:
    """Read what runs and windows have written, and draw it; JSON lines where a machine reads."""
    settings = loaded.settings
    as_lines = is_for_machines(settings.output)
    with interruption.at_once():
        store = open_store(settings.run.save_path)
        if settings.run.run_id is None:
            if settings.status.require is not None:
                raise ConfigError("Nothing says which run must be complete.", remedy="Name it with --run-id.")
            _print_runs(store, as_lines=as_lines)
            return ExitCode.DONE
        plan = _plan(store, settings.run.run_id)
        now = now_ms()
        is_training = plan.kind == "training"
        states = (training_state(store, plan, now_ms=now),) if is_training else window_states(store, plan, now_ms=now)
        if as_lines:
            _print_lines(plan, states, now)
        else:
            _print_grid(store, plan, states, now)
    if settings.status.require == "complete" and any(state.state != "done" for state in states):
        raise CheckFailed(
            f"Run {plan.run_id} is not complete: {describe(states)}.",
            remedy="Start the windows again that are not done.",
        )
    return ExitCode.DONE


def _print_runs(store: ObjectStore, *, as_lines: bool) -> None:
    stored = store.get(RUNS_INDEX)
    if stored is None:
        raise ConfigError(f"There is no run under {store.location}.", remedy=NO_RUN_REMEDY)
    index = parse_record(RunsIndexRecord, stored.data, where=RUNS_INDEX)
    entries = sorted(index.runs.values(), key=lambda each: each.created_at_ms)
    if as_lines:
        for entry in entries:
            print(entry.model_dump_json())
        return
    table = results_table("run", "planned", "state", "windows", "verdict", title=f"Runs under {store.location}")
    for entry in entries:
        add_texts(table, *_run_cells(entry))
    results_console().print(table)
    print("One run: lorentzian status --run-id RUN, with the same --save-path.")


def _run_cells(entry: RunIndexEntry) -> tuple[str, ...]:
    windows = f"{entry.num_done} of {entry.num_windows}" if entry.state == "finished" else f"{entry.num_windows}"
    verdict = "(basic training)" if entry.kind == "training" else entry.verdict or ""
    return entry.run_id, format_utc(entry.created_at_ms), entry.state, windows, verdict


def _plan(store: ObjectStore, run_id: str) -> PlanRecord:
    plan = read_plan(store, run_id)
    if plan is None:
        raise ConfigError(
            f"There is no run {run_id} under {store.location}.",
            remedy="Check --save-path; `lorentzian status` without --run-id lists the runs there.",
        )
    return plan


def _print_grid(store: ObjectStore, plan: PlanRecord, states: tuple[WindowState, ...], now: int) -> None:
    done = [state.index for state in states if state.state == "done"][-NUM_TIMED:]
    executions = [] if plan.kind == "training" else _executions(store, RunKeys(plan.run_id), done)
    print_windows(results_console(), states, executions, title=f"Run {plan.run_id}", now_ms=now)
    if plan.kind == "training":
        print(f"A basic training: {TRAINING_WORDS.get(states[0].state, 'the same command starts it again.')}")
        return
    others = Counter(state.state for state in states if not state.is_settled)
    print(describe(states) + "".join(f", {number} {name}" for name, number in others.items()))


def _executions(store: ObjectStore, keys: RunKeys, indexes: Sequence[int]) -> list[ExecutionRecord]:
    """How these windows ran; one whose pod left no word is left out."""
    stored = {index: store.get(keys.execution(index)) for index in indexes}
    return [
        parse_record(ExecutionRecord, each.data, where=keys.execution(index))
        for index, each in stored.items()
        if each is not None
    ]


def _print_lines(plan: PlanRecord, states: tuple[WindowState, ...], now: int) -> None:
    """One JSON object a window, and one for all of them."""
    for state in states:
        cell, attempt, failure = window_cell(state, now_ms=now), state.attempt, state.failure
        line = {
            "run_id": plan.run_id,
            "window": state.index,
            "state": cell.name,
            "attempts": state.num_attempts,
            "stage": None if attempt is None else attempt.stage,
            "epoch": None if attempt is None or attempt.epoch is None else attempt.epoch + 1,
            "seconds_since_beat": None if attempt is None else (now - attempt.beat_at_ms) // SECOND_MS,
            "exit_code": failure.exit_code if failure is not None else None if attempt is None else attempt.exit_code,
            "reason": state.reason or None,
            "remedy": None if failure is None else failure.remedy,
        }
        print(json.dumps(line))
    counts = Counter(window_cell(state, now_ms=now).name for state in states)
    print(json.dumps({"event": "status", "run_id": plan.run_id, "windows": len(states), "states": dict(counts)}))
