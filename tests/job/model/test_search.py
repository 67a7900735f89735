import numpy as np
import pytest

from job.model.classifier import ValidatedFit
from job.model.search import (
    GUIDE,
    draw_candidates,
    going_on,
    rung_epochs,
    search_fits,
    shared_loss,
    winner,
)
from job.settings.procedure import ModelSettings

NOBODY = np.empty(0)


def test_guide_has_the_cells_of_the_guide() -> None:
    """Three learning rates, three batch sizes, four hidden sizes and four dropouts: 144, each once."""
    candidates = draw_candidates(ModelSettings(search="guide", search_candidates=144))
    cells = {tuple(sorted(candidate.changes.items())) for candidate in candidates[1:]}
    assert len(cells) == 144
    for name, values in (
        ("lr", {0.01, 0.001, 0.0001}),
        ("batch_size", {32, 64, 128}),
        ("hidden", {32, 64, 128, 256}),
        ("dropout", {0.1, 0.2, 0.3, 0.5}),
    ):
        assert {candidate.changes[name] for candidate in candidates[1:]} == values == set(GUIDE[name])


@pytest.mark.parametrize("search", ["guide", "wide"])
def test_candidates_are_drawn_once_for_a_run(search: str) -> None:
    """A dozen and the settings as given, which come first; the same for the same seed, others for another."""
    settings = ModelSettings.model_validate({"search": search})
    candidates = draw_candidates(settings)
    assert [candidate.number for candidate in candidates] == list(range(13))
    assert candidates[0].changes == {}
    assert draw_candidates(settings) == candidates
    assert draw_candidates(settings.model_copy(update={"seed": 1})) != candidates
    for candidate in candidates:  # every cell is one that a user could have asked for
        ModelSettings.model_validate(settings.model_dump() | candidate.changes)


def test_candidates_differ_in_what_matters() -> None:
    """No candidate has sizes of a part that it lacks, and none is another under a second name."""
    candidates = draw_candidates(ModelSettings(search="wide", search_candidates=144))
    cells = [tuple(sorted(candidate.changes.items())) for candidate in candidates]
    assert len(set(cells)) == len(cells)
    for candidate in candidates[1:]:
        if candidate.changes["encoder"] == "none":
            assert not {"embedding", "blocks", "hidden", "dropout"} & set(candidate.changes)
        elif candidate.changes["blocks"] == 0:
            assert not {"hidden", "dropout"} & set(candidate.changes)


def test_what_was_given_is_no_candidate_twice() -> None:
    """A cell of the grid that changes nothing is not drawn."""
    given = ModelSettings(search="guide", search_candidates=144, encoder="residual", lr=0.01, hidden=32, dropout=0.1)
    assert len(draw_candidates(given)) == 144


def test_search_fits_are_named_by_candidate_and_epochs() -> None:
    """Every rung of every candidate and its whole way; no fit where there is no search."""
    settings = ModelSettings(search="guide", search_candidates=2, epochs=30)
    names = [fit.name for fit in search_fits(settings)]
    assert names == [
        *("lorentzian#0@3", "lorentzian#0@10"),
        *("lorentzian#1@3", "lorentzian#1@10", "lorentzian#1"),
        *("lorentzian#2@3", "lorentzian#2@10", "lorentzian#2"),
    ]
    assert [fit.settings.epochs for fit in search_fits(settings)] == [3, 10, 3, 10, 30, 3, 10, 30]
    assert [fit.is_trial for fit in search_fits(settings)] == ["@" in name for name in names]
    assert search_fits(ModelSettings()) == ()


def test_rungs_of_few_epochs_are_one() -> None:
    """A ninth and a third of 30 epochs are 3 and 10, of 2 epochs 1 and 1."""
    assert (rung_epochs(ModelSettings(epochs=30)), rung_epochs(ModelSettings(epochs=2))) == ((3, 10), (1,))


def test_best_third_goes_on_with_what_was_given() -> None:
    """Of thirteen the best four, the first of equals, and number 0 even where it is the worst."""
    losses = {number: float(abs(number - 6)) for number in range(13)}
    assert going_on(losses) == (0, 4, 5, 6, 7)


def test_what_was_given_stays_unless_another_is_clearly_better() -> None:
    """A ten-thousandth of a nat is no news."""
    assert winner({0: 0.69, 3: 0.689_95, 5: 0.7}) == 0
    assert winner({0: 0.69, 3: 0.689_95, 5: 0.68}) == 5


def test_loss_is_that_of_one_number_of_epochs() -> None:
    """Two blocks that are best after different epochs are judged by the epochs that are best for both."""
    fits = (
        ValidatedFit(probability=NOBODY, losses={0.0: 0.70, 1.0: 0.60, 2.0: 0.66}),
        ValidatedFit(probability=NOBODY, losses={0.0: 0.70, 1.0: 0.72, 2.0: 0.62, 3.0: 0.1}),
    )
    assert shared_loss(fits) == pytest.approx(0.64)


def test_epochs_that_diverged_do_not_count() -> None:
    """A rate that is too high loses what it had not found before, and no more."""
    fit = ValidatedFit(probability=NOBODY, losses={0.0: 0.69, 1.0: float("nan"), 2.0: float("nan")})
    assert shared_loss((fit, fit)) == pytest.approx(0.69)
