import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from job.model import knn
from job.model.classifier import mean_log_loss
from job.model.knn import CANDIDATES, KnnLearner, NeighbourBank, NeighbourSearch
from job.model.scaling import RobustScaler
from tests.support.labelled import random_rows

CPU = torch.device("cpu")
FIT, VALIDATION = random_rows(400, strength=1.0, seed=1), random_rows(150, strength=1.0, seed=2, first_bar=500)


def make_learner(*candidates: int) -> KnnLearner:
    """A learner with its own search."""
    return KnnLearner(name="knn", candidates=candidates, search=NeighbourSearch(device=CPU))


def lorentzian(one: np.ndarray, other: np.ndarray) -> float:
    """The distance by its formula."""
    return float(np.log1p(np.abs(one - other)).sum())


def test_nearest_labels_by_hand() -> None:
    """In two dimensions: log 2 + log 2 is nearer than log 5, which Euclid and the taxi driver would see otherwise."""
    bank = NeighbourBank(
        features=np.array([[1, 1], [0, 4], [2.5, 0], [9, 9]], dtype=np.float32), up=np.array([1, 0, 0, 1], np.float32)
    )
    labels = NeighbourSearch(device=CPU).nearest_labels(bank, np.zeros((1, 2), dtype=np.float32))
    assert labels.tolist() == [[0, 1, 0, 1]]  # log 3.5, log 4, log 5, log 100


@pytest.mark.parametrize("k", [1, 8, 64])
def test_forecasts_are_those_of_brute_force(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact: scikit-learn with the same metric counts the same votes, whatever the chunk of queries."""
    monkeypatch.setattr(knn, "QUERY_CHUNK", 37)
    classifier, _ = make_learner(k).refit(FIT, (make_learner(k).validate(FIT, VALIDATION, block=0),))
    scaler = RobustScaler.fit(FIT.features)
    reference = KNeighborsClassifier(k, algorithm="brute", metric=lorentzian)
    reference.fit(scaler.transform(FIT.features).astype(float), FIT.up)
    votes = k * reference.predict_proba(scaler.transform(VALIDATION.features).astype(float))[:, 1]
    expected = (votes + FIT.up.mean()) / (k + 1)
    np.testing.assert_allclose(classifier.predict(VALIDATION.features), expected, rtol=1e-6)


def test_learner_chooses_many_neighbours_on_noise_and_refits_with_the_choice() -> None:
    """The more votes the nearer to the prior: on noise the largest number wins."""
    fit, validation = random_rows(400, seed=1), random_rows(300, seed=2, first_bar=500)
    learner = make_learner(*CANDIDATES)
    result = learner.validate(fit, validation, block=0)
    assert list(result.losses) == list(CANDIDATES)
    assert min(result.losses, key=result.losses.__getitem__) == 128
    classifier, curve = learner.refit(fit, (result,))
    assert (classifier.num_neighbours, curve) == (128, None)
    np.testing.assert_array_equal(classifier.bank.up, fit.up)


def test_learner_forecasts_with_the_best_number() -> None:
    """The forecasts of all rows are those of the number with the lowest loss on labelled ones."""
    validation = VALIDATION.select(np.arange(150))
    validation.up[::4] = np.nan
    result = make_learner(8, 32, 64).validate(FIT, validation, block=0)
    known = np.isfinite(validation.up)
    loss = mean_log_loss(validation.up[known], result.probability[known])
    assert loss == pytest.approx(min(result.losses.values()), rel=1e-12)
    assert loss < mean_log_loss(validation.up[known], np.full(known.sum(), FIT.up.mean())) - 0.02


def test_learners_with_one_search_measure_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second learner finds the answers of the first, for equal questions only; few are remembered."""
    asked = []
    measure = knn.nearest
    monkeypatch.setattr(knn, "nearest", lambda q, b, s, k: (asked.append(len(q)), measure(q, b, s, k))[1])
    search = NeighbourSearch(device=CPU)
    few, many = (KnnLearner(name=str(k), candidates=(k,), search=search) for k in (8, 64))
    first = few.validate(FIT, VALIDATION, block=0).probability
    once = len(asked)
    second = many.validate(FIT.select(np.arange(400)), VALIDATION, block=0).probability
    assert len(asked) == once
    assert not np.array_equal(first, second)
    other = FIT.select(np.arange(400))
    other.up[0] = 1 - other.up[0]
    many.validate(other, VALIDATION, block=0)
    assert len(asked) == 2 * once
    for size in (10, 20, 30):
        few.validate(FIT, VALIDATION.select(np.arange(size)), block=0)
    assert len(search._answers) == knn.REMEMBERED


def test_fewer_rows_than_neighbours_all_vote() -> None:
    """A bank of fifty answers sixty-four with all it has."""
    small = FIT.select(np.arange(50))
    probability = make_learner(64).validate(small, VALIDATION, block=0).probability
    np.testing.assert_allclose(probability, small.up.mean(), rtol=1e-6)


def test_forecasts_are_equal_to_the_bit() -> None:
    """Nothing is random."""
    one, other = (make_learner(8).validate(FIT, VALIDATION, block=0).probability for _ in range(2))
    assert one.tobytes() == other.tobytes()
    classifier, _ = make_learner(8).refit(FIT, (make_learner(8).validate(FIT, VALIDATION, block=0),))
    assert classifier.predict(FIT.features[:0]).shape == (0,)
