"""The choice of thresholds, from validation forecasts of one window alone.

Twelve days of validation say very little about a trading metric: its standard error is as large as any edge. So a
pair of thresholds must first beat staying flat by one bootstrap standard error of its mean net return, whatever
the metric; the metric then ranks what remains, each at its estimate less one standard error, an undefined one
last. Where nothing beats flat, nothing is traded, and that is an answer. Forecasts without a side are not tried.
"""

from dataclasses import dataclass

import numpy as np

from job.arrays import FloatArray, IntArray
from job.backtest.account import Backtest
from job.data.klines import Klines
from job.intervals import DAY_MS
from job.settings.procedure import OptimizeMetric
from job.signals import NEVER, Thresholds, TradingRules, account_of, make_orders, target_positions, with_terms

# Distances from one half. Buying asks for at least as much as selling: crypto's drift makes long forecasts cheap.
MARGINS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12)
GRID = tuple(Thresholds(buy=0.5 + buy, sell=0.5 - sell) for buy in MARGINS for sell in MARGINS if buy >= sell)
SYMMETRIC = tuple(Thresholds(buy=0.5 + margin, sell=0.5 - margin) for margin in MARGINS)
MIN_TRADES = 10
NUM_DRAWS = 200
SMALLEST_DEVIATION = 1e-12


@dataclass(frozen=True, kw_only=True)
class ValidationBars:
    """One forward block's validation bars and their forecasts.

    Parameters
    ----------
    klines : n bars of the block.
    probability : float64 (n,), NaN where there is no forecast.
    """

    klines: Klines
    probability: FloatArray


@dataclass(frozen=True, kw_only=True)
class ThresholdChoice:
    """What was chosen, and what it was chosen on: never a test.

    Parameters
    ----------
    thresholds : Thresholds
    num_trades : int, validation trades at these thresholds.
    score : float or None
        The metric's validation value less one standard error; None where nothing beat flat, or where the metric
        is undefined for all that did, such as a Calmar ratio without a drawdown.
    """

    thresholds: Thresholds
    num_trades: int
    score: float | None


NOTHING_TRADED = ThresholdChoice(thresholds=NEVER, num_trades=0, score=None)


@dataclass(frozen=True, kw_only=True)
class _DailySums:
    """Per validation day and candidate: sums from which every metric's bootstrap is a matrix product, (D, G)."""

    net: FloatArray
    square: FloatArray
    downside_square: FloatArray
    wins: FloatArray
    trades: FloatArray
    bars: FloatArray


def choose_thresholds(
    blocks: tuple[ValidationBars, ...], *, metric: OptimizeMetric, rules: TradingRules, seed: int
) -> ThresholdChoice:
    """Pick from the `candidates` on the pooled validation blocks, or `NEVER`.

    Parameters
    ----------
    blocks : forward validation blocks, in time order.
    metric : ranks the candidates that beat flat.
    rules : how forecasts are traded.
    seed : of the shared bootstrap draws, so that candidates are compared on the same days.
    """
    grid = candidates(rules)
    if not grid:
        return NOTHING_TRADED
    sums = _daily_sums(blocks, grid, rules)
    num_days = len(sums.net)
    draws = np.random.default_rng(seed).integers(0, num_days, size=(NUM_DRAWS, num_days))
    counts = np.stack([np.bincount(draw, minlength=num_days) for draw in draws]).astype(np.float64)
    once = np.ones((1, num_days))
    mean_net = (once @ sums.net)[0] / num_days
    mean_error = (counts @ sums.net / num_days).std(axis=0, ddof=1)
    num_trades = sums.trades.sum(axis=0)
    margin = mean_net - mean_error
    beats_flat = np.flatnonzero((margin > 0) & (num_trades >= MIN_TRADES))
    if not len(beats_flat):
        return NOTHING_TRADED
    estimate = _metric(metric, sums, once, np.arange(num_days)[None, :], rules.bars_per_year)[0]
    error = _standard_error(_metric(metric, sums, counts, draws, rules.bars_per_year))
    score = np.nan_to_num(estimate - error, nan=-np.inf)
    best = max(beats_flat, key=lambda candidate: (score[candidate], margin[candidate]))
    return ThresholdChoice(
        thresholds=grid[best],
        num_trades=int(num_trades[best]),
        score=float(score[best]) if np.isfinite(score[best]) else None,
    )


