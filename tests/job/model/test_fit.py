import signal

import numpy as np
import pytest
import torch

from job import interruption
from job.errors import Terminated
from job.model import effort, epochs, fit
from job.model.bank import TrainingBank, ValidationSample
from job.model.classifier import ValidatedFit, mean_log_loss
from job.model.effort import Effort
from job.model.fit import LorentzianClassifier, LorentzianLearner
from job.model.kernel import LabelSpans
from job.model.lorentzian import LorentzianNCA
from job.model.scaling import RobustScaler
from job.rows import LabelledRows
from job.sample_weights import sample_weights
from job.settings.procedure import ModelSettings
from tests.support.labelled import random_rows

CPU = torch.device("cpu")
SIGNAL = 2


def make_learner(*, stream: int = 0, seed: int = 0, **changes: object) -> LorentzianLearner:
    """A learner that is done in a second."""
    return LorentzianLearner(ModelSettings(**{"epochs": 3, "seed": seed, **changes}), stream=stream, device=CPU)


def validation_rows(strength: float, num_rows: int = 300, *, seed: int = 50, num_features: int = 6) -> LabelledRows:
    """Rows of the same kind as `random_rows`, later."""
    return random_rows(num_rows, strength=strength, seed=seed, num_features=num_features, first_bar=5000)


def weights_of(classifier: LorentzianClassifier) -> dict[str, np.ndarray]:
    """Every learned number, the scaler and the bank."""
    learned = {name: value.numpy() for name, value in classifier.network.state_dict().items()}
    return learned | {
        "center": classifier.scaler.center,
        "range": classifier.scaler.range,
        "bank": classifier.bank.numpy(),
        "bank_up": classifier.bank_up.numpy(),
        "log_weights": classifier.log_weights.numpy(),
    }


def assert_equal_bits(one: LorentzianClassifier, other: LorentzianClassifier) -> None:
    """Raise where two classifiers differ in a bit."""
    for name, value in weights_of(one).items():
        np.testing.assert_array_equal(value, weights_of(other)[name], err_msg=name)


def prior_loss(rows: LabelledRows, fitted_on: LabelledRows) -> float:
    """What the class prior scores."""
    return mean_log_loss(rows.up, np.full(len(rows), fitted_on.up.mean()))


def test_training_finds_a_planted_signal() -> None:
    """The planted feature gets the line's largest slope, and the forecast beats the prior by far."""
    rows, validation = random_rows(700, strength=1.5), validation_rows(1.5)
    learner = make_learner(epochs=5)
    result = learner.validate(rows, validation, block=0)
    assert mean_log_loss(validation.up, result.probability) < prior_loss(validation, rows) - 0.08
    classifier, _ = learner.refit(rows, (result,))
    assert int(classifier.network.slope.abs().argmax()) == SIGNAL


def test_training_on_noise_is_no_worse_than_the_prior() -> None:
    """Early stopping leaves a forecast within a hundredth of the prior's loss on rows that it never saw."""
    rows, validation = random_rows(700), validation_rows(0.0)
    learner = make_learner(epochs=5)
    classifier, _ = learner.refit(rows, (learner.validate(rows, validation, block=0),))
    unseen = validation_rows(0.0, num_rows=2000, seed=99)
    assert mean_log_loss(unseen.up, classifier.predict(unseen.features)) < prior_loss(unseen, rows) + 0.01


def test_training_depends_on_the_seed_alone() -> None:
    """Two fits are equal bit for bit; another window's stream, another part or another seed gives another fit."""
    rows, validation = random_rows(300, strength=1.0), validation_rows(1.0, 100)
    result = make_learner().validate(rows, validation, block=0)
    again = make_learner().validate(rows, validation, block=0)
    np.testing.assert_array_equal(result.probability, again.probability)
    assert (result.losses, result.curve) == (again.losses, again.curve)
    first, _ = make_learner().refit(rows, (result,))
    second, _ = make_learner().refit(rows, (again,))
    assert_equal_bits(first, second)
    others = [
        make_learner(stream=1).validate(rows, validation, block=0),
        make_learner(seed=1).validate(rows, validation, block=0),
        make_learner().validate(rows, validation, block=1),
    ]
    assert len({other.curve.training for other in (result, *others)}) == 4


def test_training_ignores_torchs_global_generator() -> None:
    """Random numbers that somebody else draws change nothing."""
    rows = random_rows(200)
    result = make_learner(epochs=1).validate(rows, validation_rows(0.0, 100), block=0)
    torch.manual_seed(12345)
    again = make_learner(epochs=1).validate(rows, validation_rows(0.0, 100), block=0)
    np.testing.assert_array_equal(result.probability, again.probability)


