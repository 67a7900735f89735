"""The simplest honest trader: lagged returns, a logistic regression, thresholds, costs.

It shares no code with the product, so that what it finds in a series of bars is a second opinion.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from job.arrays import FloatArray
from job.data.klines import Klines

BARS_PER_DAY = 96  # 15m
LAGS_BARS = (1, 2, 3, 6, 12, 24)
HORIZON_BARS = 8
TRAIN_BARS = 30 * BARS_PER_DAY
TEST_BARS = 7 * BARS_PER_DAY
NUM_WINDOWS = 21
COST_PER_SIDE = 7e-4  # 5 bp fee and 2 bp slippage
MARGIN = 0.05  # trades when the probability is this far from a half
TINY = 1e-12  # keeps the first rows, where nothing has moved yet, finite
INVERSE_PENALTY = 0.01  # some 360 independent labels for 18 inputs ask for a strong penalty


@dataclass(frozen=True, kw_only=True)
class LogisticResult:
    """Out of sample: AUC of the direction, yearly Sharpe of UTC-daily returns before and after costs."""

    auc: float
    gross_sharpe: float
    net_sharpe: float


def lagged_returns(markets: dict[str, Klines]) -> FloatArray:
    """Past returns of every market over `LAGS_BARS`, scaled by a day's volatility; row t uses bars <= t."""
    columns = []
    for klines in markets.values():
        log_close = np.log(klines.close)
        squares = np.cumsum(np.diff(log_close, prepend=log_close[0]) ** 2)
        volatility = np.sqrt((squares - _lag(squares, BARS_PER_DAY)) / BARS_PER_DAY + TINY)
        columns += [(log_close - _lag(log_close, lag)) / volatility / np.sqrt(lag) for lag in LAGS_BARS]
    return np.clip(np.column_stack(columns), -4, 4)


def trade_logistic(markets: dict[str, Klines], *, symbol: str) -> LogisticResult:
    """Walk forward over the last 147 days: 30 days to fit, 7 to trade, 21 times."""
    features = lagged_returns(markets)
    closes = markets[symbol].close
    is_up = closes[HORIZON_BARS:] > closes[:-HORIZON_BARS]
    first = len(closes) - NUM_WINDOWS * TEST_BARS
    windows = []
    for start in range(first, len(closes), TEST_BARS):
        fit = slice(start - TRAIN_BARS, start - HORIZON_BARS)
        model = LogisticRegression(C=INVERSE_PENALTY).fit(features[fit], is_up[fit])
        windows.append(model.predict_proba(features[start : start + TEST_BARS])[:, 1])
    probability = np.concatenate(windows)
    positions = hold(probability - 0.5, threshold=MARGIN)
    return LogisticResult(
        auc=float(roc_auc_score(is_up[first:], probability[:-HORIZON_BARS])),
        gross_sharpe=yearly_sharpe(positions, closes[first:], cost_per_side=0.0),
        net_sharpe=yearly_sharpe(positions, closes[first:], cost_per_side=COST_PER_SIDE),
    )


def hold(score: FloatArray, *, threshold: float) -> FloatArray:
    """Positions -1, 0, 1: the side of the last score beyond the threshold, given up after the horizon."""
    rows = np.arange(len(score))
    is_signal = np.abs(score) > threshold
    last = np.maximum.accumulate(np.where(is_signal, rows, -1))
    is_held = (last >= 0) & (rows - last < HORIZON_BARS)
    return np.where(is_held, np.sign(score[last]), 0.0)


def yearly_sharpe(positions: FloatArray, closes: FloatArray, *, cost_per_side: float) -> float:
    """Sharpe of daily returns; decided at close t, filled at open t+1 (here the same price), flat at the end."""
    held = np.concatenate([[0.0], positions[:-1]])
    returns = np.diff(closes, prepend=closes[0]) / np.concatenate([closes[:1], closes[:-1]])
    traded = np.abs(np.diff(held, append=0.0))
    days = (held * returns - cost_per_side * traded).reshape(-1, BARS_PER_DAY).sum(axis=1)
    return float(days.mean() / days.std(ddof=1) * np.sqrt(365)) if days.any() else 0.0


def _lag(values: FloatArray, bars: int) -> FloatArray:
    """The value of ``bars`` earlier; the first value where there is none."""
    return np.concatenate([np.full(bars, values[0]), values[:-bars]])
