"""Training of `LorentzianNCA`: queries ask a sampled bank, their own label's interval masked out of it.

Without that band mask a query finds its neighbours in time, whose labels overlap its own, and looks right on noise
(leave-one-out accuracy .7 on a random walk; .5 with the mask). With it, the training loss is a leave-one-out loss.
Epochs are counted in sampled queries, so that their cost does not grow with the window. On one CPU type, results
depend on the seed alone. Where classes are balanced, weights even them out in line, vote and loss, and forecasts are
corrected for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from job.arrays import BoolArray, Float32Array, FloatArray
from job.model.adamw import AdamW
from job.model.bank import TrainingBank, ValidationSample
from job.model.classifier import LossCurve, OnEpoch
from job.model.effort import Effort
from job.model.encoder import EncoderShape, ResidualEncoder
from job.model.epochs import EpochLearner, seeded_generator, train_epochs
from job.model.line import Line, fit_line
from job.model.lorentzian import LorentzianNCA
from job.model.novelty import MEASURED_ROWS, NEIGHBOUR, NoveltyLimit
from job.model.scaling import RobustScaler
from job.rows import LabelledRows
from job.sample_weights import balanced, sample_weights
from job.settings.procedure import ModelSettings

# Of the learning rate. A scale must be able to fall to e^-3 within the steps of a window, or no feature is ever left
# out: at RealMLP's six times the rate it moves by e^1 at most.
SCALE_SPEED = 100.0
ENCODER_SPEED = 2.0
WEIGHT_DECAY = 3e-4
GRADIENT_NORM = 1.0
PREDICT_CHUNK = 256


@dataclass(frozen=True, kw_only=True)
class LorentzianClassifier:
    """A fitted vote: scaler, learned numbers, and the bank that votes, each row with the logarithm of its weight.

    Where it is to stay silent about rows that are far from the bank, it has a limit of novelty.
    """

    scaler: RobustScaler
    network: LorentzianNCA
    bank: Tensor
    bank_up: Tensor
    log_weights: Tensor
    novelty: NoveltyLimit | None = None

    @torch.no_grad()
    def predict(self, features: Float32Array) -> FloatArray:
        """Probability of up, float64 (n,), for unscaled features, float32 (n, F)."""
        queries = torch.from_numpy(self.scaler.transform(features)).to(self.bank.device)
        chunks = [
            self.network.probability(part, self.bank, self.bank_up, log_weights=self.log_weights)
            for part in torch.split(queries, PREDICT_CHUNK)
        ]
        if not chunks:
            return np.empty(0)
        return torch.cat(chunks).double().cpu().numpy()

    def distance(self, features: Float32Array) -> FloatArray:
        """Learned distance to one of the nearest bank rows, the `NEIGHBOUR`-th, float64 (n,), for unscaled features."""
        queries = torch.from_numpy(self.scaler.transform(features)).to(self.bank.device)
        k = min(NEIGHBOUR, len(self.bank))
        parts = [self.network.nearest(part, self.bank, k).distance for part in torch.split(queries, PREDICT_CHUNK)]
        return torch.cat(parts)[:, -1].double().cpu().numpy() if parts else np.empty(0)

    def is_novel(self, features: Float32Array) -> BoolArray:
        """Whether to stay silent about each row, bool (n,)."""
        if self.novelty is None:
            return np.zeros(len(features), np.bool_)
        return self.distance(features) > self.novelty.distance


@dataclass(frozen=True, kw_only=True)
class PreparedRows:
    """Training rows as every fit on them needs them, whatever its learning rate or its encoder.

    Parameters
    ----------
    scaler, bank : of the rows.
    line : through them.
    prior : share of up labels, weighed as the bank is.
    own_prior : the same without weights of the classes.
    pretrained : whose distance the fits begin with; None for one that knows nothing yet.
    """

    scaler: RobustScaler
    bank: TrainingBank
    line: Line
    prior: float
    own_prior: float
    pretrained: LorentzianNCA | None = None

    @classmethod
    def of(cls, rows: LabelledRows, settings: ModelSettings, device: torch.device) -> "PreparedRows":
        """Scale and weigh them, move them to the device, and solve the line."""
        scaler = RobustScaler.fit(rows.features)
        own_weight = sample_weights(rows.label_start_ms, rows.label_end_ms)
        weight = balanced(rows.up, own_weight) if settings.class_weights == "balanced" else own_weight
        return cls(
            scaler=scaler,
            bank=TrainingBank.of(rows, scaler, device, weight),
            line=fit_line(scaler.transform(rows.features), rows, weight),
            prior=float(np.average(rows.up, weights=weight)),
            own_prior=float(np.average(rows.up, weights=own_weight)),
        )


@dataclass(frozen=True, kw_only=True)
class UntrainedVote:
    """A network before its first step, what early stopping looks at, and the random numbers of what is to come."""

    network: LorentzianNCA
    sample: ValidationSample | None
    num_queries: int
    num_candidates: int
    generator: torch.Generator


class LorentzianLearner(EpochLearner[LorentzianClassifier]):
    """Solves the line, then trains the votes beside it.

    Parameters
    ----------
    settings, stream, device : as of `EpochLearner`.
    name : of a search's candidate.
    """

    def __init__(self, settings: ModelSettings, *, stream: int, device: torch.device, name: str = "lorentzian") -> None:
        super().__init__(settings, stream=stream, device=device)
        self.name = name

    def _train(
        self,
        rows: LabelledRows,
        validation: LabelledRows | None,
        *,
        part: int,
        num_epochs: int,
        on_epoch: OnEpoch | None,
    ) -> tuple[LorentzianClassifier, LossCurve]:
        prepared = PreparedRows.of(rows, self._settings, self._device)
        return self.train_prepared(prepared, validation, part=part, num_epochs=num_epochs, on_epoch=on_epoch)

    def train_prepared(
        self,
        prepared: PreparedRows,
        validation: LabelledRows | None,
        *,
        part: int,
        num_epochs: int,
        on_epoch: OnEpoch | None,
    ) -> tuple[LorentzianClassifier, LossCurve]:
        """One fit on rows that are prepared; arguments as of `EpochLearner._train`."""
        vote, bank = self.untrained(prepared, validation, part=part), prepared.bank
        network, sample = vote.network, vote.sample
        optimizer = AdamW(parameter_groups(network, self._settings.lr))
        epoch = VoteEpoch(vote=vote, bank=bank, optimizer=optimizer, batch_size=self._settings.batch_size)
        curve = train_epochs(
            network,
            optimizer,
            self._settings,
            run_epoch=epoch.run,
            validation_loss=(lambda: sample.loss(network)) if sample is not None else None,
            num_epochs=num_epochs,
            on_epoch=on_epoch,
        )
        classifier = LorentzianClassifier(
            scaler=prepared.scaler,
            network=network,
            bank=bank.features,
            bank_up=bank.up,
            log_weights=bank.weight.log(),
            novelty=_novelty(network, bank, self._settings.novelty),
        )
        return classifier, curve

    def untrained(self, prepared: PreparedRows, validation: LabelledRows | None, *, part: int) -> UntrainedVote:
        """What the fit ``part`` begins with."""
        generator = seeded_generator(self._settings, stream=self._stream, part=part)
        effort, bank = Effort.of(self._settings, self._device), prepared.bank
        network = self._network(prepared, effort, generator)
        network.correct_prior(prepared.own_prior)
        num_candidates = effort.candidates(len(bank))
        start = bank.start_sample(num_candidates, generator)
        network.eval().start_temperature(*start, neighbours=self._settings.neighbours)
        sample = None if validation is None else ValidationSample.of(validation, prepared.scaler, bank, generator)
        return UntrainedVote(
            network=network,
            sample=sample,
            num_queries=min(effort.queries, len(bank)),
            num_candidates=num_candidates,
            generator=generator,
        )

    def _network(self, prepared: PreparedRows, effort: Effort, generator: torch.Generator) -> LorentzianNCA:
        num_features = prepared.bank.features.shape[1]
        encoder = None
        if self._settings.encoder == "residual":
            encoder = ResidualEncoder(
                num_features, num_members=effort.num_members, generator=generator, shape=self._encoder_shape()
            )
        network = LorentzianNCA(
            num_features,
            prior=prepared.prior,
            line=prepared.line,
            num_members=effort.num_members,
            encoder=encoder,
        ).to(self._device)
        if prepared.pretrained is not None:
            network.measure_like(prepared.pretrained)
        return network

    def _encoder_shape(self) -> EncoderShape:
        settings = self._settings
        return EncoderShape(
            embedded=settings.embedding,
            hidden=settings.hidden,
            num_blocks=settings.blocks,
            dropout=settings.dropout,
        )


@dataclass(frozen=True, kw_only=True)
class VoteEpoch:
    """One pass: every member asks about rows of its own, and answers from a sample of its own."""

    vote: UntrainedVote
    bank: TrainingBank
    optimizer: AdamW
    batch_size: int

    def run(self) -> float:
        """Train once; the mean loss."""
        network = self.vote.network
        network.let_vote()
        losses = []
        for batches in drawn_batches(self.bank, self.vote, self.batch_size):
            loss = torch.stack([self._loss(member, queries) for member, queries in enumerate(batches)]).mean()
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
            self.optimizer.step()
            losses.append(loss.detach())
        return float(torch.stack(losses).mean())

    def _loss(self, member: int, queries: Tensor) -> Tensor:
        asked = self.bank.question(queries, self.vote.num_candidates, self.vote.generator)
        logit = self.vote.network(
            asked.queries, asked.bank, asked.bank_up, asked.mask, log_weights=asked.log_weights, member=member
        )
        return binary_cross_entropy_with_logits(logit, asked.up, weight=asked.weight)


def drawn_batches(bank: TrainingBank, vote: UntrainedVote, batch_size: int) -> Iterator[tuple[Tensor, ...]]:
    """The queries of an epoch by index: for each step, a batch of every member's own."""
    members = range(vote.network.num_members)
    drawn = [torch.split(bank.sample(vote.num_queries, vote.generator), batch_size) for _ in members]
    return zip(*drawn, strict=True)


