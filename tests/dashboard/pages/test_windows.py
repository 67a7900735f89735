"""Tests of the pages of windows: their numbers are those of the table that is stored."""

import csv
import json
from pathlib import Path

import pytest

from dashboard.pages import windows, windows_detail
from dashboard.pages.windows_table import METRICS, window_rows
from dashboard.repository import Repository
from job.artifacts.keys import RunKeys
from job.artifacts.stored_records import record_bytes
from job.errors import NoDataError
from job.records import ExecutionRecord, FailureRecord, WindowRunRecord
from tests.support.components import texts_of
from tests.support.runs import example_run
from tests.support.sessions import REASON, session_of, store_session


def test_every_number_is_that_of_the_stored_table(tmp_path: Path) -> None:
    """Validation and test of each window, to the last digit, as `window_metrics_<stamp>.csv` has them."""
    run = example_run(4)
    store_session(run, tmp_path, run_id="example")
    with (tmp_path / RunKeys("example").window_metrics_csv(run.plan.stamp)).open() as file:
        stored = list(csv.DictReader(file))
    session = session_of(run)
    assert session.result is not None and session.result.windows is not None
    rows = window_rows(session, session.result.windows.windows, {})
    assert [row["run"] for row in rows] == [row["window"] for row in stored]
    for shown, told in zip(rows, stored, strict=True):
        for metric in METRICS:
            for span in ("validation", "test"):
                value = shown[f"{span}_{metric}"]
                assert value == (float(told[f"{span}_{metric}"]) if told[f"{span}_{metric}"] else None)
        assert (shown["rows"], shown["epochs"]) == (int(told["num_train_rows"]), int(told["best_epoch"]))


def test_failed_window_has_a_row_with_its_reason() -> None:
    """Nothing is left out: no number, but why."""
    run = example_run(4, failed=(1,))
    session = session_of(run)
    assert session.result is not None and session.result.windows is not None
    row = window_rows(session, session.result.windows.windows, {})[1]
    assert (row["state"], row["test_sharpe_ratio_text"]) == (f"failed: {REASON}", "–")


def test_rows_say_how_windows_ran() -> None:
    """Attempts, time and exit code of each; a dash where nobody noted it, and 0 where it is 0."""
    session = session_of(example_run(4, failed=(1,)))
    assert session.result is not None and session.result.windows is not None
    runs = {
        "0": WindowRunRecord(num_attempts=1, seconds=4.5, exit_code=0),
        "1": WindowRunRecord(num_attempts=3, seconds=None, exit_code=65),
    }
    rows = window_rows(session, session.result.windows.windows, runs)
    assert [(row["attempts_text"], row["took_text"], row["exit_code_text"]) for row in rows] == [
        ("1", "4 s", "0"),
        ("3", "–", "65"),
        ("–", "–", "–"),
        ("–", "–", "–"),
    ]


def test_five_hundred_windows_are_a_page() -> None:
    """Many windows cost a row each and no more: the page is built, its loss curves a screen at a time."""
    run = example_run(9)
    session = session_of(run)
    assert session.result is not None and session.result.windows is not None
    many = tuple(
        window.model_copy(update={"span": window.span.model_copy(update={"index": number})})
        for number, window in enumerate((session.result.windows.windows * 56)[:500])
    )
    plan = session.plan.value.model_copy(update={"windows": tuple(window.span for window in many)})
    from dataclasses import replace

    long = replace(session, plan=replace(session.plan, value=plan))
    assert len(window_rows(long, many, {})) == 500


def test_window_page_has_every_model_and_how_it_ran(tmp_path: Path) -> None:
    """Bars, models and execution; the neighbours are a link away."""
    run = example_run(4)
    store = store_session(run, tmp_path, run_id="example")
    execution = ExecutionRecord(
        index=1,
        attempt=2,
        host="node-7",
        cpu="a processor",
        device="cpu",
        started_at_ms=0,
        ended_at_ms=4_500,
        seconds_by_stage={"train": 3.25},
    )
    store.put(RunKeys("example").execution(1), record_bytes(execution))
    shown = texts_of(windows_detail.layout(Repository(store, max_bytes=10**7), run_id="example", index="1"))
    for text in ("prior", "lorentzian", "node-7", "4.5 s", "Previous: window 0", "Next: window 2"):
        assert text in shown, text
    alone = texts_of(windows_detail.layout(Repository(store, max_bytes=10**7), run_id="example", index="0"))
    assert "How it ran: undefined" in alone


def test_failed_window_page_says_why(tmp_path: Path) -> None:
    """The sentence, the remedy and the exit code of its pod."""
    store = store_session(example_run(4, failed=(1,)), tmp_path, run_id="example")
    failure = FailureRecord(index=1, exit_code=65, message="Day 3 changed.", remedy="Plan anew.")
    store.put(RunKeys("example").window_failure(1), record_bytes(failure))
    shown = texts_of(windows_detail.layout(Repository(store, max_bytes=10**7), run_id="example", index="1"))
    assert "exit code 65" in shown and "Day 3 changed." in shown and "Plan anew." in shown


@pytest.mark.parametrize("index", ["4", "-1", "x", "../0", "9" * 400, ""])
def test_window_that_is_not_planned_does_not_exist(index: str, tmp_path: Path) -> None:
    """Whatever stands in the address, only planned windows are asked for."""
    repository = Repository(store_session(example_run(4), tmp_path, run_id="example"), max_bytes=10**7)
    with pytest.raises(NoDataError, match="has no window"):
        windows_detail.layout(repository, run_id="example", index=index)


def test_records_of_windows_that_are_damaged_are_told(tmp_path: Path) -> None:
    """Without them the plan is still drawn, and every chart of theirs says what is absent."""
    store = store_session(example_run(4), tmp_path, run_id="example")
    (tmp_path / RunKeys("example").windows).write_text(json.dumps({"schema_version": 1}))
    shown = texts_of(windows.layout(Repository(store, max_bytes=10**7), run_id="example"))
    assert "What did each window learn from" in shown
    assert "has no records of its windows that can be used" in shown
