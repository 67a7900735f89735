"""How numbers are written, in one place, for the page, the terminal and the pictures.

A number that does not exist is a dash and its reason in words; it is never written as 0.
"""

from collections.abc import Callable
from typing import TypeAlias

from job.records import IntervalRecord, MeasureRecord

Form: TypeAlias = Callable[[float], str]

DASH = "–"

_REASONS = {
    "no_trades": "no trades",
    "no_losses": "no losses",
    "no_wins": "no wins",
    "no_drawdown": "no drawdown",
    "no_edge_before_costs": "no edge even without costs",
    "zero_variance": "never varies",
    "too_short": "too few days",
    "one_class": "labels of one side only",
    "constant_forecast": "forecast never varies",
    "certain_prior": "prior is certain",
    "extreme_moments": "returns too extreme",
    "not_above_benchmark": "not above zero",
}


def percent(value: float) -> str:
    """A gain or a loss: ``+3.2%``."""
    written = f"{value:+.1%}"
    return "0.0%" if written in {"+0.0%", "-0.0%"} else written


def share(value: float) -> str:
    """A part of a whole: ``48%``."""
    return f"{value:.0%}"


def ratio(value: float) -> str:
    """A pure number: ``1.23``."""
    return f"{value:z,.2f}"


def loss(value: float) -> str:
    """A loss or a score of forecasts, where the third digit matters: ``0.6931``."""
    return f"{value:z.4f}"


def probability(value: float) -> str:
    """``0.953``; what would round to certainty says so."""
    if 0 < value < 0.001:
        return "<0.001"
    return ">0.999" if 0.999 < value < 1 else f"{value:.3f}"


def bps(value: float) -> str:
    """Basis points: ``7.0 bps``."""
    return f"{value:z,.1f} bps"


def count(value: float) -> str:
    """A whole number: ``1,234``."""
    return f"{round(value):,}"


def reason_words(reason: str | None) -> str:
    """A reason in words; one that is new here is written as it is."""
    return _REASONS.get(reason or "", (reason or "unknown").replace("_", " "))


def shown(measure: MeasureRecord, form: Form) -> str:
    """A measure in its form, or a dash and why."""
    if measure.value is None:
        return f"{DASH} ({reason_words(measure.reason)})"
    return form(measure.value)


def shown_interval(interval: IntervalRecord, form: Form = ratio) -> str:
    """``1.40 to 7.35``, or a dash and why."""
    if interval.low is None or interval.high is None:
        return f"{DASH} ({reason_words(interval.reason)})"
    return f"{form(interval.low)} to {form(interval.high)}"
