"""Results that anybody may have spoiled: whoever reads a run ends with an answer or with an error of the product."""

import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from job.artifacts.keys import RunKeys
from job.artifacts.store import ObjectStore, StoredObject
from job.artifacts.stored_records import record_bytes
from job.errors import JobError
from job.evaluation.daily import DailyReturns
from job.intervals import DAY_MS, floor_day
from job.records import AttemptRecord, FailureRecord, PlanRecord
from job.report.stored_run import newest_run_id, open_stored_run
from job.run.index import indexed_runs
from job.run.ledger import note_reading, note_result, trials_over
from job.run.plan import final_window, read_plan, windows_of
from job.run.state import describe, window_states
from job.windows import Span
from tests.support.runs import example_run
from tests.support.stored_runs import store_run

RUN_ID = "spoiled"
KEYS = RunKeys(RUN_ID)
NOW_MS = 1_764_547_200_000
FOUND = (Phase.explicit, Phase.generate)  # a failure names its one change: there is nothing to make smaller
NUMBERS = st.sampled_from([-1, 0, 2**63, 10**400, 1e308, -0.0]) | st.integers() | st.floats(allow_nan=False)
TEXTS = st.sampled_from(["", "NaN", "x" * 10_000, "../../etc/passwd", "a\0b", "2025-13-45"]) | st.text(max_size=3)
STRANGE = st.none() | st.booleans() | NUMBERS | TEXTS | st.sampled_from([[], {}, [[]], {"a": None}])


@dataclass(frozen=True, kw_only=True)
class Spoiled:
    """A store, some of whose objects somebody has replaced."""

    store: ObjectStore
    replaced: dict[str, bytes]

    def get(self, key: str, **how: int) -> StoredObject | None:
        """The replacement, where there is one."""
        data = self.replaced.get(key)
        return self.store.get(key, **how) if data is None else StoredObject(data=data, etag="spoiled")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> ObjectStore:
    """A finished run of one window, with what its pods have left: attempts, a failure, readings in the ledger."""
    store = store_run(example_run(1), tmp_path_factory.mktemp("spoiled"), run_id=RUN_ID)
    plan = read_plan(store, RUN_ID)
    assert plan is not None
    attempt = AttemptRecord(
        index=0, attempt=1, max_attempts=3, host="h", started_at_ms=NOW_MS - 9, beat_at_ms=NOW_MS - 5, stage="fit"
    )
    store.put(KEYS.attempt(0, 1), record_bytes(attempt))
    store.put(KEYS.window_failure(0), record_bytes(FailureRecord(index=0, exit_code=65, message="m", remedy="r")))
    entry = note_reading(store, plan, windows_of(plan)[0], model_hash="0" * 64)
    days = np.arange(7) * DAY_MS + floor_day(plan.windows[0].test_start_ms)
    note_result(store, entry, DailyReturns(day=days, value=np.full(7, 0.01), in_market=np.ones(7)))
    return store


def readers(store: ObjectStore) -> Iterator[Callable[[], object]]:
    """Whatever reads a run, each from the store alone."""
    yield lambda: describe(window_states(store, plan_of(store), now_ms=NOW_MS))
    yield lambda: (windows_of(plan_of(store)), final_window(plan_of(store)))
    yield lambda: (indexed_runs(store), newest_run_id(store))
    yield lambda: trials_over(store, Span(start_ms=0, end_ms=2**60))
    yield lambda: open_stored_run(store, RUN_ID).summary()
    yield lambda: open_stored_run(store, RUN_ID).curves()
    yield lambda: open_stored_run(store, RUN_ID).windows()


def plan_of(store: ObjectStore) -> PlanRecord:
    """The run's plan."""
    plan = read_plan(store, RUN_ID)
    assert plan is not None
    return plan


def spoil(value: Any, draw: Callable[[Any], Any]) -> Any:
    """The same JSON with one value, anywhere in it, replaced, left out or written twice."""
    if isinstance(value, dict | list) and value and draw(st.integers(0, 5)):
        changed = dict(value) if isinstance(value, dict) else list(value)
        place = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
        act = draw(st.sampled_from(["deeper", "deeper", "deeper", "leave out", "write twice"]))
        if act == "leave out":
            del changed[place]
        elif act == "write twice" and isinstance(changed, list):
            changed.append(copy.deepcopy(changed[place]))
        else:
            changed[place] = spoil(value[place], draw)
        return changed
    return draw(STRANGE)


def with_manifest(store: ObjectStore, key: str, data: bytes) -> dict[str, bytes]:
    """A replacement, and the manifests that name it brought in line: their checksums do not protect from a forger."""
    replaced = {key: data}
    for manifest_key in (KEYS.manifest, KEYS.window_manifest(0)):
        stored = store.get(manifest_key)
        assert stored is not None
        content = json.loads(stored.data)
        for entry in content["objects"]:
            if KEYS.root + entry["key"] == key:
                entry |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                replaced[manifest_key] = json.dumps(content).encode()
    return replaced


def read_spoiled(stored: ObjectStore, data: st.DataObject) -> None:
    """Spoil one object, and read everything."""
    key = data.draw(st.sampled_from(sorted(info.key for info in stored.list("") if info.key.endswith(".json"))))
    found = stored.get(key)
    assert found is not None
    content = json.dumps(spoil(json.loads(found.data), data.draw)).encode()
    store = cast(ObjectStore, Spoiled(store=stored, replaced=with_manifest(stored, key, content)))
    for read in readers(store):
        with suppress(JobError):
            read()


def test_whole_results_are_read(stored: ObjectStore) -> None:
    """Every reader answers where nothing was spoiled."""
    for read in readers(stored):
        read()


@settings(max_examples=30, phases=FOUND, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_spoiled_results_end_in_an_answer_or_our_error(stored: ObjectStore, data: st.DataObject) -> None:
    """One value of one object is strange: plan, summary, index, ledger, heartbeat, manifest, whatever it is."""
    read_spoiled(stored, data)


@pytest.mark.slow
@settings(max_examples=400, phases=FOUND, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_many_spoiled_results_end_in_an_answer_or_our_error(stored: ObjectStore, data: st.DataObject) -> None:
    """The same, many times over."""
    read_spoiled(stored, data)
