"""Numbers in words: what is written, and that nothing undefined is ever written as a number."""

from typing import get_args

import pytest

from job.evaluation.measure import Reason
from job.records import EstimateRecord, IntervalRecord, MeasureRecord
from job.report import numbers
from job.report.numbers import (
    bps,
    count,
    daily_percent,
    loss,
    percent,
    probability,
    ratio,
    reason_words,
    share,
    shown,
    shown_estimate,
    shown_interval,
    signed_loss,
    signed_ratio,
)


@pytest.mark.parametrize(
    ("form", "value", "written"),
    [
        (percent, 0.0324, "+3.2%"),
        (percent, -0.187, "-18.7%"),
        (percent, -0.0001, "0.0%"),
        (percent, 0.0, "0.0%"),
        (share, 0.524, "52%"),
        (ratio, -0.001, "0.00"),
        (ratio, 1234.5, "1,234.50"),
        (loss, 0.69314, "0.6931"),
        (probability, 0.9996, ">0.999"),
        (probability, 0.0002, "<0.001"),
        (probability, 1.0, "1.000"),
        (probability, 0.0, "0.000"),
        (bps, 7.0, "7.0 bps"),
        (count, 6661.0, "6,661"),
    ],
)
def test_form_writes_known_number(form: numbers.Form, value: float, written: str) -> None:
    """Each form writes a number in one way, without a negative zero or a false certainty."""
    assert form(value) == written


@pytest.mark.parametrize("form", [percent, share, ratio, loss, probability, bps, count])
@pytest.mark.parametrize("reason", get_args(Reason))
def test_shown_undefined_is_dash_and_words(form: numbers.Form, reason: str) -> None:
    """A number that does not exist is a dash with its reason in plain words, in every form."""
    written = shown(MeasureRecord(value=None, reason=reason), form)
    assert written == f"– ({reason_words(reason)})"
    assert "_" not in written
    assert not any(character.isdigit() for character in written)


def test_shown_interval_needs_both_bounds() -> None:
    """An interval shows both ends, or why there are none."""
    assert shown_interval(IntervalRecord(low=-1.234, high=5.0)) == "-1.23 to 5.00"
    assert shown_interval(IntervalRecord(low=None, high=None, reason="too_short")) == "– (too few days)"


def test_shown_estimate_is_a_number_and_its_interval() -> None:
    """Signs in front of differences, both bounds behind, and the reason where one of the two is missing."""
    whole = EstimateRecord(value=1.234, low=-0.5, high=2.0)
    assert shown_estimate(whole, signed_ratio) == "+1.23 (-0.50 to +2.00)"
    assert shown_estimate(EstimateRecord(value=1.0, low=None, high=None, reason="too_short"), signed_ratio) == (
        "+1.00 (too few days)"
    )
    missing = EstimateRecord(value=None, low=None, high=None, reason="no_trades")
    assert shown_estimate(missing, signed_ratio) == "– (no trades)"
    assert (signed_loss(-0.00123), daily_percent(0.0005)) == ("-0.00123", "+0.05%")
