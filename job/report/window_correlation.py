"""How the metrics of the windows move together: Spearman's rank correlation, with what had to be left out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

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


@dataclass(frozen=True, kw_only=True)
class WindowCorrelation:
    """Rank correlations of k metrics over the windows.

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


def correlate_windows(windows: Sequence[WindowRecord]) -> WindowCorrelation:
    """Correlate the traded model's metrics over the windows."""
    table = _table(windows)
    dropped = {str(name): reason for name in table if (reason := _why_dropped(table[name])) is not None}
    kept = table.drop(columns=list(dropped))
    is_known = kept.notna().to_numpy(dtype=np.int64)
    return WindowCorrelation(
        names=tuple(map(str, kept.columns)),
        value=kept.corr(method="spearman", min_periods=MIN_WINDOWS).to_numpy(dtype=np.float64),
        num_windows=is_known.T @ is_known,
        dropped=dropped,
    )


def _table(windows: Sequence[WindowRecord]) -> pd.DataFrame:
    models = [window.models[window.traded_model] for window in windows]
    columns = {
        f"validation_{name}": [model.validation[name].value for model in models] for name in VALIDATION_METRICS
    } | {f"test_{name}": [model.test[name].value for model in models] for name in TEST_METRICS}
    return pd.DataFrame(columns, dtype=np.float64)


def _why_dropped(column: pd.Series) -> str | None:
    num_known = int(column.notna().sum())
    if num_known < MIN_WINDOWS:
        return f"{num_known} of {len(column)} windows have it"
    return "constant" if column.nunique() == 1 else None
