"""The synthetic worlds look like markets, hold the edge they state, and hold nothing else."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kurtosis, spearmanr
from sklearn.metrics import roc_auc_score

from job.arrays import FloatArray
from job.data.klines import Klines, check_klines
from job.data.synthetic import (
    DEFAULT_EDGE,
    SYNTHETIC_CONTEXT,
    SYNTHETIC_SYMBOL,
    World,
    describe_world,
    synthetic_markets,
)
from job.data.synthetic_returns import FOLLOWER, autoregression, simulate_returns
from job.intervals import DAY_MS, HOUR_MS, interval_ms
from tests.support.logistic_strategy import (
    BARS_PER_DAY,
    COST_PER_SIDE,
    HORIZON_BARS,
    LogisticResult,
    hold,
    lagged_returns,
    trade_logistic,
    yearly_sharpe,
)

LAST_CLOSE_MS = 1_767_139_200_000  # 2025-12-31 00:00 UTC
NUM_DAYS = 185
NUM_OUT_OF_SAMPLE_BARS = 147 * BARS_PER_DAY
SEEDS = range(10)
KNOWN_LAST_CLOSES = [128.8191, 52877.8, 1847.6]  # of seed 0
LARGEST_CHANCE_CORRELATION = 0.03  # 18 correlations of 17,760 bars: 4 standard errors


def make_world(world: World, seed: int, **options: float) -> dict[str, Klines]:
    """Half a year of 15m bars that ends on a fixed day."""
    return synthetic_markets(world, seed=seed, num_days=NUM_DAYS, last_close_ms=LAST_CLOSE_MS, **options)


def log_returns(klines: Klines) -> FloatArray:
    """Log return of every bar, close over open."""
    return np.log(klines.close / klines.open)


def autocorrelation(values: FloatArray, lag: int) -> float:
    """Correlation of a series with itself ``lag`` rows earlier."""
    return float(np.corrcoef(values[lag:], values[:-lag])[0, 1])


def largest_correlation_with_the_past(markets: dict[str, Klines], symbol: str) -> float:
    """How well the best single lagged return tells the next bar's return, as an absolute correlation."""
    features = lagged_returns(markets)[BARS_PER_DAY:-1]
    moves = log_returns(markets[symbol])
    next_sign = np.sign(moves[BARS_PER_DAY + 1 :])
    return float(np.abs(np.corrcoef(np.column_stack([features, next_sign]), rowvar=False)[-1, :-1]).max())


def same_bars(one: Klines, other: Klines) -> bool:
    """Whether every column is equal bit for bit."""
    names = [field.name for field in fields(Klines) if field.name != "interval"]
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in names)


@pytest.fixture(scope="module")
def edge_results() -> list[LogisticResult]:
    """The logistic strategy in ten edge worlds."""
    return [trade_logistic(make_world("edge", seed), symbol=SYNTHETIC_SYMBOL) for seed in SEEDS]


@pytest.fixture(scope="module")
def noise_results() -> list[LogisticResult]:
    """The logistic strategy in ten noise worlds."""
    return [trade_logistic(make_world("noise", seed), symbol=SYNTHETIC_SYMBOL) for seed in SEEDS]


@given(
    world=st.sampled_from(["edge", "noise"]),
    seed=st.integers(0, 2**63),
    interval=st.sampled_from(["5m", "15m", "1h"]),
    num_days=st.integers(1, 40),
    edge=st.floats(-0.5, 0.5),
)
@settings(max_examples=25, deadline=None)
def test_bars_are_valid_and_continuous(world: World, seed: int, interval: str, num_days: int, edge: float) -> None:
    """Whatever is asked, bars pass the klines' own check, have no gap, and open at the last close."""
    markets = synthetic_markets(
        world, seed=seed, interval=interval, num_days=num_days, last_close_ms=LAST_CLOSE_MS, edge=edge
    )
    assert list(markets) == [SYNTHETIC_SYMBOL, *SYNTHETIC_CONTEXT]
    for symbol, klines in markets.items():
        check_klines(klines, where=symbol)
        assert (np.diff(klines.open_time) == interval_ms(interval)).all()
        assert klines.open_time[0] == LAST_CLOSE_MS - num_days * DAY_MS
        assert klines.available_at[-1] == LAST_CLOSE_MS
        assert (klines.open[1:] == klines.close[:-1]).all()
        assert (klines.volume > 0).all()


def test_world_of_a_seed_is_known() -> None:
    """Seed 0 gives these bars for ever: stored results stay comparable, and prices are whole ticks."""
    markets = make_world("edge", 0)
    assert [float(klines.open[0]) for klines in markets.values()] == [150.0, 60_000.0, 3_000.0]
    assert [float(klines.close[-1]) for klines in markets.values()] == KNOWN_LAST_CLOSES
    for klines, decimals in zip(markets.values(), (4, 1, 2), strict=True):
        assert (klines.high == np.round(klines.high, decimals)).all()


