"""The vote as a search tries it: trained for a few epochs, judged by its losses, and forgotten.

What depends on the rows alone, as the line does, is made once for all candidates of a block. Everybody is tried in the
first rung, so there those of one shape train together, see `job.model.population`; of the few that go on, hardly two
are of one shape, and each trains as any fit does.
"""

from collections.abc import Sequence

import numpy as np
import torch

from job.model.classifier import OnEpoch, ValidatedFit
from job.model.fit import LorentzianLearner, PreparedRows
from job.model.population import shape_of, train_population
from job.model.search import SearchFit
from job.rows import LabelledRows
from job.settings.procedure import ModelSettings


class TrialLearner(LorentzianLearner):
    """A candidate in one rung. Nobody asks for its forecasts, which cost as much as its epochs: they are NaN.

    Parameters
    ----------
    settings, stream, device, name : as of `LorentzianLearner`.
    trials : of the same search.
    """

    def __init__(
        self, settings: ModelSettings, *, stream: int, device: torch.device, name: str, trials: "Trials"
    ) -> None:
        super().__init__(settings, stream=stream, device=device, name=name)
        self._trials = trials

    def validate(
        self, fit: LabelledRows, validation: LabelledRows, *, block: int, on_epoch: OnEpoch | None = None
    ) -> ValidatedFit:
        """Train with early stopping on ``validation``; its losses alone."""
        losses = self._trials.losses(self.name, fit, validation, block=block, on_epoch=on_epoch)
        return ValidatedFit(
            probability=np.full(len(validation), np.nan),
            losses={float(epoch): loss for epoch, loss in enumerate(losses)},
        )


class Trials:
    """All trials of a search, and what they have in common on each block.

    Parameters
    ----------
    fits : those of them that are trials are tried.
    stream, device : as of `LorentzianLearner`.
    """

    def __init__(self, fits: Sequence[SearchFit], *, stream: int, device: torch.device) -> None:
        self._device = device
        self._settings = {fit.name: fit.settings for fit in fits if fit.is_trial}
        self.learners = {
            name: TrialLearner(settings, stream=stream, device=device, name=name, trials=self)
            for name, settings in self._settings.items()
        }
        self._first_epochs = min((settings.epochs for settings in self._settings.values()), default=0)
        self._known: dict[int, _Block] = {}

    def losses(
        self, name: str, rows: LabelledRows, validation: LabelledRows, *, block: int, on_epoch: OnEpoch | None = None
    ) -> Sequence[float]:
        """Validation losses of a trial: untrained, and after each epoch."""
        known = self._known.get(block)
        if known is None or known.rows is not rows or known.validation is not validation:
            prepared = PreparedRows.of(rows, self._settings[name], self._device)
            known = self._known[block] = _Block(rows, validation, prepared)
        if name not in known.losses:
            together = self._together(name)
            known.losses |= zip(together, self._train(together, known, block=block, on_epoch=on_epoch), strict=True)
        return known.losses[name]

    def _together(self, name: str) -> tuple[str, ...]:
        """The trials that a trial trains with, itself among them."""
        own = self._settings[name]
        if own.epochs != self._first_epochs:
            return (name,)
        return tuple(other for other, settings in self._settings.items() if shape_of(settings) == shape_of(own))

    def _train(
        self, names: tuple[str, ...], known: "_Block", *, block: int, on_epoch: OnEpoch | None
    ) -> Sequence[Sequence[float]]:
        """The losses of each."""
        learners = [self.learners[name] for name in names]
        if len(learners) == 1:
            num_epochs = self._settings[names[0]].epochs
            _, curve = learners[0].train_prepared(
                known.prepared, known.validation, part=block, num_epochs=num_epochs, on_epoch=on_epoch
            )
            return [curve.validation]
        votes = [learner.untrained(known.prepared, known.validation, part=block) for learner in learners]
        return train_population(votes, known.prepared.bank, [self._settings[name] for name in names])


class _Block:
    """The rows of a forward block, and what is known of them."""

    def __init__(self, rows: LabelledRows, validation: LabelledRows, prepared: PreparedRows) -> None:
        self.rows, self.validation, self.prepared = rows, validation, prepared
        self.losses: dict[str, Sequence[float]] = {}
