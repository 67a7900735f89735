import numpy as np
import pytest
import torch

from job.model.classifier import ValidatedFit, mean_log_loss
from job.model.mlp import MlpClassifier, MlpLearner, PlainNetwork
from job.model.scaling import RobustScaler
from job.settings.procedure import ModelSettings
from tests.support.labelled import random_rows

CPU = torch.device("cpu")


def make_learner(*, stream: int = 0, **settings: object) -> MlpLearner:
    """A learner with the defaults' thirty epochs."""
    return MlpLearner(ModelSettings(**settings), stream=stream, device=CPU)


def state(classifier: MlpClassifier) -> bytes:
    """Every learned number."""
    return b"".join(value.numpy().tobytes() for value in classifier.network.state_dict().values())


def test_network_is_linear_relu_linear() -> None:
    """A known number: relu(2·1 - 1·3 + 0.5) = 0 and relu(1 + 3 - 1) = 3, of which twice is 6, less 1."""
    network = PlainNetwork(2, prior=0.5, generator=torch.Generator())
    with torch.no_grad():
        network.hidden.zero_()
        network.hidden[:, :2] = torch.tensor([[2.0, 1.0], [-1.0, 1.0]])
        network.hidden_bias[:2] = torch.tensor([0.5, -1.0])
        network.output[:2] = torch.tensor([7.0, 2.0])
        network.output_bias.fill_(-1.0)
        assert network(torch.tensor([[1.0, 3.0]])).tolist() == [5.0]


def test_untrained_network_is_the_prior() -> None:
    """With no epoch chosen it forecasts the training rows' share of up."""
    rows = random_rows(300)
    classifier, _ = make_learner().refit(rows, (ValidatedFit(probability=np.empty(0), losses={0.0: 0.5}),))
    np.testing.assert_allclose(classifier.predict(rows.features), rows.up.mean(), rtol=1e-5)


def test_learner_finds_an_interaction_that_no_linear_model_sees() -> None:
    """The sign of a product of two features is learned at the default settings."""
    generator = np.random.default_rng(3)
    rows, validation = random_rows(1500, num_features=4), random_rows(500, num_features=4, seed=5, first_bar=2000)
    for part in (rows, validation):
        product = np.sign(part.features[:, 0] * part.features[:, 1])
        part.up[:] = generator.random(len(part)) < 1 / (1 + np.exp(-3 * product))
    result = make_learner().validate(rows, validation, block=0)
    assert mean_log_loss(validation.up, result.probability) < np.log(2) - 0.1


def test_learner_stays_near_the_prior_on_noise() -> None:
    """Early stopping keeps what it has learned of noise small."""
    rows, validation = random_rows(900, num_features=20), random_rows(300, num_features=20, seed=5, first_bar=1000)
    learner = make_learner()
    classifier, _ = learner.refit(rows, (learner.validate(rows, validation, block=0),))
    unseen = random_rows(2000, num_features=20, seed=9, first_bar=3000)
    prior = mean_log_loss(unseen.up, np.full(2000, rows.up.mean()))
    assert mean_log_loss(unseen.up, classifier.predict(unseen.features)) < prior + 0.01


def test_losses_are_those_of_all_labelled_validation_rows() -> None:
    """The forecast's log-loss is the lowest of the curve; unlabelled rows are forecast too."""
    rows, validation = random_rows(400, strength=1.0), random_rows(200, strength=1.0, seed=5, first_bar=1000)
    validation.up[::7] = np.nan
    result = make_learner(epochs=8).validate(rows, validation, block=0)
    known = np.isfinite(validation.up)
    assert len(result.probability) == 200
    assert tuple(result.losses) == tuple(range(len(result.curve.training) + 1))
    loss = mean_log_loss(validation.up[known], result.probability[known])
    assert loss == pytest.approx(min(result.losses.values()), rel=1e-5)


def test_fits_depend_on_seed_stream_and_part_alone() -> None:
    """Equal to the bit whatever the global generator does; another address gives other weights."""
    rows, validation = random_rows(300, strength=1.0), random_rows(100, seed=5, first_bar=1000)

    def fitted(**changes: int) -> bytes:
        learner = make_learner(stream=changes.get("stream", 0), seed=changes.get("seed", 0), epochs=2)
        chosen = ValidatedFit(probability=np.empty(0), losses={2.0: 0.5})
        return state(learner.refit(rows, (chosen,) * changes.get("blocks", 2))[0])

    first = fitted()
    torch.manual_seed(5)
    assert fitted() == first
    assert len({first, fitted(stream=1), fitted(seed=1), fitted(blocks=1)}) == 4
    before = torch.get_rng_state()
    make_learner(epochs=1).validate(rows, validation, block=0)
    assert torch.equal(before, torch.get_rng_state())


def test_scaler_is_made_of_training_rows_alone() -> None:
    """Validation rows do not move it."""
    rows = random_rows(200)
    classifier, _ = make_learner(epochs=1).refit(rows, (ValidatedFit(probability=np.empty(0), losses={1.0: 0.5}),))
    np.testing.assert_array_equal(classifier.scaler.center, RobustScaler.fit(rows.features).center)
