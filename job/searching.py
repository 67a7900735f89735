"""A search among the vote's settings on one window, judged by its forward blocks alone. Pure.

A search is a part of the procedure: a run with one is one trial, however many candidates it draws, since none of them
has seen the test that the trial is counted for.
"""

from collections.abc import Sequence

from job import interruption
from job.intervals import interval_ms
from job.model.classifier import Learner
from job.model.search import (
    SEARCHED,
    SearchChoice,
    draw_candidates,
    fit_name,
    going_on,
    rung_epochs,
    search_fits,
    shared_loss,
    winner,
)
from job.procedure import block_rows
from job.rows import Dataset
from job.settings.procedure import ModelSettings
from job.windows import Window


def search_settings(
    learners: Sequence[Learner], training: Dataset, window: Window, settings: ModelSettings
) -> SearchChoice | None:
    """Halve the candidates on a window's forward blocks until one is left; None where no search was asked for.

    Parameters
    ----------
    learners : among them one for each of `search_fits`.
    training : its rows may reach past the training span; what lies there is cut off here, first of all.
    window : its test span says only where the training must have ended.
    settings : as given.
    """
    candidates = draw_candidates(settings)
    if not candidates:
        return None
    rows, bar_ms = training.rows.within(window.train), interval_ms(training.klines.interval)
    blocks = [block_rows(rows, block, test=window.test, bar_ms=bar_ms) for block in window.blocks]
    named = {learner.name: learner for learner in learners}
    losses: list[list[float]] = [[] for _ in candidates]
    left: Sequence[int] = range(len(candidates))
    for epochs in rung_epochs(settings):
        for number in left:
            interruption.check()
            learner = named[fit_name(number, epochs)]
            fits = [learner.validate(*rows, block=place) for place, rows in enumerate(blocks)]
            losses[number].append(shared_loss(fits))
        last = {number: losses[number][-1] for number in left}
        left = going_on(last)
    return SearchChoice(
        candidates=candidates,
        epochs=rung_epochs(settings),
        losses=tuple(tuple(each) for each in losses),
        chosen=winner(last),
    )


def to_train(learners: Sequence[Learner], search: SearchChoice | None, settings: ModelSettings) -> dict[str, Learner]:
    """The learners by the name that their results have: the chosen candidate as the vote, and no other candidate."""
    tried = {fit.name for fit in search_fits(settings)}
    named = {learner.name: learner for learner in learners}
    chosen = {} if search is None else {SEARCHED: named[fit_name(search.chosen)]}
    return {name: learner for name, learner in named.items() if name not in tried} | chosen
