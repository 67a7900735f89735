"""A walk-forward of the guide's windows in memory, judged as a real run is."""

from dataclasses import replace

import numpy as np
import torch

from job.data.klines import Klines
from job.records import ProcedureRecord
from job.rehearsal import Rehearsal, RehearsedWindow, rehearse
from job.run_evaluation import RunEvaluation, evaluate_run

WINDOW_SIZE, TEST_SIZE = 30, 7


def run_worlds_windows(
    markets: dict[str, Klines], procedure: ProcedureRecord
) -> tuple[Rehearsal, tuple[RehearsedWindow, ...]]:
    """Every window by the traded model alone, on one thread."""
    torch.set_num_threads(1)
    rehearsal = rehearse(markets, procedure)
    return rehearsal, tuple(rehearsal.windows(with_baselines=False))


def judged(rehearsal: Rehearsal, windows: tuple[RehearsedWindow, ...]) -> RunEvaluation:
    """The run's evaluation, as the only trial of its ledger."""
    records, series = tuple(w.record for w in windows), tuple(w.series for w in windows)
    return evaluate_run(rehearsal.plan, records, series, [])


def with_positions(
    windows: tuple[RehearsedWindow, ...], open_time: np.ndarray, target: np.ndarray
) -> tuple[RehearsedWindow, ...]:
    """The same windows, in which the traded model wanted these positions at these closes."""
    changed = []
    for window in windows:
        name, klines = window.record.traded_model, window.series.klines
        wanted = target[np.searchsorted(open_time, klines.open_time)]
        held = np.append(np.int8(0), wanted[:-1])
        series = replace(window.series, position=window.series.position | {name: held})
        changed.append(replace(window, series=series))
    return tuple(changed)
