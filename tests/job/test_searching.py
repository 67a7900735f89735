"""A search on one window: who is tried for how long, who is chosen, and what the choice may not see."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from job.artifacts.folder import LocalStore
from job.errors import Terminated
from job.model.classifier import Classifier, Learner, LossCurve, OnEpoch, ValidatedFit
from job.model.prior import PriorClassifier
from job.model.search import SearchChoice, search_fits
from job.rows import Dataset, LabelledRows
from job.run.kept_fits import KeptFits
from job.searching import search_settings, to_train
from job.settings.procedure import ModelSettings
from tests.job.test_procedure import WINDOW, make_klines, make_rows

SETTINGS = ModelSettings(search="guide", search_candidates=8, epochs=27)
KLINES = make_klines()
DATA = Dataset(klines=KLINES, rows=make_rows(KLINES))


class ScoredLearner:
    """A learner whose losses are told beforehand, and which notes what it was asked."""

    def __init__(self, name: str, loss: float, asked: list[str]) -> None:
        self.name = name
        self.seen: list[tuple[LabelledRows, LabelledRows]] = []
        self._loss, self._asked = loss, asked

    def validate(
        self, fit: LabelledRows, validation: LabelledRows, *, block: int, on_epoch: OnEpoch | None = None
    ) -> ValidatedFit:
        self._asked.append(f"{self.name}.{block}")
        self.seen.append((fit, validation))
        return ValidatedFit(probability=np.full(len(validation), 0.5), losses={0.0: self._loss})

    def refit(
        self, train: LabelledRows, validated: tuple[ValidatedFit, ...], *, on_epoch: OnEpoch | None = None
    ) -> tuple[Classifier, LossCurve | None]:
        return PriorClassifier(probability=0.5), None


class StoppedLearner(ScoredLearner):
    """One whose process is asked to leave while it fits."""

    def validate(
        self, fit: LabelledRows, validation: LabelledRows, *, block: int, on_epoch: OnEpoch | None = None
    ) -> ValidatedFit:
        raise Terminated("Stopped.")


def learners_with(losses: dict[str, float], asked: list[str]) -> tuple[ScoredLearner, ...]:
    """The vote, a baseline, and every fit of the search; a fit that is not named has a loss of 0.7."""
    names = ["lorentzian", "prior", *(fit.name for fit in search_fits(SETTINGS))]
    return tuple(ScoredLearner(name, losses.get(name, 0.7), asked) for name in names)


def searched(learners: Sequence[Learner], data: Dataset = DATA) -> SearchChoice:
    """The search on the window of these tests."""
    choice = search_settings(learners, data, WINDOW, SETTINGS)
    assert choice is not None
    return choice


def test_search_halves_until_one_is_left() -> None:
    """Nine on three epochs, the best three and the settings as given on nine; both blocks each, and no other fit."""
    asked: list[str] = []
    losses = {f"lorentzian#{number}@3": 0.6 + 0.01 * abs(number - 5) for number in range(1, 9)}
    losses |= {"lorentzian#4@9": 0.65, "lorentzian#5@9": 0.66, "lorentzian#6@9": 0.64}
    choice = searched(learners_with(losses, asked))
    first = [f"lorentzian#{number}@3.{block}" for number in range(9) for block in (0, 1)]
    second = [f"lorentzian#{number}@9.{block}" for number in (0, 4, 5, 6) for block in (0, 1)]
    assert asked == [*first, *second]
    assert (choice.epochs, choice.chosen) == ((3, 9), 6)
    assert choice.changes == choice.candidates[6].changes
    assert choice.losses[6] == (pytest.approx(0.61), 0.64)
    assert choice.losses[8] == (pytest.approx(0.63),)


def test_chosen_candidate_is_trained_as_the_vote() -> None:
    """It stands in the vote's place with its whole way before it; no other candidate is trained; baselines stay."""
    learners = learners_with({"lorentzian#3@3": 0.6, "lorentzian#3@9": 0.6}, [])
    named = to_train(learners, searched(learners), SETTINGS)
    assert {name: learner.name for name, learner in named.items()} == {"lorentzian": "lorentzian#3", "prior": "prior"}
    assert next(iter(named)) == "lorentzian"


def test_settings_as_given_are_trained_where_nothing_is_better() -> None:
    """All equal, the vote is the one that would have been trained without a search."""
    learners = learners_with({}, [])
    assert searched(learners).chosen == 0
    assert [learner.name for learner in to_train(learners, searched(learners), SETTINGS).values()] == [
        "lorentzian",
        "prior",
    ]


def test_search_sees_nothing_of_the_test() -> None:
    """Candidates are given the rows that the procedure's forward blocks are made of, whatever the test holds."""
    is_test = DATA.rows.open_time >= WINDOW.train.end_ms
    features = np.where(is_test[:, None], np.float32(99), DATA.rows.features)
    up = np.where(DATA.rows.label_end_ms > WINDOW.train.end_ms, 1 - DATA.rows.up, DATA.rows.up)
    other = replace(DATA, rows=replace(DATA.rows, features=features, up=up))
    first, second = learners_with({}, []), learners_with({}, [])
    searched(first)
    searched(second, other)
    for one, another in zip(first, second, strict=True):
        for parts, others in zip(one.seen, another.seen, strict=True):
            for rows, same in zip(parts, others, strict=True):
                assert rows.open_time.max() < WINDOW.train.end_ms
                assert rows.features.tobytes() == same.features.tobytes()
                assert rows.up.tobytes() == same.up.tobytes()


def test_nothing_is_searched_unless_it_was_asked_for() -> None:
    """No fit is made, and the learners are what they were."""
    asked: list[str] = []
    learners = learners_with({}, asked)[:2]
    assert search_settings(learners, DATA, WINDOW, ModelSettings()) is None
    assert list(to_train(learners, None, ModelSettings()).values()) == list(learners)
    assert asked == []


def test_search_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    """What the stopped attempt has tried is not tried again, and the choice is the one of an undisturbed search."""

    def kept(*, is_resumed: bool) -> KeptFits:
        return KeptFits(LocalStore(tmp_path), "kept.npz", identity="same", is_resumed=is_resumed)

    losses = {f"lorentzian#{number}@{epochs}": 0.6 + number / 100 for number in (2, 5) for epochs in (3, 9)}
    undisturbed = searched(learners_with(losses, []))
    asked: list[str] = []
    with pytest.raises(Terminated), kept(is_resumed=False) as fits:
        stopped = StoppedLearner("lorentzian#4@3", 0.7, asked)
        others = (learner for learner in learners_with(losses, asked) if learner.name != stopped.name)
        searched(fits.remembering((*others, stopped)))
    again: list[str] = []
    with kept(is_resumed=True) as fits:
        assert searched(fits.remembering(learners_with(losses, again))) == undisturbed
    assert asked and not set(asked) & set(again)