def test_worlds_repeat_bit_for_bit_and_differ_by_seed() -> None:
    """The same arguments give the same bytes; another seed gives another market."""
    first, again, other = make_world("edge", 1), make_world("edge", 1), make_world("edge", 2)
    assert all(same_bars(first[symbol], again[symbol]) for symbol in first)
    assert not any(same_bars(first[symbol], other[symbol]) for symbol in first)


def test_worlds_differ_only_by_the_planted_edge() -> None:
    """With edge 0 the edge world is the noise world; with any edge the context markets still are."""
    noise, empty, edge = make_world("noise", 3), make_world("edge", 3, edge=0.0), make_world("edge", 3)
    assert all(same_bars(noise[symbol], empty[symbol]) for symbol in noise)
    assert all(same_bars(noise[symbol], edge[symbol]) for symbol in SYNTHETIC_CONTEXT)
    assert not same_bars(noise[SYNTHETIC_SYMBOL], edge[SYNTHETIC_SYMBOL])


@pytest.mark.parametrize("options", [{"last_close_ms": LAST_CLOSE_MS + 1}, {"num_days": 0}, {"interval": "7m"}])
def test_impossible_requests_are_refused(options: dict[str, int | str]) -> None:
    """A close off the grid, no days, or an unknown interval is a ValueError that names the value."""
    asked = {"seed": 0, "num_days": 1, "last_close_ms": LAST_CLOSE_MS} | options
    with pytest.raises(ValueError, match=str(*options.values())):
        synthetic_markets("noise", **asked)


@pytest.mark.parametrize("world", ["edge", "noise"])
def test_returns_look_like_a_market(world: World) -> None:
    """Size, correlation and tails are those of a large coin against Bitcoin and Ether."""
    for seed in range(4):
        moves = np.stack([log_returns(klines) for klines in make_world(world, seed).values()])
        daily_volatility = moves.std(axis=1) * np.sqrt(BARS_PER_DAY)
        assert 0.03 < daily_volatility[0] < 0.05
        np.testing.assert_allclose(daily_volatility, [0.04, 0.025, 0.035], rtol=0.2)
        correlation = np.corrcoef(moves)
        np.testing.assert_allclose(correlation[1], [0.75, 1.0, 0.8], atol=0.05)
        assert kurtosis(moves[0]) > 8, "a normal law has 0"


@pytest.mark.parametrize("world", ["edge", "noise"])
def test_volatility_clusters_and_has_a_daily_rhythm(world: World) -> None:
    """Large moves follow large moves beyond what the hour explains, and the afternoon is the busiest time."""
    klines = make_world(world, 1)[SYNTHETIC_SYMBOL]
    sizes = np.abs(log_returns(klines))
    hour = klines.open_time % DAY_MS // HOUR_MS
    by_hour = np.array([sizes[hour == h].mean() for h in range(24)])
    assert 12 <= by_hour.argmax() <= 16
    assert 1.4 < by_hour[13:16].mean() / by_hour[1:4].mean() < 2.4
    relative = sizes / by_hour[hour]
    assert autocorrelation(relative, 4) > 0.08
    assert autocorrelation(relative, 4) > 2 * autocorrelation(relative, 2 * BARS_PER_DAY)
    shuffled = np.random.default_rng(0).permutation(relative)
    assert abs(autocorrelation(shuffled, 4)) < 0.03


def test_range_and_volume_follow_volatility() -> None:
    """The highest point of a bar has the mean square of a Brownian path's; volume grows with the range."""
    klines = make_world("noise", 0)[SYNTHETIC_SYMBOL]
    simulated = simulate_returns(seed=0, interval="15m", open_time=klines.open_time, edge=0.0)
    deviation = simulated.deviation[:, FOLLOWER]
    for reach in (np.log(klines.high / klines.open), np.log(klines.low / klines.open)):
        assert np.mean((reach / deviation) ** 2) == pytest.approx(1.0, abs=0.05)
    assert spearmanr(klines.volume, klines.high / klines.low).statistic > 0.5


def test_autoregression_is_a_moving_average_of_the_past() -> None:
    """One shock halves every half-life and is felt in no earlier row; the variance is that of the shocks."""
    gain = np.sqrt(0.75)
    np.testing.assert_allclose(
        autoregression(np.array([0.0, 1.0, 0.0, 0.0]), half_life_bars=1), [0.0, gain, gain / 2, gain / 4]
    )
    shocks = np.random.default_rng(0).standard_normal(100_000)
    assert autoregression(shocks, half_life_bars=8).std() == pytest.approx(1.0, abs=0.03)


