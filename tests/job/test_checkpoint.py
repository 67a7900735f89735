import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from job.checkpoint import checkpoint_bytes
from job.model.calibration import shrink
from job.model.classifier import Classifier
from job.model.fit import LorentzianClassifier, LorentzianLearner
from job.model.logistic import LogisticLearner
from job.model.lorentzian import LorentzianNCA
from job.model.scaling import RobustScaler
from job.procedure import TrainedProcedure
from job.settings.groups import ModelSettings
from job.signals import NEVER, Thresholds
from tests.support.labelled import random_rows
from tests.support.runs import example_run

RUN = example_run(1)
THRESHOLDS = Thresholds(buy=0.56, sell=0.41)


def trained_with(classifier: Classifier, thresholds: Thresholds = THRESHOLDS) -> TrainedProcedure:
    """A trained procedure around a classifier."""
    example = RUN.trained["prior"]
    return replace(example, classifier=classifier, slope=0.7, choice=replace(example.choice, thresholds=thresholds))


@pytest.fixture(scope="module")
def lorentzian() -> Classifier:
    """A classifier that has learned from 200 rows for two epochs."""
    learner = LorentzianLearner(ModelSettings(epochs=2), stream=0, device=torch.device("cpu"))
    rows, validation = random_rows(200, strength=1.0), random_rows(100, strength=1.0, seed=1, first_bar=300)
    return learner.refit(rows, (learner.validate(rows, validation, block=0),))[0]


@pytest.fixture(scope="module")
def logistic() -> Classifier:
    """A classifier fitted to the same rows."""
    learner = LogisticLearner()
    rows, validation = random_rows(200, strength=1.0), random_rows(100, strength=1.0, seed=1, first_bar=300)
    return learner.refit(rows, (learner.validate(rows, validation, block=0),))[0]


def load(data: bytes) -> dict[str, Any]:
    """Read a checkpoint as a careful stranger does."""
    content: dict[str, Any] = torch.load(io.BytesIO(data), weights_only=True)
    return content


def scaler_of(content: dict[str, Any]) -> RobustScaler:
    """The stored scaler."""
    return RobustScaler(center=content["scaler"]["center"].numpy(), range=content["scaler"]["range"].numpy())


def test_checkpoint_is_data_and_says_everything(lorentzian: Classifier) -> None:
    """It loads without running code, and holds the settings, features, thresholds and costs of a forecast."""
    content = load(checkpoint_bytes(trained_with(lorentzian), RUN.plan))
    assert content["kind"] == "lorentzian"
    assert content["feature_set"] == RUN.plan.feature_set
    assert content["feature_names"] == list(RUN.plan.feature_names)
    assert content["procedure"] == RUN.plan.procedure.model_dump(mode="json")
    assert content["procedure"]["costs"] == {"fee_bps": 5.0, "slippage_bps": 2.0}
    assert content["thresholds"] == {"buy": 0.56, "sell": 0.41}
    assert (content["prior"], content["slope"]) == (RUN.trained["prior"].prior, 0.7)
    assert isinstance(lorentzian, LorentzianClassifier)
    assert torch.equal(content["bank"]["features"], lorentzian.bank)
    assert torch.equal(content["bank"]["up"], lorentzian.bank_up)
    assert scaler_of(content).center.tobytes() == lorentzian.scaler.center.tobytes()


def test_checkpoint_forecasts_what_the_network_forecast(lorentzian: Classifier) -> None:
    """A network rebuilt from nothing but the file gives the same calibrated probabilities, to the bit."""
    trained, rows = trained_with(lorentzian), random_rows(50, seed=3)
    content = load(checkpoint_bytes(trained, RUN.plan))
    network = LorentzianNCA(rows.features.shape[1], prior=0.5)
    network.load_state_dict(content["state_dict"])
    rebuilt = LorentzianClassifier(
        scaler=scaler_of(content),
        network=network,
        bank=content["bank"]["features"],
        bank_up=content["bank"]["up"],
    )
    forecast = shrink(rebuilt.predict(rows.features), prior=content["prior"], slope=content["slope"])
    assert forecast.tobytes() == trained.forecast(rows.features).tobytes()


def test_checkpoint_forecasts_what_the_regression_forecast(logistic: Classifier) -> None:
    """So does a logistic regression, whose numbers are stored in the precision that they were fitted in."""
    rows = random_rows(50, seed=3)
    content = load(checkpoint_bytes(trained_with(logistic), RUN.plan))
    assert content["kind"] == "logistic"
    state = content["state_dict"]
    assert state["coefficients"].dtype == state["intercept"].dtype == torch.float64
    scaled = scaler_of(content).transform(rows.features).astype(np.float64)
    logit = scaled @ state["coefficients"].numpy() + float(state["intercept"])
    np.testing.assert_allclose(1 / (1 + np.exp(-logit)), logistic.predict(rows.features), rtol=1e-12)


def test_checkpoint_of_equal_content_has_equal_bytes(lorentzian: Classifier, logistic: Classifier) -> None:
    """Nothing but the content is in the file; thresholds are part of it, and so is the legal answer "never"."""
    for classifier in (lorentzian, logistic):
        data = checkpoint_bytes(trained_with(classifier), RUN.plan)
        assert checkpoint_bytes(trained_with(classifier), RUN.plan) == data
        assert checkpoint_bytes(trained_with(classifier), RUN.plan.model_copy(update={"run_id": "b"})) == data
        flat = checkpoint_bytes(trained_with(classifier, NEVER), RUN.plan)
        assert flat != data
        assert load(flat)["thresholds"] == {"buy": NEVER.buy, "sell": NEVER.sell}