def candidates(rules: TradingRules) -> tuple[Thresholds, ...]:
    """The pairs that are compared: both sides alike, or buying asking for at least as much as selling.

    None for forecasts that do not say which way.
    """
    if not rules.has_side:
        return ()
    return SYMMETRIC if rules.strategy.thresholds == "symmetric" else GRID


def _daily_sums(blocks: tuple[ValidationBars, ...], grid: tuple[Thresholds, ...], rules: TradingRules) -> _DailySums:
    parts = [np.stack(_block_sums(block, grid, rules), axis=2) for block in blocks]  # (6, days, candidates) each
    net, square, downside, wins, trades, bars = np.concatenate(parts, axis=1)
    return _DailySums(net=net, square=square, downside_square=downside, wins=wins, trades=trades, bars=bars)


def _block_sums(block: ValidationBars, grid: tuple[Thresholds, ...], rules: TradingRules) -> list[FloatArray]:
    bars = with_terms(block.klines, rules)
    day = (bars.open_time - bars.open_time[0]) // DAY_MS
    num_bars = np.bincount(day)
    known: dict[bytes, FloatArray] = {}  # wide margins are seldom reached: many candidates want the same
    sums = []
    for pair in grid:
        target = target_positions(block.probability, pair, hold_bars=rules.hold_bars)
        key = target.tobytes()
        if key not in known:
            known[key] = _account_sums(account_of(bars, make_orders(bars, target, rules), rules), day, num_bars)
        sums.append(known[key])
    return sums


def _account_sums(account: Backtest, day: IntArray, num_bars: IntArray) -> FloatArray:
    num_days = len(num_bars)
    returns = account.bar_returns
    exit_day = day[np.minimum(account.trades.exit_bar, len(day) - 1)]
    return np.stack(
        [
            np.bincount(day, weights=weights, minlength=num_days)
            for weights in (returns, returns**2, np.minimum(returns, 0) ** 2)
        ]
        + [
            np.bincount(exit_day, weights=account.trades.pnl > 0, minlength=num_days),
            np.bincount(exit_day, minlength=num_days),
            num_bars,
        ]
    )


def _metric(
    metric: OptimizeMetric, sums: _DailySums, counts: FloatArray, draws: IntArray, bars_per_year: int
) -> FloatArray:
    """The metric of each draw and candidate, (draws, G), from sums of the drawn days; NaN where undefined."""
    num_bars = counts @ sums.bars
    mean = counts @ sums.net / num_bars
    if metric is OptimizeMetric.TOTAL_RETURN:
        return mean * num_bars
    if metric is OptimizeMetric.WIN_RATE:
        return _ratio(counts @ sums.wins, counts @ sums.trades)
    if metric is OptimizeMetric.CALMAR_RATIO:
        path = np.cumsum(sums.net[draws], axis=1)
        peak = np.maximum(np.maximum.accumulate(path, axis=1), 0)
        return _ratio(mean * bars_per_year, (peak - path).max(axis=1))
    if metric is OptimizeMetric.SORTINO_RATIO:
        deviation = np.sqrt(counts @ sums.downside_square / num_bars)
    else:
        deviation = np.sqrt(np.maximum(counts @ sums.square / num_bars - mean**2, 0))
    return _ratio(mean * np.sqrt(bars_per_year), deviation)


def _ratio(value: FloatArray, unit: FloatArray) -> FloatArray:
    ratio: FloatArray = np.divide(value, unit, out=np.full(value.shape, np.nan), where=unit > SMALLEST_DEVIATION)
    return ratio


def _standard_error(drawn: FloatArray) -> FloatArray:
    """Deviation over the draws in which a metric is defined, NaN where it is in fewer than half of them, (G,)."""
    defined = np.ma.masked_invalid(drawn)
    error: FloatArray = np.where(defined.count(axis=0) * 2 >= len(drawn), defined.std(axis=0, ddof=1), np.nan)
    return error
