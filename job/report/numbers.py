"""How numbers are written, in one place, for the page, the terminal and the pictures.

A number that does not exist is a dash and its reason in words; it is never written as 0.
"""

from collections.abc import Callable
from typing import TypeAlias

from job.evaluation.probabilities import written_probability
from job.evaluation.reasons import reason_words
from job.records import EstimateRecord, IntervalRecord, MeasureRecord

Form: TypeAlias = Callable[[float], str]

DASH = "–"


def percent(value: float) -> str:
    """A gain or a loss: ``+3.2%``."""
    written = f"{value:+.1%}"
    return "0.0%" if written in {"+0.0%", "-0.0%"} else written


def amount(value: float) -> str:
    """A fraction that is neither gain nor loss, in percent: ``16.1%``."""
    return f"{value:z.1%}"


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
    """``0.953``, as verdicts write it; what would round to certainty says so."""
    return written_probability(value)


def bps(value: float) -> str:
    """Basis points: ``7.0 bps``."""
    return f"{value:z,.1f} bps"


def count(value: float) -> str:
    """A whole number: ``1,234``."""
    return f"{round(value):,}"


def megabytes(num_bytes: float) -> str:
    """A size: ``12.3 MB``."""
    return f"{num_bytes / 1e6:,.1f} MB"


def shown(measure: MeasureRecord, form: Form) -> str:
    """A measure in its form, or a dash and why."""
    if measure.value is None:
        return f"{DASH} ({reason_words(measure.reason)})"
    return form(measure.value)


def signed_ratio(value: float) -> str:
    """A difference of pure numbers: ``+1.23``."""
    return f"{value:+z.2f}"


def signed_loss(value: float) -> str:
    """A difference of losses, where the fifth digit matters: ``-0.00123``."""
    return f"{value:+z.5f}"


def daily_percent(value: float) -> str:
    """A mean daily return, where the second digit of a percent matters: ``+0.05%``."""
    return f"{value:+z.2%}"


def shown_estimate(estimate: EstimateRecord, form: Form) -> str:
    """``+1.23 (+0.40 to +2.06)``; a number without an interval says why it has none."""
    if estimate.value is None:
        return f"{DASH} ({reason_words(estimate.reason)})"
    if estimate.low is None or estimate.high is None:
        return f"{form(estimate.value)} ({reason_words(estimate.reason)})"
    return f"{form(estimate.value)} ({form(estimate.low)} to {form(estimate.high)})"


def shown_interval(interval: IntervalRecord, form: Form = ratio) -> str:
    """``1.40 to 7.35``, or a dash and why."""
    if interval.low is None or interval.high is None:
        return f"{DASH} ({reason_words(interval.reason)})"
    return f"{form(interval.low)} to {form(interval.high)}"
