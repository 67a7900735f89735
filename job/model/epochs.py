"""How any network is trained: epochs, the course of the learning rate, early stopping on validation loss.

It knows nothing of what an epoch does or of how a loss is measured; both are given as functions.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from job import interruption
from job.model.adamw import AdamW
from job.model.classifier import Classifier, LossCurve, OnEpoch, ValidatedFit, best_candidate
from job.model.novelty import is_novel
from job.rows import LabelledRows
from job.settings.procedure import ModelSettings

PATIENCE_EPOCHS = 6
# A lower loss than this is no news: a block of validation cannot tell it from luck, and waiting for it costs epochs.
LEAST_GAIN = 1e-4
PLATEAU_EPOCHS, PLATEAU_FACTOR = 3, 1 / 3

Network = TypeVar("Network", bound=Classifier)


class EpochLearner(ABC, Generic[Network]):
    """Chooses the number of epochs on forward blocks, and refits with it.

    Parameters
    ----------
    settings : ModelSettings
    stream : int
        Sets this learner's random numbers apart from those of other windows under the same seed.
    device : torch.device
    """

    name: str

    def __init__(self, settings: ModelSettings, *, stream: int, device: torch.device) -> None:
        self._settings = settings
        self._stream = stream
        self._device = device

    def validate(
        self, fit: LabelledRows, validation: LabelledRows, *, block: int, on_epoch: OnEpoch | None = None
    ) -> ValidatedFit:
        """Train with early stopping on ``validation``; forecast it with the best epoch's weights."""
        classifier, curve = self._train(
            fit, validation, part=block, num_epochs=self._settings.epochs, on_epoch=on_epoch
        )
        strange = is_novel(classifier, validation.features)
        return ValidatedFit(
            probability=classifier.predict(validation.features),
            losses={float(epoch): loss for epoch, loss in enumerate(curve.validation)},
            curve=curve,
            is_novel=strange if strange.any() else None,
        )

    def refit(
        self, train: LabelledRows, validated: tuple[ValidatedFit, ...], *, on_epoch: OnEpoch | None = None
    ) -> tuple[Network, LossCurve]:
        """Train on all rows for the epochs with the best mean validation loss."""
        num_epochs = int(best_candidate(validated))
        return self._train(train, None, part=len(validated), num_epochs=num_epochs, on_epoch=on_epoch)

    @abstractmethod
    def _train(
        self,
        rows: LabelledRows,
        validation: LabelledRows | None,
        *,
        part: int,
        num_epochs: int,
        on_epoch: OnEpoch | None,
    ) -> tuple[Network, LossCurve]:
        """One fit; ``part`` sets its random numbers apart from those of the window's other fits."""


def seeded_generator(settings: ModelSettings, *, stream: int, part: int) -> torch.Generator:
    """Random numbers of one fit: set apart by seed, window and part of the window's fits."""
    sequence = np.random.SeedSequence([settings.seed, stream, part])
    return torch.Generator().manual_seed(int(sequence.generate_state(1)[0]))


def train_epochs(
    network: nn.Module,
    optimizer: AdamW,
    settings: ModelSettings,
    *,
    run_epoch: Callable[[], float],
    validation_loss: Callable[[], float] | None,
    num_epochs: int,
    on_epoch: OnEpoch | None,
) -> LossCurve:
    """Train for up to ``num_epochs``, and leave the network with its best weights, frozen.

    Parameters
    ----------
    optimizer : AdamW
        Each of its groups names its ``speed``, in multiples of the settings' learning rate.
    run_epoch : callable
        Trains for one epoch; returns its mean loss.
    validation_loss : callable or None
        Measures the network; with None every epoch is trained, and the last one's weights stay.
    """
    judge = EarlyStop(network, validation_loss) if validation_loss is not None else None
    training: list[float] = []
    if judge is not None:
        judge.look()
    for epoch in range(num_epochs):
        interruption.check()
        set_rate(optimizer, rate_after(training, settings))
        network.train()
        training.append(run_epoch())
        if on_epoch is not None:
            on_epoch(epoch, training[-1])
        if judge is not None and judge.look() >= PATIENCE_EPOCHS:
            break
    if judge is not None:
        judge.restore()
    network.eval().requires_grad_(False)
    return LossCurve(
        training=tuple(training),
        validation=tuple(judge.losses) if judge is not None else (),
        best_epoch=judge.best_epoch if judge is not None else num_epochs,
    )


class EarlyStop:
    """Watches a network's validation loss, and keeps its weights of the best epoch."""

    def __init__(self, network: nn.Module, validation_loss: Callable[[], float]) -> None:
        self._network = network
        self._validation_loss = validation_loss
        self._best: dict[str, Tensor] = {}
        self.losses: list[float] = []
        self.best_epoch = 0

    def look(self) -> int:
        """Measure once more; return how many epochs ago the best one was."""
        self._network.eval()
        self.losses.append(self._validation_loss())
        newest, self.best_epoch = len(self.losses) - 1, best_epoch(self.losses)
        if newest == self.best_epoch:
            self._best = {name: value.clone() for name, value in self._network.state_dict().items()}
        return newest - self.best_epoch

    def restore(self) -> None:
        """Put the best epoch's weights back."""
        self._network.load_state_dict(self._best)


def best_epoch(losses: Sequence[float]) -> int:
    """The epoch whose weights are kept, from validation losses: the last that was better by more than luck."""
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best] - LEAST_GAIN:
            best = epoch
    return best


def rate_after(losses: Sequence[float], settings: ModelSettings) -> float:
    """The learning rate of the epoch that follows those with these training losses.

    Constant; a cosine to a hundredth of it; or, on a plateau, a third of it each time that `PLATEAU_EPOCHS` have gone
    by without a lower loss. Training losses are looked at, since a refit has no others.
    """
    if settings.scheduler == "none":
        return settings.lr
    if settings.scheduler == "cosine":
        return settings.lr * (0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * len(losses) / settings.epochs))))
    rate, lowest, waited = settings.lr, np.inf, 0
    for loss in losses:
        lowest, waited = (loss, 0) if loss < lowest else (lowest, waited + 1)
        if waited == PLATEAU_EPOCHS:
            rate, waited = rate * PLATEAU_FACTOR, 0
    return rate


def set_rate(optimizer: AdamW, rate: float | Tensor) -> None:
    """Give each group of parameters the rate times its own speed."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["speed"]
