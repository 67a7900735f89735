"""How the metrics of the windows move together: rank correlation, with what had to be left out. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from job.arrays import FloatArray, IntArray
from job.records import WindowRecord

MIN_WINDOWS = 4  # below, no interval exists

VALIDATION_METRICS = ("total_return", "sharpe_ratio", "log_loss", "auc")
TEST_METRICS = (
    "total_return",
    "sharpe_ratio",
    "sortino_ratio",
    "max_drawdown",
    "win_rate",
    "profit_factor",
    "n_trades",
    "exposure",
    "log_loss",
    "auc",
)
Method: TypeAlias = Literal["spearman", "pearson"]


@dataclass(frozen=True, kw_only=True)
class WindowCorrelation:
    """Correlations of k metrics over the windows.

    Parameters
    ----------
    names : ``validation_<metric>`` or ``test_<metric>``, length k.
    value : float64 (k, k), NaN where fewer than four windows have both metrics, or one of the two is constant there.
    num_windows : int64 (k, k), windows that have both.
    dropped : why each other metric is not here, by name.
    """

    names: tuple[str, ...]
    value: FloatArray
    num_windows: IntArray
    dropped: dict[str, str]


def correlate_windows(windows: Sequence[WindowRecord], method: Method = "spearman") -> WindowCorrelation:
    """Correlate the traded model's metrics over the windows.

    Parameters
    ----------
    method : of ranks (``spearman``) or of the values themselves (``pearson``).
    """
    columns = metric_columns(windows)
    dropped = {name: reason for name, column in columns.items() if (reason := _why_dropped(column)) is not None}
    kept = {name: column for name, column in columns.items() if name not in dropped}
    table = np.array(list(kept.values())).reshape(len(kept), len(windows))
    is_known = np.isfinite(table).astype(np.int64)
    return WindowCorrelation(
        names=tuple(kept),
        value=np.array([[correlate(a, b, method) for b in table] for a in table]).reshape(len(kept), len(kept)),
        num_windows=is_known @ is_known.T,
        dropped=dropped,
    )


def metric_columns(windows: Sequence[WindowRecord]) -> Mapping[str, FloatArray]:
    """The traded model's metrics by name, float64 (n_windows,), NaN where a window has none."""
    models = [window.models[window.traded_model] for window in windows]
    validation = {f"validation_{name}": [m.validation.get(name) for m in models] for name in VALIDATION_METRICS}
    test = {f"test_{name}": [m.test.get(name) for m in models] for name in TEST_METRICS}
    return {
        name: np.array([np.nan if each is None or each.value is None else each.value for each in measures], dtype=float)
        for name, measures in (validation | test).items()
    }


def correlate(first: FloatArray, second: FloatArray, method: Method) -> float:
    """Correlation over the windows that have both; NaN below `MIN_WINDOWS`, or where one of the two is constant."""
    both = np.isfinite(first) & np.isfinite(second)
    if both.sum() < MIN_WINDOWS:
        return np.nan
    own, other = (_ranks(each[both]) if method == "spearman" else each[both] for each in (first, second))
    own, other = own - own.mean(), other - other.mean()
    scale = np.sqrt((own @ own) * (other @ other))
    return float(own @ other / scale) if scale > 0 else np.nan


def _ranks(values: FloatArray) -> FloatArray:
    """Ranks from 1; equal values share the mean of theirs."""
    _, place, number = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(number)
    ranks: FloatArray = (last - (number - 1) / 2)[place]
    return ranks


def _why_dropped(column: FloatArray) -> str | None:
    known = column[np.isfinite(column)]
    if len(known) < MIN_WINDOWS:
        return f"{len(known)} of {len(column)} windows have it"
    return "constant" if len(np.unique(known)) == 1 else None
