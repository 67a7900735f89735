from dataclasses import replace

import numpy as np
import pytest

from job.errors import ConfigError
from job.features.registry import feature_set
from job.model.logistic import LogisticLearner
from job.model.volatility import VolatilityLearner, volatility_columns
from tests.support.labelled import random_rows

NAMES = ("log_return_1", "atr_14", "log_range_1", "ewm_volatility", "day_sine", "week_sine")
HOURS = ["day_sine", "day_cosine", "half_day_sine", "half_day_cosine"]


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ("5m", ["atr_14", "ewm_volatility", *HOURS]),
        ("15m", ["atr_14", "ewm_volatility", *HOURS]),
        ("1h", ["mean_true_range_14", "volatility", *HOURS]),
    ],
)
def test_columns_of_the_core_set_are_volatility_and_hour(interval: str, expected: list[str]) -> None:
    """Of the default features, the market's own volatility and the hour of day, and nothing else."""
    names = feature_set("core", interval, ("BTCUSDT", "ETHUSDT")).record.names
    assert [names[column] for column in volatility_columns(names)] == expected


def test_columns_match_whole_names() -> None:
    """Names that only contain a word of the list are left out."""
    assert volatility_columns((*NAMES, "btcusdt_volatility_48", "1h_atr_14", "day_sine_2")).tolist() == [1, 3, 4]


def test_a_feature_set_without_volatility_is_refused() -> None:
    """There would be nothing to learn from, and the error says so."""
    with pytest.raises(ConfigError, match="no column of volatility"):
        VolatilityLearner(("log_return_1", "week_sine"))


def test_learner_is_a_logistic_regression_on_its_columns() -> None:
    """The same penalties, losses and forecasts as a regression that is given those columns alone."""
    fit, validation = random_rows(400, strength=1.0, seed=1), random_rows(200, strength=1.0, seed=2, first_bar=500)
    few = [1, 3, 4]
    learner, plain = VolatilityLearner(NAMES), LogisticLearner()
    own = learner.validate(fit, validation, block=0)
    expected = plain.validate(
        replace(fit, features=fit.features[:, few]), replace(validation, features=validation.features[:, few]), block=0
    )
    assert own.losses == expected.losses
    np.testing.assert_array_equal(own.probability, expected.probability)
    classifier, _ = learner.refit(fit, (own,))
    reference, _ = plain.refit(replace(fit, features=fit.features[:, few]), (own,))
    np.testing.assert_array_equal(
        classifier.predict(validation.features), reference.predict(validation.features[:, few])
    )


def test_learner_does_not_see_the_other_columns() -> None:
    """A signal in a column that is not its own is noise to it; in one of its own it is found."""
    losses = {}
    for column in (2, 3):
        fit = random_rows(600, strength=2.0, signal_feature=column, seed=1)
        validation = random_rows(300, strength=2.0, signal_feature=column, seed=2, first_bar=700)
        losses[column] = min(VolatilityLearner(NAMES).validate(fit, validation, block=0).losses.values())
    assert losses[2] > 0.68
    assert losses[3] < 0.6
