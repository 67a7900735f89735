import hashlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from job.checkpoint import checkpoint_bytes, read_checkpoint
from job.errors import DataError
from job.model.novelty import is_novel
from job.prediction.neighbours import neighbourhood
from job.prediction.stored_model import StoredModel, read_model
from tests.support.fitted import MODELS, RUN, THRESHOLDS, fit_classifier, trained_with
from tests.support.labelled import random_rows
from tests.support.promoted import saved

ROWS = random_rows(50, seed=3)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Small arrays are fastest on one thread, and a busy machine stays fair."""
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield


def stored(model: str) -> tuple[StoredModel, bytes]:
    """A model read back, and its file."""
    data = checkpoint_bytes(trained_with(fit_classifier(model)), RUN.plan)
    return read_model(data, where="memory"), data


@pytest.mark.parametrize("kind", MODELS)
def test_model_read_back_forecasts_the_same_bits(kind: str) -> None:
    """Whatever trades, its file alone forecasts what the trained procedure forecast, and is silent about the same."""
    trained = trained_with(fit_classifier(kind))
    model = read_model(checkpoint_bytes(trained, RUN.plan), where="memory")
    assert model.kind == kind
    assert model.forecast(ROWS.features).tobytes() == trained.forecast(ROWS.features).tobytes()
    assert np.array_equal(model.is_novel(ROWS.features), is_novel(trained.classifier, ROWS.features))
    assert model.forecast(ROWS.features[:0]).shape == (0,)


def test_model_says_what_it_was_trained_with() -> None:
    """Thresholds, procedure, features and rows are those of its training, and its name is that of its bytes."""
    model, data = stored("logistic")
    assert model.thresholds == THRESHOLDS
    assert model.procedure == RUN.plan.procedure
    assert (model.feature_set, model.feature_names) == (RUN.plan.feature_set, RUN.plan.feature_names)
    assert model.row_open_ms is not None
    assert np.array_equal(model.row_open_ms, RUN.trained["prior"].row_open_ms)
    assert model.identity == hashlib.sha256(data).hexdigest()[:16]


def test_file_says_from_when_on_a_bank_grows() -> None:
    """Where it does, and nothing where it does not, so that files of other models stay what they were."""
    trained = trained_with(fit_classifier("lorentzian"))
    grows = checkpoint_bytes(replace(trained, live_from_ms=12_345), RUN.plan)
    assert read_model(grows, where="memory").live_from_ms == 12_345
    model, data = stored("lorentzian")
    assert model.live_from_ms is None
    assert "live_from_ms" not in read_checkpoint(data, where="memory")


def test_file_of_the_release_before_is_read() -> None:
    """Without the rows that it was fitted on: they are not known, and everything else is."""
    model, data = stored("lorentzian")
    content = read_checkpoint(data, where="memory")
    content["format"] = 2
    for name in ("row_open_ms", "novelty"):
        del content[name]
    older = read_model(saved(content), where="memory")
    assert older.row_open_ms is None
    assert older.forecast(ROWS.features).tobytes() == model.forecast(ROWS.features).tobytes()
    around = neighbourhood(older, ROWS.features[:1], 2)
    assert around is not None
    assert [each.open_ms for each in around.neighbours] == [None, None]


@pytest.mark.parametrize("spoiled", ["scaler", "bank", "thresholds"])
def test_file_whose_parts_do_not_fit_is_refused(spoiled: str) -> None:
    """In a sentence, and not with whatever its reader stumbles over."""
    content = read_checkpoint(stored("lorentzian")[1], where="memory")
    content[spoiled] = {}
    with pytest.raises(DataError, match="memory"):
        read_model(saved(content), where="memory")


@pytest.mark.parametrize("kind", ["lorentzian", "lorentzian-knn", "blend"])
def test_neighbours_make_up_the_vote(kind: str) -> None:
    """All of them together weigh 1, the heaviest stand first, and their outcomes are labels of the bank."""
    model, _ = stored(kind)
    around = neighbourhood(model, ROWS.features[:1], 200)
    assert around is not None
    weights = [each.weight for each in around.neighbours]
    assert sum(weights) == pytest.approx(1, abs=1e-5)
    assert weights == sorted(weights, reverse=True)
    assert around.num_effective == pytest.approx(1 / np.square(weights).sum(), rel=1e-4)
    few = neighbourhood(model, ROWS.features[:1], 3)
    assert few is not None and few.neighbours == around.neighbours[:3]
    assert few.num_effective == around.num_effective


def test_vote_of_the_neighbours_is_the_forecast() -> None:
    """The k nearest rows' labels, with one vote for the prior, are what the exact neighbours forecast."""
    model, _ = stored("lorentzian-knn")
    around = neighbourhood(model, ROWS.features[:1], 200)
    assert around is not None
    count, ups = len(around.neighbours), sum(each.up for each in around.neighbours)
    prior = float(model.classifier.bank.prior)  # type: ignore[attr-defined]
    assert model.classifier.predict(ROWS.features[:1])[0] == pytest.approx((ups + prior) / (count + 1))


@pytest.mark.parametrize("kind", ["logistic", "mlp", "lightgbm"])
def test_models_without_neighbours_name_none(kind: str) -> None:
    """None, which is not the same as none that matter."""
    assert neighbourhood(stored(kind)[0], ROWS.features[:1], 3) is None