def test_noise_cannot_be_predicted_and_the_check_sees_an_edge() -> None:
    """No lagged return tells the next bar in the noise world; the same check fails on the edge world."""
    for seed in range(4):
        noise, edge = make_world("noise", seed), make_world("edge", seed)
        for symbol in noise:
            assert largest_correlation_with_the_past(noise, symbol) < LARGEST_CHANCE_CORRELATION
        assert largest_correlation_with_the_past(edge, SYNTHETIC_SYMBOL) > 2 * LARGEST_CHANCE_CORRELATION
        signs = np.sign(log_returns(noise[SYNTHETIC_SYMBOL]))
        assert max(abs(autocorrelation(signs, lag)) for lag in range(1, 25)) < LARGEST_CHANCE_CORRELATION


def test_noise_pays_nobody(noise_results: list[LogisticResult]) -> None:
    """In ten noise worlds the logistic AUC is a half, gross earnings are luck, and costs make a loss."""
    auc, gross, net = np.array([(r.auc, r.gross_sharpe, r.net_sharpe) for r in noise_results]).T
    assert np.mean(auc) == pytest.approx(0.5, abs=0.01)
    assert abs(np.mean(gross)) < 1.5, "three standard errors of the mean of ten"
    assert np.mean(net) < -1
    assert max(net) < 1.5


def test_edge_pays_a_logistic_regression(edge_results: list[LogisticResult]) -> None:
    """In at least nine of ten edge worlds a logistic regression earns a net yearly Sharpe above 3.5."""
    auc, net = np.array([(r.auc, r.net_sharpe) for r in edge_results]).T
    assert 0.56 < np.mean(auc) < 0.61
    assert min(auc) > 0.54
    assert np.sum(net > 3.5) >= 9
    assert min(net) > 0


def test_edge_is_in_the_traded_market_only() -> None:
    """A logistic regression learns nothing about the market that leads."""
    auc = [trade_logistic(make_world("edge", seed), symbol=SYNTHETIC_CONTEXT[0]).auc for seed in range(3)]
    assert np.mean(auc) == pytest.approx(0.5, abs=0.015)


def test_description_states_what_the_oracle_finds() -> None:
    """Who knows the signal has the stated AUC and the stated spread of expected moves, and earns well."""
    described = describe_world("edge")
    memory = 0.5 ** (1 / 8)
    found = []
    for seed in SEEDS:
        klines = make_world("edge", seed)[SYNTHETIC_SYMBOL]
        simulated = simulate_returns(seed=seed, interval="15m", open_time=klines.open_time, edge=DEFAULT_EDGE)
        signal, volatility = simulated.signal, simulated.volatility[:, FOLLOWER]
        expected = DEFAULT_EDGE * signal * volatility * (1 - memory**8) / (1 - memory)
        last = slice(-NUM_OUT_OF_SAMPLE_BARS, None)
        is_up = klines.close[HORIZON_BARS:] > klines.close[:-HORIZON_BARS]
        found.append(
            (
                roc_auc_score(is_up, signal[:-HORIZON_BARS]),
                expected.std() * 1e4,
                yearly_sharpe(
                    hold(expected[last], threshold=2 * COST_PER_SIDE),
                    klines.close[last],
                    cost_per_side=COST_PER_SIDE,
                ),
            )
        )
    auc, typical_move_bps, sharpe = np.mean(found, axis=0)
    assert auc == pytest.approx(described.oracle_auc, abs=0.01)
    assert typical_move_bps == pytest.approx(described.typical_move_bps, rel=0.1)
    assert 7 < sharpe < 11
    assert f"{described.oracle_auc:.2f}" in described.sentence


def test_description_of_noise_promises_nothing() -> None:
    """The noise world, and an edge of zero, state no move and the AUC of a coin."""
    noise = describe_world("noise")
    assert (noise.edge, noise.largest_move_bps, noise.oracle_auc) == (0.0, 0.0, 0.5)
    assert describe_world("edge", edge=0.0) == replace(noise, world="edge")


def test_description_grows_with_the_edge() -> None:
    """Twice the edge is twice the move and a better oracle; the sign of the edge only turns the rule round."""
    small, large, turned = (describe_world("edge", edge=edge) for edge in (0.1, 0.2, -0.1))
    assert large.typical_move_bps == pytest.approx(2 * small.typical_move_bps)
    assert 0.5 < small.oracle_auc < large.oracle_auc < 1
    assert turned.oracle_auc == small.oracle_auc
    assert small.typical_move_bps < small.largest_move_bps
    assert "turns against" in turned.sentence
