"""The windows of several runs as points: what correlations and comparisons are drawn from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboard.repository import Repository
from job.arrays import FloatArray
from job.errors import JobError, NoDataError
from job.records import WindowRecord
from job.report.window_correlation import metric_columns

MAX_RUNS = 8


@dataclass(frozen=True, kw_only=True)
class WindowPoints:
    """The traded models' windows of the chosen runs, one after the other.

    Parameters
    ----------
    run_ids : of each window, length n.
    windows : the records, length n.
    columns : metrics by name, float64 (n,), NaN where undefined.
    missing : why each other chosen run is not here, by its id.
    """

    run_ids: tuple[str, ...]
    windows: tuple[WindowRecord, ...]
    columns: Mapping[str, FloatArray]
    missing: Mapping[str, str]

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs that are here, each once."""
        return tuple(dict.fromkeys(self.run_ids))

    def of_run(self, run_id: str) -> NDArray[np.intp]:
        """Rows of one run."""
        return np.flatnonzero(np.array(self.run_ids) == run_id)


def chosen_runs(runs: str) -> tuple[str, ...]:
    """Run ids in a chart's arguments, ``a,b``: each once, at most `MAX_RUNS`."""
    return tuple(dict.fromkeys(part.strip() for part in runs.split(",") if part.strip()))[:MAX_RUNS]


def default_runs(repository: Repository) -> tuple[str, ...]:
    """The newest finished walk-forward, as a choice of one; empty where there is none."""
    runs = [run for run in repository.index().value.runs.values() if run.state == "finished"]
    walks = [run for run in runs if run.kind == "walkforward"]
    return (max(walks, key=lambda run: (run.created_at_ms, run.run_id)).run_id,) if walks else ()


def read_points(repository: Repository, runs: str) -> WindowPoints:
    """The windows of the chosen runs; one that cannot be read hides no other.

    Raises
    ------
    NoDataError
        Where no chosen run has windows.
    """
    run_ids: list[str] = []
    windows: list[WindowRecord] = []
    missing: dict[str, str] = {}
    for run_id in chosen_runs(runs):
        try:
            found = _windows_of(repository, run_id)
        except JobError as error:
            missing[run_id] = error.message
            continue
        windows += found
        run_ids += [run_id] * len(found)
    if not windows:
        reasons = "; ".join(f"{run_id}: {reason}" for run_id, reason in missing.items())
        raise NoDataError(
            f"No chosen run has finished windows ({reasons or 'none is chosen'}).",
            remedy="Choose a finished walk-forward.",
        )
    return WindowPoints(
        run_ids=tuple(run_ids), windows=tuple(windows), columns=metric_columns(windows), missing=missing
    )


def _windows_of(repository: Repository, run_id: str) -> tuple[WindowRecord, ...]:
    result = repository.session(run_id).result
    if result is None:
        raise NoDataError("it is not finalized")
    if result.windows is None:
        raise NoDataError("; ".join(fault.message for fault in result.faults) or "it has no windows.json")
    return result.windows.windows
