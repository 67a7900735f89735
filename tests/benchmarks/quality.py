"""How well the real klines are forecast: ours beside the logistic regression, the trees and the prior, paired by day.

SOLUSDT at 5m with BTC and ETH as context, the guide's 21 windows, labels "up within 12 bars" and "up by more than 50
basis points within 12 bars"; log-losses and areas pooled over all tests. Bars: the upper end of the 95 % interval of
ours less the better of logistic and LightGBM at most +.0005 on both labels; on "up", ours at most the prior's + .0002.
Reads ``../shared/data``; some six minutes of one free core. It goes on where it was stopped.
"""

import argparse
import sys

import numpy as np
from sklearn.metrics import roc_auc_score

from job.evaluation.bootstrap import draw_days
from job.evaluation.classification import log_losses
from job.evaluation.paired import Estimate, log_loss_difference
from job.intervals import DAY_MS, interval_ms
from tests.benchmarks import _cells
from tests.benchmarks._forecasts import FOLDER, INTERVAL, LABELS, forecast_test, learner_of, real_rows, real_windows

OURS, PEERS, PRIOR = "lorentzian", ("logistic", "lightgbm"), "prior"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Processors, file, and which windows."""
    _cells.add_arguments(parser, name="quality")
    parser.add_argument("--every", type=int, default=1, help="take every k-th window")


def measure(arguments: argparse.Namespace) -> dict[str, list[_cells.Cell]]:
    """Do the windows that are missing: a row for each label and model."""
    if not FOLDER.is_dir():
        sys.exit(f"There are no bars in {FOLDER}.")
    num_windows = len(real_windows(real_rows("up")[0]))
    cells = [
        {"label": label, "model": model, "window": window}
        for label in LABELS
        for model in (*PEERS, PRIOR, OURS)
        for window in range(0, num_windows, arguments.every)
    ]
    found = _cells.run_cells(cells, one_window, jobs=arguments.jobs, out=arguments.out)
    rows: list[_cells.Cell] = []
    for label in LABELS:
        pooled = {
            model: pool([c for c in found if (c["label"], c["model"]) == (label, model)])
            for model in (*PEERS, PRIOR, OURS)
        }
        for model, (up, probability, days) in pooled.items():
            lead = difference(up, pooled[OURS][1], probability, days)
            row = {
                "label": label,
                "model": model,
                "log-loss": float(log_losses(up, probability).mean()),
                "AUC": float(roc_auc_score(up, probability)),
            }
            rows.append(row if model == OURS else row | {"ours less it": lead.value.value} | bounds(lead))
    return {"pooled over the tests": rows}


def one_window(cell: _cells.Cell) -> _cells.Cell:
    """Labels, forecasts and days of one window's test."""
    rows, names = real_rows(cell["label"])
    window = real_windows(rows)[cell["window"]]
    learner = learner_of(cell["model"], names, stream=cell["window"])
    made = forecast_test(learner, rows, window, bar_ms=interval_ms(INTERVAL))
    return {
        "up": made.up.astype(int).tolist(),
        "probability": made.probability.round(6).tolist(),
        "day": (made.open_time // DAY_MS).tolist(),
    }


def pool(cells: list[_cells.Cell]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, forecasts and days of all windows' tests."""
    up, probability, day = (np.concatenate([cell[key] for cell in cells]) for key in ("up", "probability", "day"))
    return up.astype(np.float64), probability, day


def difference(up: np.ndarray, own: np.ndarray, other: np.ndarray, day: np.ndarray) -> Estimate:
    """Mean log-loss of one less that of the other, with an interval over days redrawn in blocks."""
    days, number = np.unique(day, return_inverse=True)
    lead = np.bincount(number, weights=log_losses(up, own) - log_losses(up, other)) / np.bincount(number)
    assert len(days) == len(lead)
    draws = draw_days(lead, rng=np.random.default_rng(0))
    return log_loss_difference(up, own, other, number.astype(np.int64), draws)


def bounds(estimate: Estimate) -> _cells.Cell:
    """Both ends of the 95 % interval, or why there are none."""
    interval = estimate.interval
    return {"from": interval.low, "to": interval.high} if interval.reason is None else {"from": interval.reason}
