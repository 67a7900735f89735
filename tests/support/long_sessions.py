"""A session of many bars in a folder: what half a year of five-minute bars leaves for its pages, made up."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from job.artifacts.curves import RunCurves, curves_bytes
from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.manifest import write_with_manifest
from job.artifacts.stored_records import record_bytes
from job.intervals import DAY_MS, MINUTE_MS
from tests.support.runs import example_run
from tests.support.sessions import store_session, summary_with_failures
from tests.support.stored_runs import curves_of

NUM_WINDOWS = 21


def store_long_session(folder: Path, *, run_id: str, num_marks: int) -> LocalStore:
    """A finished run whose accounts have so many marks; windows and numbers are the example's.

    Returns
    -------
    LocalStore
        Of the folder, which may hold other runs too.
    """
    run, keys = example_run(NUM_WINDOWS), RunKeys(run_id)
    store = store_session(run, folder, run_id=run_id, is_finished=False)
    known = curves_of(run)
    result = {
        keys.summary: record_bytes(summary_with_failures(run)),
        keys.curves: curves_bytes(longer(known.curves, num_marks=num_marks)),
        keys.windows: record_bytes(known.windows),
    }
    write_with_manifest(store, keys.manifest, result, root=keys.root, extra={})
    return store


def longer(curves: RunCurves, *, num_marks: int) -> RunCurves:
    """The same accounts and rules over random walks of so many five-minute bars."""
    draw = np.random.default_rng(1)
    time_ms = curves.time_ms[0] + 5 * MINUTE_MS * np.arange(num_marks)
    day_ms = np.arange(time_ms[0] // DAY_MS, (time_ms[-1] - 1) // DAY_MS + 1) * DAY_MS
    walks = {name: np.exp(np.cumsum(draw.normal(0, 0.001, num_marks))) for name in curves.equity}
    spread = np.array([[0.9], [1.0], [1.1]]) ** np.linspace(0, 1, len(day_ms))
    return replace(
        curves,
        time_ms=time_ms,
        equity={name: walk / walk[0] for name, walk in walks.items()},
        day_ms=day_ms,
        daily={name: draw.normal(0, 0.01, len(day_ms)) for name in curves.daily},
        random_equity=spread,
    )
