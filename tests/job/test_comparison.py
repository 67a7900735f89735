"""The traded model beside the others: which of them are simpler is decided by one list."""

from dataclasses import replace

import numpy as np
import pytest

from job.comparison import SIMPLEST_FIRST, Comparison, compare
from job.evaluation.bootstrap import draw_days
from job.model.knn import CANDIDATES
from job.records import FLAT, LAST_RETURN, LONG, POOLED, SCRATCH, ProcedureRecord
from job.settings.procedure import ModelSettings
from job.slice_outcome import PINE
from tests.support.runs import TRADED, example_run

RUN = example_run(9)
DAY = RUN.evaluation.day
NOISE = 0.001 * np.random.default_rng(2).standard_normal((20, len(DAY)))


def compared(traded: str, means: dict[str, float]) -> Comparison:
    """Daily returns with these means and hardly any noise, beside flat ones of the rules."""
    daily = {name: mean + noise for (name, mean), noise in zip(means.items(), NOISE, strict=False)}
    daily |= {name: np.zeros(len(DAY)) for name in (FLAT, LONG, LAST_RETURN)}
    whole = RUN.evaluation.tests
    tests = replace(whole, probability={traded: whole.probability[TRADED]})
    draws = draw_days(daily[traded], rng=np.random.default_rng(0), num_draws=200)
    return compare(traded, tests, day=DAY, daily=daily, draws=draws)


@pytest.mark.parametrize(
    ("traded", "means", "word"),
    [
        ("logistic", {"logistic": 0.002, "lightgbm": 0.002}, "as good: lightgbm"),
        ("lightgbm", {"logistic": 0.002, "lightgbm": 0.002}, "as good: logistic"),
        ("logistic", {"logistic": 0.002, "lightgbm": 0.0}, "better than every baseline"),
        ("lorentzian", {"lorentzian": 0.002, "mlp": 0.004}, "as good: mlp"),
        ("logistic", {"logistic": 0.0, "lightgbm": 0.0}, "as good: always-flat"),
    ],
)
def test_simplest_that_is_as_good_is_named(traded: str, means: dict[str, float], word: str) -> None:
    """A simpler one before any other; one that is no simpler where every simpler one is beaten."""
    found = compared(traded, means)
    assert found.model.word == word
    assert list(found.differences)[:3] == [FLAT, LONG, LAST_RETURN]


def test_every_baseline_has_its_place() -> None:
    """Every model that can be traded, every rule and every number of neighbours is in the list, once."""
    words = ProcedureRecord.model_fields["model"].annotation
    assert words is ModelSettings
    traded = set(ModelSettings.model_json_schema()["properties"]["model"]["enum"])
    named = {FLAT, LONG, LAST_RETURN, PINE, "prior", "volatility", "lorentzian-knn-8", "lorentzian-knn-64"}
    named |= {SCRATCH, POOLED}
    assert {8, 64} <= set(CANDIDATES)
    assert len(set(SIMPLEST_FIRST)) == len(SIMPLEST_FIRST)
    assert set(SIMPLEST_FIRST) == named | traded