def test_validate_scores_every_epoch_and_the_untrained_model() -> None:
    """Candidate 0 is the line alone; the curve has a validation loss for it and one after each epoch."""
    result = make_learner(epochs=4).validate(random_rows(300), validation_rows(0.0, 100), block=0)
    assert list(result.losses) == [0, 1, 2, 3, 4]
    assert len(result.curve.training) == 4
    assert result.curve.validation == tuple(result.losses.values())
    assert result.curve.best_epoch == int(np.argmin(result.curve.validation))


def test_validate_forecasts_rows_without_labels() -> None:
    """Each validation row gets a probability, labelled or not, and unlabelled ones do not judge."""
    rows, validation = random_rows(300), validation_rows(0.0, 100)
    complete = make_learner(epochs=1).validate(rows, validation, block=0)
    validation.up[:10] = np.nan
    partial = make_learner(epochs=1).validate(rows, validation, block=0)
    assert len(partial.probability) == 100
    assert ((partial.probability > 0) & (partial.probability < 1)).all()
    assert partial.losses != complete.losses


def test_validation_rows_teach_nothing() -> None:
    """Other validation features and labels change which epoch is best, never what an epoch learned."""
    rows = random_rows(300, strength=1.0)
    one = make_learner().validate(rows, validation_rows(1.0, 100), block=0)
    other = make_learner().validate(rows, validation_rows(0.0, 100, seed=7), block=0)
    assert one.curve.training == other.curve.training


def test_refit_trains_for_the_chosen_epochs() -> None:
    """Zero epochs leave the line alone; two train twice; no validation is watched."""
    rows = random_rows(300)
    learner = make_learner(epochs=5)
    validated = learner.validate(rows, validation_rows(0.0, 100), block=0)
    for num_epochs in (0, 2):
        result = ValidatedFit(probability=validated.probability, losses={float(num_epochs): 0.1})
        classifier, curve = learner.refit(rows, (result,))
        assert (len(curve.training), curve.validation, curve.best_epoch) == (num_epochs, (), num_epochs)
        assert (classifier.network.log_scales == 0).all() == (num_epochs == 0)


def test_validation_sample_is_thinned_and_measures_the_log_loss() -> None:
    """Early stopping looks at up to twice 512 labelled rows, and at no unlabelled one; its loss is the log-loss."""
    rows, validation = random_rows(1100), validation_rows(0.0, 1300)
    validation.up[:100] = np.nan
    scaler = RobustScaler.fit(rows.features)
    sample = ValidationSample.of(validation, scaler, TrainingBank.of(rows, scaler, CPU), torch.Generator())
    assert (len(sample.up), len(sample.bank)) == (600, 1024)
    network = LorentzianNCA(6, prior=0.5)
    logit = network(sample.queries, sample.bank, sample.bank_up).detach().double().numpy()
    expected = mean_log_loss(sample.up.numpy(), 1 / (1 + np.exp(-logit)))
    assert sample.loss(network) == pytest.approx(expected, rel=1e-5)


def test_training_stops_when_validation_has_not_improved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation labels that say the opposite end the training early, and the untrained model forecasts."""
    monkeypatch.setattr(epochs, "PATIENCE_EPOCHS", 2)
    rows, validation = random_rows(500, strength=2.0), validation_rows(-2.0, 200)
    result = make_learner(epochs=30).validate(rows, validation, block=0)
    assert result.curve.best_epoch == 0
    assert len(result.curve.training) == 2
    loss = mean_log_loss(validation.up, result.probability)
    assert loss == pytest.approx(result.curve.validation[0], rel=1e-5)
    assert loss < result.curve.validation[-1] - 0.01


def test_training_obeys_a_request_to_stop() -> None:
    """SIGTERM in the middle of a fit ends it at the next epoch."""
    epochs = []

    def stop(epoch: int, _loss: float) -> None:
        epochs.append(epoch)
        interruption.request_termination(signal.SIGTERM, None)

    try:
        with pytest.raises(Terminated):
            make_learner(epochs=9).validate(random_rows(200), validation_rows(0.0, 100), block=0, on_epoch=stop)
    finally:
        interruption._requested.clear()
    assert epochs == [0]


def test_scaler_and_bank_are_made_of_training_rows_alone() -> None:
    """The classifier's scaler is that of its training rows, its bank those rows, and its prior their share of up."""
    rows = random_rows(200)
    classifier, _ = make_learner(epochs=1).refit(rows, (ValidatedFit(probability=np.empty(0), losses={1.0: 0.5}),))
    scaler = RobustScaler.fit(rows.features)
    np.testing.assert_array_equal(classifier.scaler.center, scaler.center)
    np.testing.assert_array_equal(classifier.bank.numpy(), scaler.transform(rows.features))
    np.testing.assert_array_equal(classifier.bank_up.numpy(), rows.up)
    weight = sample_weights(rows.label_start_ms, rows.label_end_ms)
    np.testing.assert_allclose(classifier.log_weights.exp(), weight, rtol=1e-5)
    assert classifier.network.prior.item() == pytest.approx(np.average(rows.up, weights=weight))


