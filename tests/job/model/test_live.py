"""A bank that grows: which rows vote on which, what they count, and that nothing is heard of a row's own future."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from job.arrays import FloatArray, IntArray
from job.model import live
from job.model.classifier import ValidatedFit
from job.model.fit import LorentzianClassifier, LorentzianLearner
from job.model.live import joined_by, last_known_ms, predict_live
from job.rows import LabelledRows
from job.settings.procedure import ModelSettings
from tests.support.labelled import BAR_MS, random_rows

NUM_FIT, NUM_LATER = 150, 40
HORIZON = 4
LATER = random_rows(NUM_LATER, seed=7, first_bar=NUM_FIT, horizon_bars=HORIZON)
FROM_MS = int(LATER.open_time[0])


@pytest.fixture(scope="module")
def classifier() -> LorentzianClassifier:
    """A vote of few neighbours that was trained for an epoch, so that a row more is heard."""
    settings = ModelSettings(epochs=1, neighbours=10, lr=0.01, batch_size=8)
    learner = LorentzianLearner(settings, stream=0, device=torch.device("cpu"))
    rows = random_rows(NUM_FIT, strength=2.0, horizon_bars=HORIZON)
    fitted, _ = learner.refit(rows, (ValidatedFit(probability=np.empty(0), losses={1.0: 0.5}),))
    return fitted


def said(classifier: LorentzianClassifier, rows: LabelledRows = LATER) -> FloatArray:
    """The later rows, each among all of them."""
    return predict_live(classifier, rows, rows, from_ms=FROM_MS)


def test_bank_of_each_row_is_the_rows_that_had_ended(classifier: LorentzianClassifier) -> None:
    """The same as asking row by row with a bank made by hand: labels that ended a bar or more before the decision."""
    means = {label: classifier.log_weights.exp()[classifier.bank_up == label].mean().log() for label in (0, 1)}
    expected = []
    for row in range(NUM_LATER):
        known = LATER.select(np.flatnonzero(LATER.label_end_ms + BAR_MS <= LATER.decision_ms[row]))
        assert len(known) == max(0, row - HORIZON)
        by_hand = replace(
            classifier,
            bank=torch.cat([classifier.bank, torch.from_numpy(classifier.scaler.transform(known.features))]),
            bank_up=torch.cat([classifier.bank_up, torch.from_numpy(known.up.astype(np.float32))]),
            log_weights=torch.cat([classifier.log_weights, torch.tensor([means[int(up)] for up in known.up])]),
        )
        expected.append(by_hand.predict(LATER.features[row : row + 1])[0])
    np.testing.assert_allclose(said(classifier), expected, rtol=0, atol=1e-6)
    assert np.abs(said(classifier) - classifier.predict(LATER.features))[HORIZON + 1 :].min() > 1e-6


def test_row_without_a_past_is_forecast_by_the_fit_alone(classifier: LorentzianClassifier) -> None:
    """To the bit where nothing can join: no labels, or no row that the fit has not seen."""
    unlabelled = replace(LATER, up=np.full(NUM_LATER, np.nan))
    assert said(classifier, unlabelled).tobytes() == classifier.predict(LATER.features).tobytes()
    after_all = predict_live(classifier, LATER, LATER, from_ms=int(LATER.open_time[-1]) + 1)
    assert after_all.tobytes() == classifier.predict(LATER.features).tobytes()
    assert said(classifier, LATER.select(slice(0, 0))).shape == (0,)


def hears_its_future(classifier: LorentzianClassifier) -> bool:
    """Whether a forecast changes with rows whose labels end later than a bar before its decision."""
    before = said(classifier)
    for row in (0, HORIZON, HORIZON + 1, NUM_LATER // 2, NUM_LATER - 1):
        is_unknown = LATER.label_end_ms + BAR_MS > LATER.decision_ms[row]
        features = np.where((is_unknown & (np.arange(NUM_LATER) != row))[:, None], np.float32(3), LATER.features)
        other = replace(LATER, features=features, up=np.where(is_unknown, 1 - LATER.up, LATER.up))
        if said(classifier, other)[row] != before[row]:
            return True
    return False


def test_no_row_hears_of_labels_that_have_not_ended(classifier: LorentzianClassifier) -> None:
    """Whatever else becomes of rows that are still open, its own included, the forecast stays, to the bit."""
    assert not hears_its_future(classifier)


@pytest.mark.parametrize(
    "mutant",
    [
        lambda asking: last_known_ms(asking) + 1_000_000_000,
        lambda asking: last_known_ms(asking) + BAR_MS,
        lambda asking: asking.decision_ms + HORIZON * BAR_MS,
    ],
    ids=["every label is known", "no embargo", "its own label is known"],
)
def test_labels_that_have_not_ended_would_be_heard(
    classifier: LorentzianClassifier, mutant: Callable[[LabelledRows], IntArray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Had a row votes that it may not have, the law above would say so."""
    monkeypatch.setattr(live, "last_known_ms", mutant)
    assert hears_its_future(classifier)


def test_labels_that_began_before_their_row_keep_their_distance() -> None:
    """A label that looks back four bars is apart from one that ended before it began, not before its decision."""
    looking_back = replace(LATER, label_reach_ms=4 * BAR_MS)
    assert (last_known_ms(looking_back) == last_known_ms(LATER) - 4 * BAR_MS).all()


def test_joined_vote_is_the_one_that_the_last_row_finds(classifier: LorentzianClassifier) -> None:
    """Its plain forecast is that row's, and the rows that joined are named in the order of the bank."""
    joined, open_ms = joined_by(classifier, LATER, from_ms=FROM_MS)
    assert np.array_equal(open_ms, LATER.open_time[: NUM_LATER - 1 - HORIZON])
    assert len(joined.bank) == NUM_FIT + len(open_ms)
    np.testing.assert_allclose(joined.predict(LATER.features[-1:]), said(classifier)[-1:], rtol=0, atol=1e-6)
