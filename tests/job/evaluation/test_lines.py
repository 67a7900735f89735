import pytest

from job.evaluation.bootstrap import Interval
from job.evaluation.lines import forecast_line, model_line
from job.evaluation.measure import Measure
from job.evaluation.paired import Estimate


def estimate(low: float, high: float) -> Estimate:
    """A difference in the middle of its interval."""
    return Estimate(value=Measure.of((low + high) / 2), interval=Interval(low=low, high=high))


BELOW, ACROSS, ABOVE = estimate(-0.002, -0.001), estimate(-0.001, 0.001), estimate(0.001, 0.002)
TOO_SHORT = Estimate(value=Measure.of(-0.1), interval=Interval(low=None, high=None, reason="too_short"))


@pytest.mark.parametrize(
    ("to_prior", "to_volatility", "word", "fragments"),
    [
        (BELOW, BELOW, "direction", ("-0.00150", "-0.00200 to -0.00100", "volatility alone")),
        (BELOW, ACROSS, "volatility only", ("but not below that of volatility alone", "-0.00100 to +0.00100")),
        (BELOW, ABOVE, "volatility only", ("but not below",)),
        (BELOW, None, "volatility only", ("no model of volatility alone",)),
        (ACROSS, BELOW, "none", ("cannot be told from",)),
        (ABOVE, BELOW, "none", ("is above",)),
        (TOO_SHORT, BELOW, "none", ("too few days",)),
        (None, BELOW, "none", ("No forecast",)),
        (estimate(-0.002, 0.0), BELOW, "none", ("cannot be told",)),
    ],
)
def test_forecast_line_needs_the_whole_interval(
    to_prior: Estimate | None, to_volatility: Estimate | None, word: str, fragments: tuple[str, ...]
) -> None:
    """Direction is known where both comparisons lie below 0, volatility where the first does, else nothing."""
    line = forecast_line(to_prior, to_volatility)
    assert line.word == word
    for fragment in fragments:
        assert fragment in line.reason
    assert line.reason.endswith(".") and "\n" not in line.reason


def test_forecast_line_of_a_label_without_a_side() -> None:
    """However good: volatility is all that can be known of volatility, and of what is over nothing that comes."""
    line = forecast_line(BELOW, BELOW, subject="volatility")
    assert line.word == "volatility only" and "no direction" in line.reason
    assert forecast_line(ACROSS, BELOW, subject="volatility").word == "none"
    for to_prior in (BELOW, ACROSS, None):
        line = forecast_line(to_prior, BELOW, subject="past")
        assert line.word == "none" and "over when it is forecast" in line.reason


def test_model_line_names_the_simplest_that_is_as_good() -> None:
    """The first in order that is not beaten, however clearly the later ones are or are not."""
    line = model_line({"always-flat": ABOVE, "logistic": ACROSS, "mlp": BELOW}, {})
    assert line.word == "as good: logistic"
    assert "+0.00" in line.reason and "logistic is not shown to be worse" in line.reason
    short = model_line({"always-flat": TOO_SHORT, "mlp": ABOVE}, {})
    assert short.word == "as good: always-flat"
    assert "too few days" in short.reason
    ahead = model_line({"always-flat": BELOW}, {})
    assert ahead.word == "as good: always-flat"
    assert "always-flat is better" in ahead.reason


def test_model_line_calls_the_best_best() -> None:
    """Only where each difference lies above 0 as a whole; the closest is named."""
    simpler, other = {"always-flat": estimate(2, 4), "logistic": estimate(0.1, 0.9)}, {"mlp": estimate(1, 2)}
    line = model_line(simpler, other)
    assert line.word == "better than every baseline"
    assert "logistic" in line.reason and "+0.50" in line.reason
    assert "mlp" in model_line({"always-flat": estimate(2, 4)}, other).reason


def test_model_line_names_a_simpler_one_first() -> None:
    """What is no simpler is named where every simpler one is beaten, and the reason says so; never before."""
    simpler = {"always-flat": ABOVE}
    line = model_line(simpler, {"lightgbm": ACROSS, "mlp": BELOW})
    assert line.word == "as good: lightgbm"
    assert "lightgbm is no simpler" in line.reason and "not shown to be worse" in line.reason
    ahead = model_line(simpler, {"lightgbm": ABOVE, "mlp": BELOW})
    assert ahead.word == "as good: mlp"
    assert "mlp is better" in ahead.reason
    assert model_line({"always-flat": ACROSS}, {"mlp": BELOW}).word == "as good: always-flat"