def test_predict_does_not_depend_on_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are forecast alike alone, in chunks and together; no rows give no forecasts."""
    rows = random_rows(200, strength=1.0)
    classifier, _ = make_learner(epochs=1).refit(rows, (ValidatedFit(probability=np.empty(0), losses={1.0: 0.5}),))
    together = classifier.predict(rows.features)
    monkeypatch.setattr(fit, "PREDICT_CHUNK", 7)
    np.testing.assert_allclose(classifier.predict(rows.features), together, rtol=1e-5)
    np.testing.assert_allclose(classifier.predict(rows.features[5:6]), together[5:6], rtol=1e-5)
    assert classifier.predict(rows.features[:0]).shape == (0,)


def test_training_mask_covers_every_label_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """In each step of training, no row whose label overlaps the query's, nor the query itself, has a vote."""
    rows = random_rows(120, horizon_bars=6)
    bank = TrainingBank.of(rows, RobustScaler.fit(rows.features), CPU)
    seen = []
    forward = LorentzianNCA.forward

    def spy(
        self: LorentzianNCA,
        queries: torch.Tensor,
        candidates: torch.Tensor,
        up: torch.Tensor,
        mask: LabelSpans | None = None,
        **options: object,
    ) -> torch.Tensor:
        if mask is not None:
            number = [
                torch.cdist(part.double(), bank.features.double()).argmin(dim=1) for part in (queries, candidates)
            ]
            seen.append(bool((mask.meet() == ((number[0][:, None] - number[1][None, :]).abs() <= 6)).all()))
        return forward(self, queries, candidates, up, mask, **options)

    monkeypatch.setattr(LorentzianNCA, "forward", spy)
    make_learner(epochs=2).validate(rows, validation_rows(0.0, 60), block=0)
    assert len(seen) >= 4
    assert all(seen)


def test_gradients_are_clipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clipping acts: with a tiny bound, plain gradient steps hardly move the weights."""

    def moved(bound: float) -> float:
        monkeypatch.setattr(fit, "GRADIENT_NORM", bound)
        monkeypatch.setattr(fit, "AdamW", torch.optim.SGD)
        refit_for = ValidatedFit(probability=np.empty(0), losses={1.0: 0.5})
        classifier, _ = make_learner(lr=0.01).refit(random_rows(300, strength=2.0), (refit_for,))
        return float(classifier.network.log_scales.abs().sum())

    assert moved(1e-6) < 1e-4 < moved(1.0)


def test_training_fits_xor_where_a_linear_model_cannot() -> None:
    """The vote finds an interaction of two features, of which a linear model would see nothing."""
    generator = np.random.default_rng(3)
    rows, validation = random_rows(900, num_features=3), validation_rows(0.0, 500, num_features=3)
    for part in (rows, validation):
        product = part.features[:, 0] * part.features[:, 1]
        part.up[:] = generator.random(len(part)) < 1 / (1 + np.exp(-6 * np.sign(product)))
    result = make_learner(epochs=6).validate(rows, validation, block=0)
    assert mean_log_loss(validation.up, result.probability) < prior_loss(validation, rows) - 0.1


@pytest.mark.parametrize(
    "changes", [{"effort": "full"}, {"encoder": "residual"}, {"effort": "full", "encoder": "residual"}]
)
def test_every_form_learns_and_depends_on_the_seed_alone(changes: dict[str, str]) -> None:
    """Members and encoder beat the prior on a planted signal, and two fits are equal bit for bit."""
    rows, validation = random_rows(500, strength=1.5), validation_rows(1.5, 200)
    result = make_learner(epochs=2, **changes).validate(rows, validation, block=0)
    assert mean_log_loss(validation.up, result.probability) < prior_loss(validation, rows) - 0.05
    fits = [make_learner(**changes).refit(rows, (result,))[0] for _ in range(2)]
    assert_equal_bits(*fits)
    np.testing.assert_array_equal(*(classifier.predict(validation.features) for classifier in fits))


def test_effort_is_full_on_a_gpu_alone_unless_asked_for() -> None:
    """What was asked for holds on every device; where nothing was, the device decides."""
    gpu = torch.device("cuda")
    assert (Effort.of(ModelSettings(), CPU), Effort.of(ModelSettings(), gpu)) == (effort.QUICK, effort.FULL)
    for device in (CPU, gpu):
        assert Effort.of(ModelSettings(effort="quick"), device) == effort.QUICK
        assert Effort.of(ModelSettings(effort="full"), device) == effort.FULL
