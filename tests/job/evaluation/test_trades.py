import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.evaluation import trades as subject
from job.evaluation.measure import Measure
from tests.support.golden_bars import COLUMNS, WITHOUT_COSTS, GoldenAccount, run_golden

NONE = np.array([])
pnls = st.lists(st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1e-3), min_size=1, max_size=40).map(np.array)


@pytest.mark.parametrize("column", COLUMNS)
def test_measures_of_the_golden_trades(column: GoldenAccount) -> None:
    """The golden trades' measures are those worked out by hand, to 1e-9."""
    pnl = run_golden(column).trades.pnl
    assert subject.win_rate(pnl).value == pytest.approx(2 / 3)
    assert subject.profit_factor(pnl).value == pytest.approx(column.profit_factor, abs=1e-9)
    assert subject.expected_value(pnl).value == pytest.approx(column.expected_value, abs=1e-9)
    assert subject.risk_reward_ratio(pnl).value == pytest.approx(column.risk_reward_ratio, abs=1e-9)
    assert subject.max_consecutive_losses(pnl) == 1


def test_size_measures_of_the_golden_account() -> None:
    """Exposure, turnover, holding time and basis points follow from the three trades."""
    account = run_golden(WITHOUT_COSTS)
    assert subject.exposure(account) == 0.6
    notional = 100 * (100 + 101 + 101 + 100 + 102 + 101)
    mean_equity = sum(WITHOUT_COSTS.equity) / 11
    notional_of_short = 10_100 / 101 * 100
    assert notional_of_short == 10_000  # the short, too, is 100 coins
    assert subject.turnover(account) == pytest.approx(notional / mean_equity)
    assert subject.avg_hold_bars(account.trades).value == 2
    assert subject.expected_value_bps(account.trades).value == pytest.approx(
        np.mean([100 / 10_000, 100 / 10_100, -100 / 10_200]) * 1e4
    )


def test_an_account_without_trades_has_sizes_but_no_rates() -> None:
    """Counts and sums are 0, rates and means do not exist."""
    account = run_golden(WITHOUT_COSTS, target=np.zeros(10))
    assert subject.exposure(account) == 0
    assert subject.turnover(account) == 0
    assert subject.max_consecutive_losses(account.trades.pnl) == 0
    for measure in (
        subject.win_rate(NONE),
        subject.profit_factor(NONE),
        subject.expected_value(NONE),
        subject.risk_reward_ratio(NONE),
        subject.expected_value_bps(account.trades),
        subject.avg_hold_bars(account.trades),
    ):
        assert measure == Measure.undefined("no_trades")


def test_ratios_need_wins_and_losses() -> None:
    """Only wins or only losses leave a ratio undefined; the profit factor of losses alone is 0."""
    wins, losses = np.array([1.0, 2.0]), np.array([-1.0, -2.0])
    assert subject.profit_factor(wins).reason == "no_losses"
    assert subject.profit_factor(losses).value == 0
    assert subject.risk_reward_ratio(wins).reason == "no_losses"
    assert subject.risk_reward_ratio(losses).reason == "no_wins"


def test_planned_rr_is_target_over_stop() -> None:
    """Known numbers, free of the unit; without a stop or a target there is none, and the reason says which."""
    assert subject.planned_rr(stop=2.0, take=3.0).value == 1.5
    assert subject.planned_rr(stop=0.02, take=0.01).value == 0.5
    assert subject.planned_rr(stop=None, take=3.0) == Measure.undefined("no_stop")
    assert subject.planned_rr(stop=2.0, take=None) == Measure.undefined("no_target")
    assert subject.planned_rr(stop=None, take=None) == Measure.undefined("no_stop")


def test_break_even_trades_are_neither_wins_nor_losses() -> None:
    """They count in the win rate and end a run of losses."""
    pnl = np.array([-1.0, -1.0, 0.0, -1.0, 2.0])
    assert subject.win_rate(pnl).value == 0.2
    assert subject.max_consecutive_losses(pnl) == 2
    assert subject.max_consecutive_losses(np.array([0.0, -1, -1, -1])) == 3


@given(pnls)
@settings(max_examples=60, deadline=None)
def test_expected_value_is_win_rate_times_win_less_loss(pnl: np.ndarray) -> None:
    """P W - (1 - p) L, when no trade breaks even; and the profit factor follows from the same numbers."""
    share = subject.win_rate(pnl).value
    assert share is not None
    win = pnl[pnl > 0].mean() if share > 0 else 0.0
    loss = -pnl[pnl < 0].mean() if share < 1 else 0.0
    assert subject.expected_value(pnl).value == pytest.approx(share * win - (1 - share) * loss, abs=1e-6)
    if 0 < share < 1:
        ratio = subject.risk_reward_ratio(pnl).value
        assert ratio is not None
        assert subject.profit_factor(pnl).value == pytest.approx(ratio * share / (1 - share), rel=1e-9)


@given(pnls)
@settings(max_examples=40, deadline=None)
def test_max_consecutive_losses_equals_a_count(pnl: np.ndarray) -> None:
    """The longest run is that of a plain loop."""
    longest = run = 0
    for value in pnl:
        run = run + 1 if value < 0 else 0
        longest = max(longest, run)
    assert subject.max_consecutive_losses(pnl) == longest


def test_trade_measures_refuse_what_is_not_finite() -> None:
    """NaN is refused, it never passes through."""
    for measure in (subject.win_rate, subject.profit_factor, subject.max_consecutive_losses):
        with pytest.raises(ValueError, match="finite"):
            measure(np.array([1.0, np.nan]))
