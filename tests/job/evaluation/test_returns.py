from collections.abc import Callable

import numpy as np
import pytest

from job.arrays import FloatArray
from job.evaluation import returns as subject
from job.evaluation.measure import Measure
from tests.support.golden_bars import BARS_PER_YEAR, COLUMNS, GoldenAccount, run_golden
from tests.support.return_series import equity_of

DAYS = 365.0


@pytest.mark.parametrize("column", COLUMNS)
def test_measures_of_the_golden_account(column: GoldenAccount) -> None:
    """The golden account's measures are those worked out by hand, to 1e-9."""
    account = run_golden(column)
    bar_returns = account.bar_returns
    expected = [
        (subject.total_return(account.equity), column.total_return),
        (subject.max_drawdown(account.equity), column.max_drawdown),
        (subject.sharpe_ratio(bar_returns, bars_per_year=1), column.sharpe_per_bar),
        (subject.sharpe_ratio(bar_returns, bars_per_year=BARS_PER_YEAR), column.sharpe),
        (subject.sortino_ratio(bar_returns, bars_per_year=BARS_PER_YEAR), column.sortino),
        (subject.recovery_factor(account.equity), column.recovery_factor),
        (subject.percent_profitable(bar_returns, account.in_market), 2 / 6),
    ]
    for measure, number in expected:
        assert measure.value == pytest.approx(number, abs=1e-9)


def test_sharpe_ratio_uses_the_sample_deviation() -> None:
    """Dividing by n instead of n - 1 would give another number."""
    assert subject.sharpe_ratio(np.array([0.0, 0.02]), bars_per_year=1).value == pytest.approx(0.01 / 0.02 * 2**0.5)


def test_sortino_ratio_averages_over_all_returns() -> None:
    """The winning returns count as zeros in the downside, they are not left out."""
    value = subject.sortino_ratio(np.array([0.03, 0.0, 0.0, -0.02]), bars_per_year=4).value
    assert value == pytest.approx(0.0025 / 0.01 * 2)


def test_max_drawdown_counts_the_initial_equity() -> None:
    """A curve that only falls has fallen from E_0."""
    assert subject.max_drawdown(np.array([100.0, 90.0, 80.0])).value == pytest.approx(-0.2)


def test_recovery_factor_keeps_its_sign() -> None:
    """A series that loses 78 of 100 from its start recovers -1, not +1."""
    assert subject.recovery_factor(np.array([100.0, 60.0, 22.0])).value == pytest.approx(-1)


def test_annual_return_compounds_only_from_ninety_days() -> None:
    """Ten lucky hours give the arithmetic mean, not 1e16; ninety days are compounded."""
    hours = equity_of(np.full(10, 0.004))
    assert subject.annual_return(hours, bars_per_year=8_760).value == pytest.approx(0.004 * 8_760)
    quarter = equity_of(np.full(90, 0.001))
    assert subject.annual_return(quarter, bars_per_year=DAYS).value == pytest.approx(1.001**365 - 1)
    assert subject.annual_return_kind(89, bars_per_year=DAYS) == "arithmetic"
    assert subject.annual_return_kind(90, bars_per_year=DAYS) == "cagr"


def test_ruin_is_minus_one() -> None:
    """An account at zero has returned -1, also per year, and fell all the way."""
    ruined = np.append(np.linspace(100, 50, 100), 0.0)
    assert subject.total_return(ruined).value == -1
    assert subject.max_drawdown(ruined).value == -1
    assert subject.annual_return(ruined, bars_per_year=DAYS).value == -1


@pytest.mark.parametrize(
    ("measure", "reason"),
    [
        (subject.sharpe_ratio(np.array([0.1]), bars_per_year=DAYS), "too_short"),
        (subject.sortino_ratio(np.array([0.1]), bars_per_year=DAYS), "too_short"),
        (subject.annual_return(np.array([1.0]), bars_per_year=DAYS), "too_short"),
        (subject.sharpe_ratio(np.full(9, 0.1), bars_per_year=DAYS), "zero_variance"),
        (subject.sortino_ratio(np.full(9, 0.1), bars_per_year=DAYS), "no_losses"),
        (subject.calmar_ratio(np.array([1.0, 1.1]), bars_per_year=DAYS), "no_drawdown"),
        (subject.recovery_factor(np.array([1.0, 1.1])), "no_drawdown"),
        (subject.percent_profitable(np.zeros(3), np.zeros(3, dtype=bool)), "no_trades"),
    ],
)
def test_measures_say_why_they_are_undefined(measure: Measure, reason: str) -> None:
    """What a series cannot answer is a reason, never 0 or infinity."""
    assert measure == Measure(None, reason)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "measure",
    [
        subject.total_return,
        subject.max_drawdown,
        subject.recovery_factor,
        lambda series: subject.sharpe_ratio(series, bars_per_year=DAYS),
        lambda series: subject.sortino_ratio(series, bars_per_year=DAYS),
        lambda series: subject.calmar_ratio(series, bars_per_year=DAYS),
    ],
)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_measures_refuse_what_is_not_finite(measure: Callable[[FloatArray], Measure], bad: float) -> None:
    """NaN and infinity are refused, they never pass through."""
    with pytest.raises(ValueError, match="finite"):
        measure(np.array([1.0, 1.1, bad]))


def test_equity_below_zero_is_refused() -> None:
    """A curve has a start above zero and stops at zero."""
    for bad in ([0.0, 1.0], [1.0, -0.1], []):
        with pytest.raises(ValueError, match="equity"):
            subject.total_return(np.array(bad))
