"""A run as a row: 0, undefined and absent are three different things."""

import pytest

from dashboard.components.run_rows import decay, run_row, widest, windows_text
from job.artifacts.stored_records import parse_record
from job.records import IntervalRecord, MeasureRecord, RunIndexEntry, RunsIndexRecord
from job.run.index import index_bytes
from tests.support.run_indexes import made_up_index


def entry(**fields: object) -> RunIndexEntry:
    """An entry of the index."""
    basis: dict[str, object] = {
        "run_id": "r",
        "state": "finished",
        "symbol": "SOLUSDT",
        "interval": "5m",
        "created_at_ms": 0,
        "num_windows": 21,
        "num_done": 20,
        "num_failed": 1,
    }
    return RunIndexEntry.model_validate(basis | fields)


@pytest.mark.parametrize(
    ("measure", "value", "text"),
    [
        (MeasureRecord(value=0.0), 0.0, "0.00"),
        (MeasureRecord(value=None, reason="no_trades"), None, "– (no trades)"),
        (None, None, "–"),
    ],
)
def test_nothing_is_not_zero(measure: MeasureRecord | None, value: float | None, text: str) -> None:
    """A zero is written as one, what is undefined says why, what is not stored is a dash."""
    row = run_row(entry(sharpe_ratio=measure))
    assert (row["sharpe"], row["sharpe_text"]) == (value, text)


def test_interval_stands_beside_its_number() -> None:
    """Number and both ends, in the grid's words."""
    row = run_row(entry(sharpe_ratio=MeasureRecord(value=1.5), sharpe_interval=IntervalRecord(low=-0.5, high=3.5)))
    assert row["sharpe_text"] == "1.50 (-0.50 to 3.50)"


def test_texts_are_those_of_unshortened_numbers() -> None:
    """The index keeps fewer digits than a summary, and never so few that the last one shown would differ."""
    runs = made_up_index(200).runs
    stored = parse_record(RunsIndexRecord, index_bytes(runs), where="the index").runs
    for name, run in runs.items():
        shown, full = run_row(stored[name]), run_row(run)
        assert {key: text for key, text in shown.items() if key.endswith("_text")} == {
            key: text for key, text in full.items() if key.endswith("_text")
        }


def test_failed_windows_are_counted_in_the_row() -> None:
    """Never dropped; a running run says where to look instead of a number that would be old."""
    assert windows_text(entry()) == "20 of 21, 1 failed"
    assert windows_text(entry(state="running", num_done=0, num_failed=0)) == "21: running, see Live"
    assert windows_text(entry(kind="training")) == "basic training"


def test_decay_is_test_less_validation() -> None:
    """What was lost; undefined where either is, and absent where it was not stored."""
    measured = entry(median_validation_sharpe=MeasureRecord(value=3.0), median_test_sharpe=MeasureRecord(value=1.0))
    assert decay(measured) == MeasureRecord(value=-2.0)
    half = entry(
        median_validation_sharpe=MeasureRecord(value=3.0),
        median_test_sharpe=MeasureRecord(value=None, reason="no_trades"),
    )
    assert decay(half) == MeasureRecord(value=None, reason="no_trades")
    assert decay(entry()) is None


def test_one_wild_interval_does_not_shrink_all_others() -> None:
    """The column's scale ends at 20; without any interval it is 1."""
    assert widest([entry(sharpe_interval=IntervalRecord(low=-300.0, high=2.0))]) == 20.0
    assert widest([entry()]) == 1.0