def _novelty(network: LorentzianNCA, bank: TrainingBank, quantile: float | None) -> NoveltyLimit | None:
    """How far training rows are from the bank, each without the rows whose labels meet its own."""
    if quantile is None:
        return None
    everyone = torch.arange(len(bank), device=bank.up.device)
    measured = everyone[:: max(1, len(bank) // MEASURED_ROWS)]
    k = min(NEIGHBOUR, len(bank))
    parts = [
        network.nearest(bank.features[part], bank.features, k, bank.overlap(part, everyone)).distance[:, -1]
        for part in torch.split(measured, PREDICT_CHUNK)
    ]
    return NoveltyLimit.of(torch.cat(parts).double().cpu().numpy(), quantile=quantile)


def parameter_groups(network: LorentzianNCA, rate: float) -> list[dict[str, Any]]:
    """The numbers of the votes, and those of the encoder, each with its speed and its decay, for `AdamW`."""
    encoder = [] if network.encoder is None else list(network.encoder.parameters())
    is_encoders = {id(parameter) for parameter in encoder}
    votes = [parameter for parameter in network.parameters() if id(parameter) not in is_encoders]
    groups = [(votes, SCALE_SPEED, 0.0), (encoder, ENCODER_SPEED, WEIGHT_DECAY)]
    return [
        {"params": parameters, "lr": rate * speed, "speed": speed, "weight_decay": decay}
        for parameters, speed, decay in groups
        if parameters
    ]
