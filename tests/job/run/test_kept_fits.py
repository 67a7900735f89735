from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from job.artifacts.folder import LocalStore
from job.artifacts.npz import arrays_to_bytes
from job.errors import DataError, StorageUnavailable, Terminated
from job.model.classifier import Classifier, LossCurve, OnEpoch, ValidatedFit
from job.model.prior import PriorClassifier
from job.rows import LabelledRows
from job.run import kept_fits
from job.run.kept_fits import KeptFits, forget_fits
from tests.support.labelled import random_rows

KEY = "runs/a/windows/0/checkpoint.npz"
CURVED = ValidatedFit(
    probability=np.array([0.1, 1 / 3, np.nan]),
    losses={0.0: 0.7, 1.0: 0.1 + 0.2},
    curve=LossCurve(training=(0.3,), validation=(0.7, 0.1 + 0.2), best_epoch=1),
    is_novel=np.array([False, True, False]),
)
PLAIN = ValidatedFit(probability=np.array([0.5]))


class CountingLearner:
    """Hands out fits that were made before, and counts how often it was asked."""

    name = "counting"

    def __init__(self, *fits: ValidatedFit) -> None:
        self._fits = fits
        self.asked: list[int] = []

    def validate(
        self, fit: LabelledRows, validation: LabelledRows, *, block: int, on_epoch: OnEpoch | None = None
    ) -> ValidatedFit:
        self.asked.append(block)
        return self._fits[block]

    def refit(
        self, train: LabelledRows, validated: tuple[ValidatedFit, ...], *, on_epoch: OnEpoch | None = None
    ) -> tuple[Classifier, LossCurve | None]:
        self.asked.append(len(validated))
        return PriorClassifier(probability=0.5), None


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """An empty store."""
    return LocalStore(tmp_path)


def kept(store: LocalStore, *, identity: str = "same", is_resumed: bool = True) -> KeptFits:
    """The fits of a window, as one attempt sees them."""
    return KeptFits(store, KEY, identity=identity, is_resumed=is_resumed)


def validate(learner: CountingLearner, fits: KeptFits, block: int) -> ValidatedFit:
    """One fit of a learner that remembers."""
    (remembering,) = fits.remembering((learner,))
    assert remembering.name == learner.name
    num_rows = len(learner._fits[block].probability)
    return remembering.validate(random_rows(9), random_rows(num_rows), block=block)


def stop_after(store: LocalStore, learner: CountingLearner, num_fits: int) -> None:
    """An attempt that is asked to stop after so many fits."""
    with pytest.raises(Terminated), kept(store, is_resumed=False) as fits:
        for block in range(num_fits):
            validate(learner, fits, block)
        raise Terminated("Stopped.")


def is_same(one: ValidatedFit, other: ValidatedFit) -> bool:
    """Equal to the last bit."""
    first, second = ((f.probability.tobytes(), f.losses, f.curve, _silent(f)) for f in (one, other))
    return first == second


def _silent(fit: ValidatedFit) -> list[bool] | None:
    return None if fit.is_novel is None else fit.is_novel.tolist()


def test_stopped_window_fits_only_what_is_missing(store: LocalStore) -> None:
    """Both kinds of fit come back as they were, to the last bit; the third is fitted, and the first two are not."""
    stop_after(store, CountingLearner(CURVED, PLAIN), 2)
    learner = CountingLearner(CURVED, PLAIN, PLAIN)
    with capture_logs() as lines, kept(store) as fits:
        found = [validate(learner, fits, block) for block in range(3)]
    assert learner.asked == [2]
    assert all(is_same(one, other) for one, other in zip(found, (CURVED, PLAIN, PLAIN), strict=True))
    assert {"event": "kept_fits_taken", "num_fits": 2, "log_level": "info"} in lines


def test_everything_of_a_fit_is_kept() -> None:
    """A field that a fit gains must be kept too, or what follows from it would differ after a stop."""
    assert {field.name for field in fields(ValidatedFit)} == {"probability", "losses", "curve", "is_novel"}
    assert {field.name for field in fields(LossCurve)} == {"training", "validation", "best_epoch"}


def test_refit_is_never_kept(store: LocalStore) -> None:
    """What is wanted of it is the model, so it is made anew."""
    learner = CountingLearner(CURVED)
    (remembering,) = kept(store).remembering((learner,))
    for _ in range(2):
        remembering.refit(random_rows(3), (CURVED, PLAIN))
    assert learner.asked == [2, 2]


def test_first_attempt_asks_the_store_for_nothing(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can have kept anything, and an undisturbed window of short fits writes nothing."""
    for name in ("get", "put"):
        monkeypatch.setattr(store, name, lambda *_, **__: pytest.fail("the store was asked"))
    with kept(store, is_resumed=False) as fits:
        validate(CountingLearner(CURVED), fits, 0)


def test_long_fits_are_kept_as_they_end(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is killed without a word loses no more than the seconds between two writes."""
    monkeypatch.setattr(kept_fits, "SECONDS_BETWEEN", 0.0)
    with pytest.raises(ZeroDivisionError), kept(store, is_resumed=False) as fits:
        validate(CountingLearner(CURVED), fits, 0)
        raise ZeroDivisionError
    learner = CountingLearner(CURVED)
    validate(learner, kept(store), 0)
    assert learner.asked == []


@pytest.mark.parametrize(
    "data", [b"half a fi", arrays_to_bytes({"a.probability": np.zeros(3)}), arrays_to_bytes({"identity": np.zeros(2)})]
)
def test_what_cannot_be_read_is_fitted_again(store: LocalStore, data: bytes) -> None:
    """Half an object, a foreign one, and one without its parts: a log line, and no error."""
    store.put(KEY, data)
    learner = CountingLearner(CURVED)
    with capture_logs() as lines:
        validate(learner, kept(store), 0)
    assert learner.asked == [0]
    assert [line["event"] for line in lines if line["log_level"] != "debug"] == ["kept_fits_left"]


def test_fits_of_another_program_or_machine_are_left(store: LocalStore) -> None:
    """Equal bytes are promised for one program on one kind of machine; mixed fits would be neither's."""
    stop_after(store, CountingLearner(CURVED), 1)
    learner = CountingLearner(CURVED)
    validate(learner, kept(store, identity="other"), 0)
    assert learner.asked == [0]


def test_fit_of_another_number_of_rows_is_left(store: LocalStore) -> None:
    """Forecasts that do not fit their rows are not these rows' forecasts."""
    stop_after(store, CountingLearner(PLAIN), 1)
    learner = CountingLearner(CURVED)
    validate(learner, kept(store), 0)
    assert learner.asked == [0]


@pytest.mark.parametrize("operation", ["get", "put", "delete"])
def test_store_that_is_away_fails_no_window(store: LocalStore, monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    """Whatever is asked of it while it is away, the fit itself comes through."""

    def away(*_: object, **__: object) -> None:
        raise StorageUnavailable("It is away.")

    monkeypatch.setattr(store, operation, away)
    learner = CountingLearner(CURVED)
    with pytest.raises(Terminated, match="Stopped"), kept(store) as fits:
        assert is_same(validate(learner, fits, 0), CURVED)
        raise Terminated("Stopped.")
    forget_fits(store, KEY)


def test_failed_window_keeps_nothing(store: LocalStore) -> None:
    """Bad data stay bad: only who is asked to stop writes at the end."""
    with pytest.raises(DataError), kept(store, is_resumed=False) as fits:
        validate(CountingLearner(CURVED), fits, 0)
        raise DataError("Bad bars.")
    assert store.get(KEY) is None
