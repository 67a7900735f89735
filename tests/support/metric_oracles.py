"""Every metric against the library that defines it, as checks that take an implementation, and planted mistakes.

Each check goes over 200 random series, constant, all-negative and single ones included; an implementation is equal to
1e-10, or undefined where the library has no finite number. It returns its evidence in a sentence, or raises
`AssertionError` with it.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sklearn.metrics
from arch.bootstrap import optimal_block_length

from job.arrays import FloatArray
from job.evaluation import bootstrap, classification, returns
from job.evaluation.measure import ZERO_DEVIATION, Measure
from tests.support.return_series import NUM_SERIES, equity_of, random_return_series

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its optional dependencies complain at import
    import empyrical

DAYS = 365.0


@dataclass(frozen=True, kw_only=True)
class ReturnMeasures:
    """Measures of daily returns, and of the curve that has them."""

    total_return: Callable[[FloatArray], Measure] = returns.total_return
    max_drawdown: Callable[[FloatArray], Measure] = returns.max_drawdown
    sharpe_ratio: Callable[..., Measure] = returns.sharpe_ratio
    sortino_ratio: Callable[..., Measure] = returns.sortino_ratio
    annual_return: Callable[..., Measure] = returns.annual_return
    calmar_ratio: Callable[..., Measure] = returns.calmar_ratio


@dataclass(frozen=True, kw_only=True)
class ForecastMeasures:
    """Measures of forecasts: labels, then probabilities or, for the last, predicted classes."""

    log_loss: Callable[..., Measure] = classification.log_loss
    brier: Callable[..., Measure] = classification.brier
    auc: Callable[..., Measure] = classification.auc
    mcc: Callable[..., Measure] = classification.mcc


def check_return_measures(measures: ReturnMeasures) -> str:
    """Each measure of an account is empyrical's."""
    num_compared = 0
    for seed in range(NUM_SERIES):
        series = random_return_series(seed)
        for name, found, expected in _return_pairs(measures, series):
            assert _agrees(found, expected), f"{name} of series {seed} is {found}, but empyrical's is {expected}"
            num_compared += 1
    return f"{num_compared} values of {NUM_SERIES} series are empyrical's"


def check_forecast_measures(measures: ForecastMeasures) -> str:
    """Each measure of forecasts is scikit-learn's."""
    num_compared = 0
    for seed in range(NUM_SERIES):
        label, probability = random_forecasts(seed)
        predicted = (probability > 0.5).astype(int)
        pairs = {
            "log_loss": (measures.log_loss(label, probability), sklearn.metrics.log_loss(label, probability)),
            "brier": (measures.brier(label, probability), sklearn.metrics.brier_score_loss(label, probability)),
            "auc": (measures.auc(label, probability), sklearn.metrics.roc_auc_score(label, probability)),
        }
        if 0 < predicted.mean() < 1:
            pairs["mcc"] = (measures.mcc(label, predicted), sklearn.metrics.matthews_corrcoef(label, predicted))
        for name, (found, expected) in pairs.items():
            assert _agrees(found, expected), f"{name} of forecasts {seed} is {found}, scikit-learn's is {expected}"
            num_compared += 1
    return f"{num_compared} values of {NUM_SERIES} sets of forecasts are scikit-learn's"


def check_block_length(block_days: Callable[[FloatArray], float]) -> str:
    """The length of the bootstrap's blocks is arch's on every series of ten days or more that has variance."""
    num_compared = 0
    for seed in range(NUM_SERIES):
        series = random_return_series(seed)
        if len(series) < bootstrap.MIN_DAYS_FOR_DEPENDENCE or series.std() < ZERO_DEVIATION:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = optimal_block_length(series)["stationary"].iloc[0]
        found = block_days(series)
        assert np.isclose(found, expected, rtol=1e-10), f"series {seed}: {found} days, but arch's is {expected}"
        num_compared += 1
    return f"{num_compared} block lengths are arch's"


def random_forecasts(seed: int) -> tuple[FloatArray, FloatArray]:
    """Labels and forecasts with some skill, with ties, and with forecasts of exactly 0 and 1."""
    rng = np.random.default_rng(seed)
    label = np.append(rng.integers(0, 2, int(rng.integers(2, 300))), [0, 1])
    probability = np.clip(rng.normal(0.5 + 0.1 * (label - 0.5), 0.3), 0, 1)
    return label, np.round(probability, int(rng.integers(1, 6)))


def sharpe_of_population(series: FloatArray, *, bars_per_year: float) -> Measure:
    """A planted mistake: the deviation divides by n instead of n - 1."""
    found = returns.sharpe_ratio(series, bars_per_year=bars_per_year)
    if found.value is None:
        return found
    return Measure.of(found.value * np.sqrt(len(series) / (len(series) - 1)))


def drawdown_without_start(equity: FloatArray) -> Measure:
    """A planted mistake: a fall from the initial equity does not count."""
    return returns.max_drawdown(equity[1:])


def auc_without_ties(label: FloatArray, probability: FloatArray) -> Measure:
    """A planted mistake: equal forecasts are ranked as they stand."""
    return classification.auc(label, np.argsort(np.argsort(probability, kind="stable")) / len(label))


def blocks_of_one_sqrt(series: FloatArray) -> float:
    """A planted mistake: a rule of thumb instead of the dependence that is there."""
    return float(np.sqrt(len(series)))


def _return_pairs(measures: ReturnMeasures, series: FloatArray) -> list[tuple[str, Measure, float]]:
    equity = equity_of(series)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        expected = {
            "total_return": empyrical.cum_returns_final(series),
            "max_drawdown": empyrical.max_drawdown(series),
            "sharpe_ratio": empyrical.sharpe_ratio(series, annualization=DAYS),
            "sortino_ratio": empyrical.sortino_ratio(series, annualization=DAYS),
            "annual_return": empyrical.cagr(series, annualization=DAYS),
            "calmar_ratio": empyrical.calmar_ratio(series, annualization=DAYS),
        }
    found = {
        "total_return": measures.total_return(equity),
        "max_drawdown": measures.max_drawdown(equity),
        "sharpe_ratio": measures.sharpe_ratio(series, bars_per_year=DAYS),
        "sortino_ratio": measures.sortino_ratio(series, bars_per_year=DAYS),
    }
    if len(series) >= returns.MIN_DAYS_TO_COMPOUND:
        found["annual_return"] = measures.annual_return(equity, bars_per_year=DAYS)
        found["calmar_ratio"] = measures.calmar_ratio(equity, bars_per_year=DAYS)
    return [(name, measure, float(expected[name])) for name, measure in found.items()]


def _agrees(found: Measure, expected: float) -> bool:
    """Equal to 1e-10, or undefined where the library has no finite number."""
    if found.value is None:
        return not np.isfinite(expected) or expected == 0 or abs(expected) > 1e10
    return bool(np.isclose(found.value, expected, rtol=1e-10, atol=1e-10))
