"""The vote as a search tries it: trained for a few epochs, judged by its losses, and forgotten."""

import numpy as np

from job.model.classifier import OnEpoch, ValidatedFit
from job.model.fit import LorentzianLearner
from job.rows import LabelledRows


class TrialLearner(LorentzianLearner):
    """A candidate in one rung. Nobody asks for its forecasts, which cost as much as its epochs: they are NaN."""

    def validate(
        self, fit: LabelledRows, validation: LabelledRows, *, block: int, on_epoch: OnEpoch | None = None
    ) -> ValidatedFit:
        """Train with early stopping on ``validation``; its losses alone."""
        _, curve = self._train(fit, validation, part=block, num_epochs=self._settings.epochs, on_epoch=on_epoch)
        losses = {float(epoch): loss for epoch, loss in enumerate(curve.validation)}
        return ValidatedFit(probability=np.full(len(validation), np.nan), losses=losses)
