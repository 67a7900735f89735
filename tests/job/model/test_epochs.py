import pytest
import torch
from torch import nn

from job.model import epochs
from job.model.classifier import LossCurve
from job.model.epochs import EarlyStop, rate_after, seeded_generator, train_epochs
from job.settings.procedure import ModelSettings


class Walk(nn.Module):
    """A network whose only weight counts its epochs."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs = nn.Parameter(torch.zeros(()))
        self.modes: list[bool] = []

    def step(self) -> float:
        """Train for one epoch."""
        self.modes.append(self.training)
        with torch.no_grad():
            self.epochs += 1
        return 1.0

    def look_up(self, losses: list[float]) -> float:
        """The loss after so many epochs."""
        self.modes.append(self.training)
        return losses[int(self.epochs)]


def walk(losses: list[float] | None, num_epochs: int, **settings: object) -> tuple[Walk, LossCurve, list[float]]:
    """Train a walk on given validation losses; also the rates of its epochs."""
    network, rates = Walk(), []
    optimizer = torch.optim.SGD([{"params": [network.epochs], "speed": 2.0}], lr=9.0)

    def run_epoch() -> float:
        rates.append(optimizer.param_groups[0]["lr"])
        return network.step()

    curve = train_epochs(
        network,
        optimizer,
        ModelSettings(**settings),
        run_epoch=run_epoch,
        validation_loss=None if losses is None else lambda: network.look_up(losses),
        num_epochs=num_epochs,
        on_epoch=None,
    )
    return network, curve, rates


def test_train_epochs_stops_and_restores_the_best_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two epochs without a better loss end the training, and the best epoch's weights come back, frozen."""
    monkeypatch.setattr(epochs, "PATIENCE_EPOCHS", 2)
    network, curve, _ = walk([0.9, 0.5, 0.7, 0.5, 0.1], 4)
    assert curve == LossCurve(training=(1.0,) * 3, validation=(0.9, 0.5, 0.7, 0.5), best_epoch=1)
    assert float(network.epochs) == 1
    assert not network.epochs.requires_grad


def test_train_epochs_trains_and_measures_in_the_right_mode() -> None:
    """Epochs run in training mode, looks in evaluation mode, and so does all that comes after."""
    network, _, _ = walk([0.9, 0.8, 0.7], 2)
    assert network.modes == [False, True, False, True, False]
    assert not network.training


def test_train_epochs_without_validation_trains_to_the_end() -> None:
    """A refit has no judge: all epochs, the last weights, no validation losses."""
    network, curve, _ = walk(None, 3)
    assert (float(network.epochs), curve.validation, curve.best_epoch) == (3, (), 3)


def test_train_epochs_sets_the_rate_of_each_group() -> None:
    """Settings' rate, on its course, times the group's speed."""
    _, _, rates = walk(None, 2, lr=0.1, epochs=10, scheduler="none")
    assert rates == [0.2, 0.2]


@pytest.mark.parametrize(("scheduler", "rates"), [("none", [0.1, 0.1, 0.1]), ("cosine", [0.1, 0.0505, 0.001])])
def test_rate_follows_the_scheduler(scheduler: str, rates: list[float]) -> None:
    """Constant, or a cosine from the full rate to a hundredth of it."""
    settings = ModelSettings(epochs=10, lr=0.1, scheduler=scheduler)
    assert [rate_after([1.0] * epoch, settings) for epoch in (0, 5, 10)] == pytest.approx(rates)


def test_rate_falls_by_a_third_on_every_plateau() -> None:
    """Three epochs without a lower loss lower it, and three more do so again; a lower loss starts the count anew."""
    settings = ModelSettings(lr=0.9, scheduler="plateau")
    losses = [0.5, 0.4, 0.4, 0.3, 0.3, 0.4, 0.3, 0.3, 0.3, 0.3]
    rates = [rate_after(losses[:epoch], settings) for epoch in range(len(losses) + 1)]
    assert rates == pytest.approx([0.9] * 7 + [0.3] * 3 + [0.1])


def test_early_stop_says_how_long_ago_the_best_epoch_was() -> None:
    """A loss that equals the best one is not better, nor is one that is lower by less than a ten-thousandth."""
    network = Walk()
    losses = iter([0.5, 0.4, 0.4, 0.39995, 0.3])
    judge = EarlyStop(network, lambda: next(losses))
    assert [judge.look() for _ in range(5)] == [0, 0, 1, 2, 0]
    assert judge.best_epoch == 4


def test_generators_differ_by_seed_stream_and_part() -> None:
    """The same address gives the same numbers, another address others."""

    def draw(seed: int, stream: int, part: int) -> float:
        return float(torch.rand((), generator=seeded_generator(ModelSettings(seed=seed), stream=stream, part=part)))

    assert draw(1, 2, 3) == draw(1, 2, 3)
    assert len({draw(1, 2, 3), draw(2, 1, 3), draw(1, 3, 2), draw(1, 2, 4)}) == 4
