import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from job.checkpoint import checkpoint_bytes, read_checkpoint
from job.errors import DataError
from job.model.blend import BLEND, MEMBERS, BlendClassifier, mix
from job.model.calibration import shrink
from job.model.classifier import Classifier
from job.model.fit import LorentzianClassifier
from job.model.knn import KnnClassifier, NeighbourBank, NeighbourSearch
from job.model.lorentzian import LorentzianNCA
from job.model.mlp import MlpClassifier, PlainNetwork
from job.model.scaling import RobustScaler
from job.signals import NEVER
from tests.support.fitted import MODELS, RUN, fit_classifier, trained_with
from tests.support.labelled import random_rows


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Small arrays are fastest on one thread, and a busy machine stays fair."""
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def classifiers() -> dict[str, Classifier]:
    """One of each kind that can trade."""
    return {model: fit_classifier(model) for model in MODELS}


@pytest.fixture(scope="module")
def lorentzian(classifiers: dict[str, Classifier]) -> Classifier:
    """The learned vote."""
    return classifiers["lorentzian"]


@pytest.fixture(scope="module")
def logistic(classifiers: dict[str, Classifier]) -> Classifier:
    """The regression."""
    return classifiers["logistic"]


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
    assert content["procedure"]["costs"] == {"fee_bps": 5.0, "slippage_bps": 2.0, "funding_bps": None}
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
        log_weights=content["bank"]["log_weights"],
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


def test_checkpoint_forecasts_what_the_plain_network_forecast(classifiers: dict[str, Classifier]) -> None:
    """A network rebuilt from its weights and scaler gives the same bits."""
    rows = random_rows(50, seed=3)
    content = load(checkpoint_bytes(trained_with(classifiers["mlp"]), RUN.plan))
    network = PlainNetwork(rows.features.shape[1], prior=0.5, generator=torch.Generator())
    network.load_state_dict(content["state_dict"])
    rebuilt = MlpClassifier(scaler=scaler_of(content), network=network)
    assert rebuilt.predict(rows.features).tobytes() == classifiers["mlp"].predict(rows.features).tobytes()


def test_checkpoint_forecasts_what_the_trees_forecast(classifiers: dict[str, Classifier]) -> None:
    """LightGBM reads its own text back, and gives the same bits."""
    import lightgbm

    rows = random_rows(50, seed=3)
    content = load(checkpoint_bytes(trained_with(classifiers["lightgbm"]), RUN.plan))
    forecast = lightgbm.Booster(model_str=content["model"]).predict(rows.features, num_threads=1)
    assert forecast.tobytes() == classifiers["lightgbm"].predict(rows.features).tobytes()


def test_checkpoint_forecasts_what_the_neighbours_forecast(classifiers: dict[str, Classifier]) -> None:
    """Bank, scaler and number of neighbours are all that a vote needs."""
    rows = random_rows(50, seed=3)
    content = load(checkpoint_bytes(trained_with(classifiers["lorentzian-knn"]), RUN.plan))
    rebuilt = KnnClassifier(
        scaler=scaler_of(content),
        bank=NeighbourBank(features=content["bank"]["features"].numpy(), up=content["bank"]["up"].numpy()),
        num_neighbours=content["num_neighbours"],
        search=NeighbourSearch(device=torch.device("cpu")),
    )
    assert rebuilt.predict(rows.features).tobytes() == classifiers["lorentzian-knn"].predict(rows.features).tobytes()


def test_checkpoint_of_a_blend_holds_its_members(classifiers: dict[str, Classifier]) -> None:
    """Each as it would be stored alone, with its weight and calibration: all that the blend's forecast is made of."""
    blended, rows = classifiers[BLEND], random_rows(50, seed=3)
    assert isinstance(blended, BlendClassifier)
    members = load(checkpoint_bytes(trained_with(blended), RUN.plan))["members"]
    assert list(members) == list(MEMBERS)
    forecasts = []
    for name, each in members.items():
        alone = load(checkpoint_bytes(trained_with(classifiers[name]), RUN.plan))
        assert each["kind"] == alone["kind"] == name
        assert {"weight", "prior", "slope"} <= each.keys()
        forecasts.append(shrink(classifiers[name].predict(rows.features), prior=each["prior"], slope=each["slope"]))
    assert members["lightgbm"]["model"].startswith("tree\n")
    mixed = mix(np.stack(forecasts), np.array([each["weight"] for each in members.values()]))
    np.testing.assert_allclose(mixed, blended.predict(rows.features), rtol=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_checkpoint_of_equal_content_has_equal_bytes(model: str, classifiers: dict[str, Classifier]) -> None:
    """Nothing but the content is in the file; thresholds are part of it, and so is the legal answer "never"."""
    classifier = classifiers[model]
    data = checkpoint_bytes(trained_with(classifier), RUN.plan)
    assert load(data)["kind"] == model
    assert checkpoint_bytes(trained_with(fit_classifier(model)), RUN.plan) == data
    assert checkpoint_bytes(trained_with(classifier), RUN.plan.model_copy(update={"run_id": "b"})) == data
    flat = checkpoint_bytes(trained_with(classifier, NEVER), RUN.plan)
    assert flat != data
    assert load(flat)["thresholds"] == {"buy": NEVER.buy, "sell": NEVER.sell}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_to_a_checkpoint_is_refused_or_harmless(logistic: Classifier, data: st.DataObject) -> None:
    """Some bytes changed, cut off or put in: the same fields come back, or one error that names the file."""
    whole = checkpoint_bytes(trained_with(logistic), RUN.plan)
    place = data.draw(st.integers(0, len(whole)))
    gone = data.draw(st.sampled_from([0, 1, 8, len(whole)]))
    try:
        content = read_checkpoint(
            whole[:place] + data.draw(st.binary(max_size=8)) + whole[place + gone :], where="a.pt"
        )
    except DataError as error:
        assert error.message.startswith("a.pt ")
    else:
        assert content.keys() == load(whole).keys()
