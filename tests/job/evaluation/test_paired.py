import numpy as np
import pytest

from job.arrays import FloatArray
from job.evaluation.bootstrap import DayDraws, Interval, confidence_interval, draw_days, sharpe_along_days
from job.evaluation.classification import log_loss
from job.evaluation.measure import Measure
from job.evaluation.paired import Estimate, log_loss_difference, mean_difference, sharpe_difference, sharpe_differences

NUM_DAYS, BARS_A_DAY = 100, 24


def two_accounts(seed: int, lead: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """Accounts that share most of each day's luck; the first is ahead."""
    rng = np.random.default_rng(seed)
    shared, own = rng.normal(0, 0.02, NUM_DAYS), rng.normal(0, 0.002, (2, NUM_DAYS))
    return shared + own[0] + lead, shared + own[1]


def draws_of(returns: FloatArray, num_draws: int = 400) -> DayDraws:
    """Shared draws."""
    return draw_days(returns, rng=np.random.default_rng(0), num_draws=num_draws)


def forecasts(seed: int) -> tuple[FloatArray, FloatArray, FloatArray, np.ndarray]:
    """Labels, some unknown; a forecast that knows something, one that does not; and the day of each bar."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=NUM_DAYS * BARS_A_DAY)
    knows = 1 / (1 + np.exp(-signal))
    up = (rng.random(len(signal)) < knows).astype(np.float64)
    up[rng.random(len(up)) < 0.3] = np.nan
    return up, knows, np.full(len(up), 0.5), np.repeat(np.arange(NUM_DAYS), BARS_A_DAY)


def test_differences_of_accounts_are_paired() -> None:
    """A small lead over an account with the same luck is seen, where the two intervals of their own overlap."""
    first, second = two_accounts(1, lead=0.0012)
    draws = draws_of(first)
    mean, ratio = mean_difference(first, second, draws), sharpe_difference(first, second, draws)
    assert mean.value.value == pytest.approx((first - second).mean())
    assert mean.is_above_zero and ratio.is_above_zero and not ratio.is_below_zero
    own, other = (
        confidence_interval(lambda r: sharpe_along_days(r, bars_per_year=365), r, draws) for r in (first, second)
    )
    assert own.low is not None and other.high is not None and own.low < other.high


def test_differences_turn_with_their_sides() -> None:
    """Exchanged accounts have the negative difference; an account less itself is 0 exactly."""
    first, second = two_accounts(2)
    draws = draws_of(first)
    for difference in (mean_difference, sharpe_difference):
        there, back = difference(first, second, draws), difference(second, first, draws)
        assert there.value.value == pytest.approx(-back.value.rank)
        assert there.interval.low == pytest.approx(-(back.interval.high or 0.0))
        none = difference(first, first, draws)
        assert none == Estimate(value=Measure.of(0.0), interval=Interval(low=0.0, high=0.0))


def test_sharpe_difference_is_that_of_the_redrawn_histories() -> None:
    """Its interval is the one of both histories laid out day by day."""
    first, second = two_accounts(7, lead=0.001)
    draws = draws_of(first)

    def lead(pair: FloatArray) -> FloatArray:
        ratios = sharpe_along_days(pair, bars_per_year=365)
        return ratios[0] - ratios[1]

    found, laid_out = (
        sharpe_difference(first, second, draws),
        confidence_interval(lead, np.stack([first, second]), draws),
    )
    assert (found.interval.low, found.interval.high) == pytest.approx((laid_out.low, laid_out.high))


def test_sharpe_differences_are_those_of_each_pair() -> None:
    """To many accounts at once as to each by itself, in their order."""
    (own, near), (far, other) = two_accounts(8, lead=0.001), two_accounts(9)
    draws, others = draws_of(own), [near, far, other, np.zeros(NUM_DAYS), own]
    assert sharpe_differences(own, others, draws) == [sharpe_difference(own, each, draws) for each in others]


def test_sharpe_difference_to_a_flat_account_is_the_ratio() -> None:
    """Who never trades counts as 0."""
    first, _ = two_accounts(3)
    draws = draws_of(first)
    found = sharpe_difference(first, np.zeros(NUM_DAYS), draws)
    assert found.value.value == pytest.approx(float(sharpe_along_days(first, bars_per_year=365)))
    own = confidence_interval(lambda r: sharpe_along_days(r, bars_per_year=365), first, draws)
    assert (found.interval.low, found.interval.high) == pytest.approx((own.low, own.high))


def test_log_loss_difference_is_that_of_the_pooled_bars() -> None:
    """The value is the difference of two log-losses over the labelled bars, and knowledge puts it below 0."""
    up, knows, coin, day = forecasts(4)
    known = np.isfinite(up)
    found = log_loss_difference(up, knows, coin, day, draws_of(np.random.default_rng(4).normal(size=NUM_DAYS)))
    expected = log_loss(up[known], knows[known]).rank - log_loss(up[known], coin[known]).rank
    assert found.value.value == pytest.approx(expected)
    assert found.is_below_zero
    assert found.interval.low is not None and found.interval.low < expected


def test_log_loss_difference_redraws_whole_days() -> None:
    """Each redrawn history is the loss of its days' bars, days with more bars weighing more: written out."""
    up, knows, coin, day = forecasts(5)
    up[(day % 2 == 0) & (np.arange(len(up)) % BARS_A_DAY > 3)] = np.nan
    knows[:40] = np.nan
    draws = draws_of(np.random.default_rng(5).normal(size=NUM_DAYS), num_draws=60)
    known = np.isfinite(up) & np.isfinite(knows)
    bars = [np.flatnonzero(known & (day == number)) for number in range(NUM_DAYS)]
    drawn = []
    for history in draws.index:
        rows = np.concatenate([bars[number] for number in history])
        drawn.append(log_loss(up[rows], knows[rows]).rank - log_loss(up[rows], coin[rows]).rank)
    found = log_loss_difference(up, knows, coin, day, draws)
    assert found.interval.low == pytest.approx(np.quantile(drawn, 0.025))
    assert found.interval.high == pytest.approx(np.quantile(drawn, 0.975))


def test_differences_of_few_days_have_no_interval() -> None:
    """59 days have a value and the reason why no interval; one day, or no forecast, not even a value."""
    first, second = (account[:59] for account in two_accounts(6))
    for difference in (mean_difference, sharpe_difference):
        found = difference(first, second, draws_of(first))
        assert found.value.value is not None and found.interval.reason == "too_short"
        assert not found.is_above_zero and not found.is_below_zero
    assert sharpe_difference(first[:1], second[:1], draws_of(first[:1])).value.reason == "too_short"
    nothing, day = np.full(59, np.nan), np.arange(59)
    found = log_loss_difference(np.ones(59), nothing, np.full(59, 0.5), day, draws_of(first))
    assert found.value.reason == found.interval.reason == "too_short"
