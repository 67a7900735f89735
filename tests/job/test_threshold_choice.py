import math
from dataclasses import replace

import numpy as np
import pytest

from job import threshold_choice
from job.arrays import FloatArray
from job.backtest.costs import Costs
from job.backtest.market_bars import MarketBars
from job.intervals import DAY_MS, bars_per_year
from job.settings.procedure import OptimizeMetric, StrategySettings
from job.signals import NEVER, TradingRules, trade
from job.threshold_choice import (
    GRID,
    MIN_TRADES,
    SYMMETRIC,
    ThresholdChoice,
    ValidationBars,
    candidates,
    choose_thresholds,
)
from tests.support.klines import START_MS, random_klines

HOLD_BARS = 4
BLOCK_BARS = 6 * 24
COSTS = Costs(fee_bps=5, slippage_bps=2)
FREE = Costs(fee_bps=0, slippage_bps=0)
Blocks = tuple[ValidationBars, ...]


def rules(costs: Costs = COSTS) -> TradingRules:
    """Hourly bars of a perpetual."""
    return TradingRules(costs=costs, market="perp", hold_bars=HOLD_BARS, bars_per_year=bars_per_year("1h"))


def make_blocks(seed: int, *, knowledge: float) -> Blocks:
    """Two blocks of random bars, with forecasts that lean on the coming move as much as ``knowledge``, plus noise."""
    blocks = []
    for number in range(2):
        klines = random_klines(BLOCK_BARS, "1h", seed=2 * seed + number, start_ms=START_MS + number * 6 * DAY_MS)
        ahead = np.zeros(BLOCK_BARS)
        ahead[: -HOLD_BARS - 1] = np.log(klines.open[HOLD_BARS + 1 :] / klines.open[1:-HOLD_BARS])
        noise = 0.03 * np.random.default_rng(seed).standard_normal(BLOCK_BARS)
        probability = np.clip(0.5 + knowledge * 10 * ahead + noise, 0, 1)
        blocks.append(ValidationBars(klines=klines, probability=probability))
    return tuple(blocks)


def choose(
    blocks: Blocks, metric: OptimizeMetric = OptimizeMetric.SHARPE_RATIO, costs: Costs = COSTS, seed: int = 0
) -> ThresholdChoice:
    """The choice under the rules of these tests."""
    return choose_thresholds(blocks, metric=metric, rules=rules(costs), seed=seed)


def test_grid_asks_for_at_least_as_much_to_buy() -> None:
    """Every pair lies around one half, with the buy side at least as far from it."""
    assert all(0 < 0.5 - pair.sell <= pair.buy - 0.5 + 1e-12 for pair in GRID)
    assert len(GRID) == len(set(GRID)) == 28


def test_symmetric_thresholds_are_those_of_the_grid_that_ask_alike() -> None:
    """Seven pairs, each as far above one half as below it; only they are tried where that was asked for."""
    alike = [pair for pair in GRID if abs(pair.buy + pair.sell - 1) < 1e-12]
    assert list(SYMMETRIC) == alike
    symmetric = replace(rules(), strategy=StrategySettings(thresholds="symmetric"))
    assert candidates(symmetric) == SYMMETRIC
    assert candidates(rules()) == GRID
    for seed in range(4):
        choice = choose_thresholds(
            make_blocks(seed, knowledge=1.0), metric=OptimizeMetric.SHARPE_RATIO, rules=symmetric, seed=0
        )
        assert choice.thresholds in SYMMETRIC


def test_choose_thresholds_pays_for_what_its_bars_say() -> None:
    """Stop-losses and sizes of the bars reach the choice: of half the size, the total return is about half."""
    total = OptimizeMetric.TOTAL_RETURN
    blocks = make_blocks(1, knowledge=1.0)
    half = tuple(replace(b, klines=MarketBars.of(b.klines, size=0.5)) for b in blocks)
    whole_score, half_score = (choose(b, total).score for b in (blocks, half))
    assert whole_score is not None
    assert half_score == pytest.approx(whole_score / 2, rel=0.1)
    tight = tuple(replace(b, klines=MarketBars.of(b.klines, stop=1e-4)) for b in blocks)
    assert choose(tight, total).thresholds == NEVER


def test_choose_thresholds_stays_flat_on_noise() -> None:
    """Forecasts that know nothing, after costs, are not traded in nearly all of twelve worlds."""
    choices = [choose(make_blocks(seed, knowledge=0.0)) for seed in range(12)]
    flat = [choice for choice in choices if choice.thresholds == NEVER]
    assert len(flat) >= 10
    assert all((choice.num_trades, choice.score) == (0, None) for choice in flat)


