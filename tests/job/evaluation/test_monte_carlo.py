"""Redrawn days and shuffled trades: known numbers, what cannot change, and what must."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.evaluation import bootstrap, monte_carlo
from job.evaluation.bootstrap import DayDraws, draw_days, sharpe_interval
from job.evaluation.monte_carlo import (
    DRAWDOWN_LEVELS,
    deepest_falls,
    redraw_days,
    shuffle_trades,
    trade_returns_of,
)


def _noise(num_days: int = 147, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.001, 0.02, num_days)


def _rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_fan_of_known_histories() -> None:
    """Histories that are written down by hand have the quantiles, the losses and the falls of their accounts."""
    daily = np.tile([0.1, -0.1], 30)
    index = np.stack([np.zeros(60, dtype=np.int64), np.ones(60, dtype=np.int64), np.arange(60)])
    fan = redraw_days(daily, DayDraws(index=index, block_days=5.0))
    assert fan is not None
    middle = fan.equity[fan.levels.index(0.5)]
    assert middle[0] == 1
    assert middle[-1] == pytest.approx(0.99**30)
    assert middle[1] == pytest.approx(1.1)
    assert fan.probability_of_loss.value == pytest.approx(2 / 3)
    assert fan.drawdown[DRAWDOWN_LEVELS.index(0.5)] == pytest.approx(0.9 * 0.99**29 - 1)


def test_fan_is_ordered_and_starts_with_one() -> None:
    """Every day's quantiles rise with their level, and no history begins elsewhere."""
    daily = _noise()
    fan = redraw_days(daily, draw_days(daily, rng=_rng()))
    assert fan is not None
    assert fan.equity.shape == (5, 148)
    assert (fan.equity[:, 0] == 1).all()
    assert (np.diff(fan.equity, axis=0) >= 0).all()
    assert (np.diff(fan.drawdown) >= 0).all()
    assert fan.drawdown[-1] <= 0


def test_chance_of_loss_agrees_with_the_normal_law() -> None:
    """For independent days the share of losing histories is what the mean and its standard error say."""
    daily = _noise(365, seed=4)
    log = np.log1p(daily)
    fan = redraw_days(daily, draw_days(daily, rng=_rng()))
    assert fan is not None and fan.probability_of_loss.value is not None
    expected = NormalDist().cdf(-log.mean() * np.sqrt(365) / log.std())
    assert fan.probability_of_loss.value == pytest.approx(expected, abs=0.05)


def test_constant_days_say_nothing_of_a_loss() -> None:
    """An account that never moves has a fan of ones, no fall, and no chance of loss to speak of."""
    fan = redraw_days(np.zeros(60), draw_days(np.zeros(60), rng=_rng()))
    assert fan is not None
    assert (fan.equity == 1).all()
    assert (fan.drawdown == 0).all()
    assert fan.probability_of_loss.reason == "zero_variance"


def test_few_days_have_no_fan() -> None:
    """Fewer days than an interval needs are not redrawn."""
    assert redraw_days(_noise(59), draw_days(_noise(59), rng=_rng())) is None


@settings(max_examples=25)
@given(st.lists(st.floats(-0.3, 0.3), min_size=1, max_size=30), st.integers(0, 1000))
def test_shuffling_trades_changes_no_end(gains: list[float], seed: int) -> None:
    """In whatever order, the account ends where the trades' pnl ended it, and never falls less than its worst trade."""
    equity, pnl = 100.0, []
    for gain in gains:
        pnl.append(equity * gain)
        equity += pnl[-1]
    returns = trade_returns_of(np.array(pnl), initial_equity=100.0)
    np.testing.assert_allclose(returns, gains, atol=1e-12)
    shuffled = np.random.default_rng(seed).permutation(returns)
    assert 100 * np.prod(1 + shuffled) == pytest.approx(equity)
    falls = shuffle_trades(returns, num_draws=50, rng=np.random.default_rng(seed))
    assert falls is not None
    assert falls[-1] <= min(0.0, *gains) + 1e-12


def test_shuffled_trades_fall_as_every_order_does() -> None:
    """Two losses and a gain have three orders: the quantiles are those of the three falls."""
    falls = shuffle_trades(np.array([-0.1, -0.1, 0.5]), num_draws=3000, rng=_rng())
    assert falls is not None
    together = 0.9 * 0.9 - 1  # in two of the three orders
    assert falls[DRAWDOWN_LEVELS.index(0.5)] == pytest.approx(together)
    (apart,) = deepest_falls(np.array([[1, 0.9, 1.35, 1.215]]))
    assert apart == pytest.approx(-0.1)


def test_shuffle_repeats_with_its_seed_whatever_is_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed gives the same falls, also where the table is worked through in pieces."""
    trades = _noise(40)
    whole = shuffle_trades(trades, num_draws=200, rng=_rng())
    monkeypatch.setattr("job.evaluation.monte_carlo.CELLS_AT_ONCE", 400)
    np.testing.assert_array_equal(whole, shuffle_trades(trades, num_draws=200, rng=_rng()))


def test_no_trades_have_no_order() -> None:
    """Without a trade there is nothing to shuffle."""
    assert shuffle_trades(np.empty(0), num_draws=10, rng=_rng()) is None


def test_ruin_keeps_falls_within_one() -> None:
    """An account that loses everything has fallen by all of it, and no number is undefined after that."""
    pnl = np.array([10.0, -110.0, 0.0])
    returns = trade_returns_of(pnl, initial_equity=100.0)
    np.testing.assert_allclose(returns, [0.1, -1.0, 0.0])
    falls = shuffle_trades(returns, num_draws=20, rng=_rng())
    assert falls is not None
    assert (falls == -1).all()


def test_memory_of_redrawn_days_is_bounded_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of a few cells at a time gives the same draws, intervals, means and fan, to the last bit."""
    daily = _rng().normal(0.001, 0.02, 80)

    def found() -> tuple[bytes, ...]:
        draws = draw_days(daily, rng=_rng(), num_draws=50)
        fan = redraw_days(daily, draws)
        assert fan is not None
        interval = sharpe_interval(daily, draws)
        return (
            draws.index.tobytes(),
            draws.means(daily).tobytes(),
            np.array([interval.low, interval.high]).tobytes(),
            fan.equity.tobytes(),
            fan.drawdown.tobytes(),
        )

    at_once = found()
    for module in (bootstrap, monte_carlo):
        monkeypatch.setattr(module, "CELLS_AT_ONCE", 170)
    assert found() == at_once
