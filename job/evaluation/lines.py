"""The two lines beside the verdict, which never change its word: what the forecasts know, and which model suffices.

Both rest on paired differences alone. Forecasts that beat the share of up labels in training may still know nothing
but how much the market moves; only those that also beat a model of volatility alone are said to know its direction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from job.evaluation.paired import Estimate
from job.evaluation.reasons import reason_words
from job.settings.procedure import LabelSubject

Forecast: TypeAlias = Literal["none", "volatility only", "direction"]

BEST = "better than every baseline"


@dataclass(frozen=True, kw_only=True)
class ForecastLine:
    """What the forecasts know, and one sentence of why."""

    word: Forecast
    reason: str


@dataclass(frozen=True, kw_only=True)
class ModelLine:
    """``as good: NAME`` or ``better than every baseline``, and why."""

    word: str
    reason: str


def forecast_line(
    to_prior: Estimate | None, to_volatility: Estimate | None, *, subject: LabelSubject = "side"
) -> ForecastLine:
    """Judge pooled forecasts by their log-loss.

    Parameters
    ----------
    subject : of the label. Who forecasts how much a market moves knows volatility at most, and who forecasts what is
        over knows nothing of what comes, however well he does it.
    to_prior, to_volatility : log-loss less that of the prior of each window's training rows, and less that of a
        logistic regression on volatility alone; None where that baseline has no forecasts.
    """
    if to_prior is None or subject == "past" or not to_prior.is_below_zero:
        return ForecastLine(word="none", reason=_why_none(to_prior, subject))
    ahead = f"Its log-loss lies below {_of_the_prior(to_prior)}"
    if subject == "volatility":
        return ForecastLine(word="volatility only", reason=f"{ahead}; the label asks for no direction.")
    if to_volatility is None:
        unknown = "no model of volatility alone stands beside it, so more than that is not shown"
        return ForecastLine(word="volatility only", reason=f"{ahead}; {unknown}.")
    against_volatility = f"volatility alone ({_loss_with_interval(to_volatility)})"
    if not to_volatility.is_below_zero:
        return ForecastLine(word="volatility only", reason=f"{ahead}, but not below that of {against_volatility}.")
    return ForecastLine(word="direction", reason=f"{ahead} and that of {against_volatility}.")


def _why_none(to_prior: Estimate | None, subject: LabelSubject) -> str:
    if subject == "past":
        return "The label is a move that is over when it is forecast."
    if to_prior is None:
        return "No forecast of the training share stands beside it to compare with."
    return f"Its log-loss cannot be told from, or is above, {_of_the_prior(to_prior)}."


def _of_the_prior(to_prior: Estimate) -> str:
    return f"that of the share of up labels in training ({_loss_with_interval(to_prior)})"


def model_line(simpler: Mapping[str, Estimate], others: Mapping[str, Estimate]) -> ModelLine:
    """Name the simplest rule or model that the traded one is not shown to beat.

    Parameters
    ----------
    simpler : Sharpe ratio of the traded model less that of each simpler rule or model, the simplest first; at least
        one.
    others : the same of those that are no simpler, likewise in order.

    Notes
    -----
    Only a simpler one makes the traded model superfluous, so a simpler one is named before any other. Where each of
    those was beaten but another was not, that one is named, and the reason says that it is no simpler: not every
    baseline was beaten, and who trades a simple model should know which one is as good.
    """
    for name, difference in simpler.items():
        if not difference.is_above_zero:
            return ModelLine(word=f"as good: {name}", reason=_why_as_good(name, difference))
    for name, difference in others.items():
        if not difference.is_above_zero:
            no_simpler = f"Every simpler one is beaten, and {name} is no simpler."
            return ModelLine(word=f"as good: {name}", reason=f"{no_simpler} {_why_as_good(name, difference)}")
    name, difference = min({**simpler, **others}.items(), key=lambda item: item[1].value.rank)
    lead = _with_interval(difference, 2)
    return ModelLine(word=BEST, reason=f"Even of {name}, the closest, its Sharpe ratio is ahead by {lead}.")


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
