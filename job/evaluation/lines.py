"""The two lines beside the verdict, which never change its word: what the forecasts know, and which model suffices.

Both rest on paired differences alone. Forecasts that beat the share of up labels in training may still know nothing
but how much the market moves; only those that also beat a model of volatility alone are said to know its direction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from job.evaluation.paired import Estimate
from job.evaluation.reasons import reason_words

Forecast: TypeAlias = Literal["none", "volatility only", "direction"]

BEST = "better than every baseline"
BEST_OF_SIMPLER = "better than every simpler baseline"


@dataclass(frozen=True, kw_only=True)
class ForecastLine:
    """What the forecasts know, and one sentence of why."""

    word: Forecast
    reason: str


@dataclass(frozen=True, kw_only=True)
class ModelLine:
    """``as good: NAME``, ``better than every baseline`` or ``better than every simpler baseline``, and why."""

    word: str
    reason: str


def forecast_line(to_prior: Estimate | None, to_volatility: Estimate | None) -> ForecastLine:
    """Judge pooled forecasts by their log-loss.

    Parameters
    ----------
    to_prior, to_volatility : log-loss less that of the prior of each window's training rows, and less that of a
        logistic regression on volatility alone; None where that baseline has no forecasts.
    """
    if to_prior is None:
        return ForecastLine(word="none", reason="No forecast of the training share stands beside it to compare with.")
    against_prior = f"that of the share of up labels in training ({_loss_with_interval(to_prior)})"
    if not to_prior.is_below_zero:
        return ForecastLine(word="none", reason=f"Its log-loss cannot be told from, or is above, {against_prior}.")
    ahead = f"Its log-loss lies below {against_prior}"
    if to_volatility is None:
        unknown = "no model of volatility alone stands beside it, so more than that is not shown"
        return ForecastLine(word="volatility only", reason=f"{ahead}; {unknown}.")
    against_volatility = f"volatility alone ({_loss_with_interval(to_volatility)})"
    if not to_volatility.is_below_zero:
        return ForecastLine(word="volatility only", reason=f"{ahead}, but not below that of {against_volatility}.")
    return ForecastLine(word="direction", reason=f"{ahead} and that of {against_volatility}.")


def model_line(simpler: Mapping[str, Estimate], others: Mapping[str, Estimate]) -> ModelLine:
    """Name the simplest rule or model that the traded one is not shown to beat.

    Parameters
    ----------
    simpler : Sharpe ratio of the traded model less that of each simpler rule or model, the simplest first; at least
        one.
    others : the same of those that are no simpler.

    Notes
    -----
    Only a simpler one makes the traded model superfluous, so only a simpler one is called as good. Where none is, the
    word says whether everything was beaten or only what is simpler.
    """
    for name, difference in simpler.items():
        if not difference.is_above_zero:
            return ModelLine(word=f"as good: {name}", reason=_why_as_good(name, difference))
    unbeaten = {name: difference for name, difference in others.items() if not difference.is_above_zero}
    if unbeaten:
        name, difference = _closest(unbeaten)
        reason = f"No simpler one is as good, but {name} is not simpler. {_why_as_good(name, difference)}"
        return ModelLine(word=BEST_OF_SIMPLER, reason=reason)
    name, difference = _closest({**simpler, **others})
    lead = _with_interval(difference, 2)
    return ModelLine(word=BEST, reason=f"Even of {name}, the closest, its Sharpe ratio is ahead by {lead}.")


def _closest(differences: Mapping[str, Estimate]) -> tuple[str, Estimate]:
    return min(differences.items(), key=lambda item: item[1].value.rank)


def _why_as_good(name: str, difference: Estimate) -> str:
    if difference.interval.low is None:
        return f"Its Sharpe ratio cannot be compared with that of {name} ({reason_words(difference.interval.reason)})."
    found = "is better" if difference.is_below_zero else "is not shown to be worse"
    return f"The Sharpe ratio less that of {name} is {_with_interval(difference, 2)}: {name} {found}."


def _loss_with_interval(difference: Estimate) -> str:
    if difference.value.value is None:
        return f"no difference, {reason_words(difference.value.reason)}"
    return f"difference {_with_interval(difference, 5)}"


def _with_interval(difference: Estimate, digits: int) -> str:
    value, interval = difference.value.value, difference.interval
    if interval.low is None or interval.high is None:
        return f"{value:+.{digits}f}, no interval: {reason_words(interval.reason)}"
    return f"{value:+.{digits}f}, 95 % interval {interval.low:+.{digits}f} to {interval.high:+.{digits}f}"
