"""Results that were joined into one object, beside those that were not."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.metered import MeteredStore, StoreUse
from job.artifacts.npz import arrays_to_bytes, bytes_to_arrays
from job.evaluation.daily import DailyReturns
from job.intervals import DAY_MS
from job.run.ledger import Trial, join_own_results, note_reading, note_result, trials_over
from job.run.ledger_results import JOINED_RESULTS
from job.run.plan import windows_of
from job.windows import Span
from tests.support.runs import example_run

PLAN = example_run(3).plan
EVERYTHING = Span(start_ms=0, end_ms=2**50)


def note(ledger: LocalStore, index: int, value: float) -> None:
    """A window's test is read, and came to this on two days."""
    window = windows_of(PLAN)[index]
    assert window.test is not None
    day = window.test.start_ms + DAY_MS * np.arange(2, dtype=np.int64)
    daily = DailyReturns(day=day, value=np.array([value, 0.0]), in_market=np.ones(2, np.bool_))
    note_result(ledger, note_reading(ledger, PLAN, window, model_hash="a" * 64), daily)


def told(trials: list[Trial]) -> list[tuple[str, int, list[int], list[float]]]:
    """What trials say."""
    return [(each.procedure, each.num_attempts, each.day.tolist(), each.daily_returns.tolist()) for each in trials]


def joined_key(ledger: LocalStore) -> str:
    """Where the joined results lie."""
    (key,) = (info.key for info in ledger.list("ledger/") if info.key.endswith(JOINED_RESULTS))
    return key


@pytest.fixture
def ledger(tmp_path: Path) -> LocalStore:
    """Two windows of one procedure, joined."""
    store = LocalStore(tmp_path)
    note(store, 0, 0.01)
    note(store, 1, 0.02)
    store.put("apart", repr(told(trials_over(store, EVERYTHING))).encode())
    join_own_results(store, PLAN, known={})
    return store


def test_joined_results_say_the_same_in_one_request(ledger: LocalStore) -> None:
    """To the last bit, whatever is asked for; and each result is read once."""
    stored = ledger.get("apart")
    assert stored is not None
    use = StoreUse()
    assert repr(told(trials_over(MeteredStore(ledger, use=use), EVERYTHING))) == stored.data.decode()
    assert use.num_requests == {"list": 1, "get": 1}


def test_result_that_came_later_is_read_beside(ledger: LocalStore) -> None:
    """What was joined is believed as far as its names reach."""
    before = told(trials_over(ledger, EVERYTHING))
    note(ledger, 2, 0.03)
    ((_, _, days, returns),) = told(trials_over(ledger, EVERYTHING))
    assert len(days) == len(before[0][2]) + 2
    assert 0.03 in returns


def damaged(data: bytes) -> Iterator[bytes]:
    """Ways in which the object may be no good."""
    arrays = bytes_to_arrays(data, where="joined")
    yield b""
    yield data[: len(data) // 2]
    yield arrays_to_bytes({name: array for name, array in arrays.items() if name != "day_ms"})
    yield arrays_to_bytes(arrays | {"key": arrays["key"][:1]})
    yield arrays_to_bytes(arrays | {"daily_return": np.full_like(arrays["daily_return"], np.nan)})
    yield arrays_to_bytes(arrays | {"daily_return": arrays["daily_return"][:-1]})
    yield arrays_to_bytes(arrays | {"num_days": arrays["num_days"] - 1})
    yield arrays_to_bytes(arrays | {"num_days": np.array([6, -2])})


def test_joined_results_that_are_no_good_are_left(ledger: LocalStore) -> None:
    """What they were made from is still there."""
    expected, key = told(trials_over(ledger, EVERYTHING)), joined_key(ledger)
    whole = ledger.get(key)
    assert whole is not None
    for data in damaged(whole.data):
        ledger.put(key, data)
        assert told(trials_over(ledger, EVERYTHING)) == expected


def test_joining_again_takes_in_what_has_come(ledger: LocalStore) -> None:
    """After another window there is one request again; a procedure without results has nothing to join."""
    note(ledger, 2, 0.03)
    join_own_results(ledger, PLAN, known={})
    use = StoreUse()
    trials_over(MeteredStore(ledger, use=use), EVERYTHING)
    assert use.num_requests == {"list": 1, "get": 1}
    market = PLAN.procedure.market.model_copy(update={"symbol": "OTHERUSDT"})
    other = PLAN.model_copy(update={"procedure": PLAN.procedure.model_copy(update={"market": market})})
    join_own_results(ledger, other, known={})
    assert joined_key(ledger)
