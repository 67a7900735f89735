import numpy as np
import pytest

from job.arrays import FloatArray
from job.backtest.costs import Costs
from job.backtest.market_bars import MarketBars
from job.data.signal_table import StoredSignals
from job.evaluation.expectation import ExpectedBand
from job.intervals import DAY_MS, bars_per_year, interval_ms
from job.prediction.release_outcome import judge_release, release_outcome, sides_on_bars
from job.signals import Thresholds, TradingRules, target_positions, trade
from tests.support.small_run import INTERVAL, KEY, small_markets

BAR_MS = interval_ms(INTERVAL)
RULES = TradingRules(
    costs=Costs(fee_bps=5, slippage_bps=2), market="perp", hold_bars=8, bars_per_year=bars_per_year(INTERVAL)
)
BARS = MarketBars.of(small_markets(3)[KEY.symbol])
THRESHOLDS = Thresholds(buy=0.6, sell=0.4)
PROBABILITY = np.random.default_rng(0).uniform(0.3, 0.7, len(BARS))


def signals_of(rows: "slice | FloatArray" = slice(None)) -> StoredSignals:
    """What a model with these forecasts said of some of the bars."""
    side = target_positions(PROBABILITY, THRESHOLDS, hold_bars=RULES.hold_bars)
    open_time = BARS.open_time[rows]
    return StoredSignals(
        open_time=open_time,
        probability=PROBABILITY[rows],
        side=side[rows],
        is_late=np.zeros(len(open_time), np.bool_),
        reason=(None,) * len(open_time),
    )


def test_account_since_release_is_that_of_the_backtest() -> None:
    """Of the same bars and forecasts, to the bit: there is one engine, and it charges the same costs."""
    up = (np.diff(BARS.close, append=BARS.close[-1]) > 0).astype(np.float64)
    found = release_outcome(BARS, up, signals_of(), RULES, train_prior=0.5)
    account = trade(BARS, PROBABILITY, THRESHOLDS, RULES)
    assert found.equity[-1] == pytest.approx(account.equity[-1], rel=1e-12)
    assert found.measures["n_trades"].value == len(account.trades) > 10
    assert found.measures["total_return"].value == pytest.approx(account.equity[-1] - 1)
    assert found.day_ms == tuple(range(int(BARS.open_time[0]), int(BARS.open_time[-1]), DAY_MS))
    assert sum(found.calibration.count) == found.measures["n_labels"].value == len(BARS)


def test_bars_that_nobody_asked_about_keep_the_last_signal_as_long_as_it_holds() -> None:
    """Asked at every fourth bar nothing is forgotten between; asked once, all is over after the horizon."""
    rows = np.arange(0, len(BARS), 4)
    found = sides_on_bars(BARS, signals_of(rows), RULES.hold_bars)
    assert np.array_equal(found, np.repeat(signals_of().side[rows], 4)[: len(BARS)])
    once = np.flatnonzero(signals_of().side != 0)[:1]
    alone = sides_on_bars(BARS, signals_of(once), RULES.hold_bars)
    assert np.flatnonzero(alone).tolist() == list(range(once[0], once[0] + RULES.hold_bars))


def test_unsettled_labels_and_bars_without_features_are_not_judged() -> None:
    """They are traded, where a signal stood, and count in no measure of forecasts."""
    signals = signals_of()
    signals.probability[:10] = np.nan
    up = np.ones(len(BARS))
    up[::2] = 0.0
    up[-8:] = np.nan
    found = release_outcome(BARS, up, signals, RULES, train_prior=0.5)
    assert found.measures["n_labels"].value == len(BARS) - 18
    assert sum(found.calibration.count) == len(BARS) - 18


@pytest.mark.parametrize(
    ("equity", "state", "words"),
    [
        ((), "unknown", "No bar that was forecast"),
        ((1.0, 0.97), "inside", "-3.0%, within the -10.0% to +20.0%"),
        ((1.0, 0.89), "below", "-11.0%, below the -10.0% to +20.0%"),
        ((1.5, 1.3), "above", "+30.0%, above"),
        ((0.5, 1.0), "inside", "After 2 days"),
    ],
)
def test_release_is_judged_by_where_the_account_stands_today(equity: tuple[float, ...], state: str, words: str) -> None:
    """Beside the band of as many days."""
    band = ExpectedBand(low=np.array([0.95, 0.9]), median=np.array([1.0, 1.0]), high=np.array([1.1, 1.2]))
    found, sentence = judge_release(equity, band)
    assert found == state
    assert words in sentence


def test_release_of_a_run_with_few_tests_is_not_judged() -> None:
    """Without a band the sentence says why."""
    assert judge_release((1.01,), None) == (
        "unknown",
        "After 1 day the account stands at +1.0%; the run tested fewer than 60 days, too few to expect anything.",
    )