@pytest.mark.parametrize("metric", OptimizeMetric)
def test_choose_thresholds_finds_a_planted_edge(metric: OptimizeMetric) -> None:
    """Forecasts that lean on the coming move are traded, often enough, with a finite score or none."""
    choice = choose(make_blocks(1, knowledge=1.0), metric)
    assert choice.thresholds in GRID
    assert choice.num_trades >= MIN_TRADES
    assert choice.score is None or math.isfinite(choice.score)


def test_choose_thresholds_is_deterministic() -> None:
    """The same forecasts and seed give the same choice; another seed changes the draws, hence the score."""
    blocks = make_blocks(1, knowledge=1.0)
    assert choose(blocks) == choose(blocks)
    assert choose(blocks).score != choose(blocks, seed=1).score


def test_choose_thresholds_needs_enough_trades() -> None:
    """A forecast that speaks nine times is luck however well it went; ten are enough."""

    def rising(num_signals: int) -> Blocks:
        klines = random_klines(2 * BLOCK_BARS, "1h", log_returns=np.full(2 * BLOCK_BARS, 0.002))
        probability = np.full(len(klines), np.nan)
        probability[: 20 * num_signals : 20] = 0.9
        return (ValidationBars(klines=klines, probability=probability),)

    assert choose(rising(9), OptimizeMetric.TOTAL_RETURN).thresholds == NEVER
    assert choose(rising(10), OptimizeMetric.TOTAL_RETURN).num_trades == 10


def test_choose_thresholds_scores_the_estimate_less_its_bootstrap_error() -> None:
    """The matrix products give what loops over days and draws give."""
    blocks = make_blocks(1, knowledge=1.0)
    choice = choose(blocks, OptimizeMetric.TOTAL_RETURN)
    assert choice.score == pytest.approx(total_return_score(blocks, choice), rel=1e-9)


def total_return_score(blocks: Blocks, choice: ThresholdChoice) -> float:
    """Sum of daily net returns less the deviation of its bootstrap, written as loops."""
    days: list[float] = []
    for block in blocks:
        account = trade(block.klines, block.probability, choice.thresholds, rules())
        days += [float(account.bar_returns[start : start + 24].sum()) for start in range(0, BLOCK_BARS, 24)]
    draws = np.random.default_rng(0).integers(0, len(days), size=(threshold_choice.NUM_DRAWS, len(days)))
    totals = [sum(days[day] for day in draw) for draw in draws]
    return sum(days) - float(np.std(totals, ddof=1))


def rising_market(*, falls: int) -> Blocks:
    """Forecasts of .62 in a market that rises, and ``falls`` days whose forecasts of .54 are wrong."""
    num_days = 12
    is_fall = np.repeat(np.arange(num_days) < falls, 24)
    klines = random_klines(num_days * 24, "1h", log_returns=np.where(is_fall, -0.0005, 0.003))
    probability: FloatArray = np.full(num_days * 24, np.nan)
    probability[::12] = np.where(is_fall, 0.54, 0.62)[::12]
    return (ValidationBars(klines=klines, probability=probability),)


@pytest.mark.parametrize("metric", [OptimizeMetric.CALMAR_RATIO, OptimizeMetric.SORTINO_RATIO])
def test_choose_thresholds_without_a_loss_has_no_score(metric: OptimizeMetric) -> None:
    """Where no candidate ever lost, a ratio to losses is undefined: the edge is traded, its score is no number."""
    choice = choose(rising_market(falls=0), metric, costs=FREE)
    assert choice.thresholds in GRID
    assert choice.score is None


@pytest.mark.parametrize("metric", [OptimizeMetric.CALMAR_RATIO, OptimizeMetric.SORTINO_RATIO])
def test_choose_thresholds_ranks_an_undefined_metric_last(metric: OptimizeMetric) -> None:
    """A candidate whose ratio exists goes before those that never lost; its score is an ordinary number."""
    choice = choose(rising_market(falls=4), metric, costs=FREE)
    assert choice.thresholds.buy <= 0.54
    assert choice.score is not None
    assert abs(choice.score) < 1e6


@pytest.mark.parametrize("metric", OptimizeMetric)
def test_choose_thresholds_scores_are_finite_or_none(metric: OptimizeMetric) -> None:
    """Perfect, good and no forecasts, with and without costs, never give an infinite or a giant score."""
    for knowledge in (0.0, 0.5, 1000.0):
        for costs in (COSTS, FREE):
            score = choose(make_blocks(2, knowledge=knowledge), metric, costs).score
            assert score is None or abs(score) < 1e9


def test_choose_thresholds_never_trades_without_a_side() -> None:
    """Forecasts that see all there is, but do not say which way, are worth no trade at any threshold."""
    blocks = make_blocks(2, knowledge=1000.0)
    for has_side in (True, False):
        choice = choose_thresholds(
            blocks, metric=OptimizeMetric.TOTAL_RETURN, rules=replace(rules(FREE), has_side=has_side), seed=0
        )
        assert choice.thresholds.never_trades is not has_side
