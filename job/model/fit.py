"""Training of `LorentzianNCA`: queries ask a sampled bank, their own label's interval masked out of it.

Without that band mask a query finds its neighbours in time, whose labels overlap its own, and looks right on noise
(leave-one-out accuracy .7 on a random walk; .5 with the mask). With it, the training loss is a leave-one-out loss.
Epochs are counted in sampled queries, so that their cost does not grow with the window. On one CPU type, results
depend on the seed alone. Where classes are balanced, weights even them out in line, vote and loss, and forecasts are
corrected for it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from job.arrays import BoolArray, Float32Array, FloatArray
from job.model.adamw import AdamW
from job.model.bank import TrainingBank, ValidationSample
from job.model.classifier import LossCurve, OnEpoch
from job.model.encoder import EncoderShape, ResidualEncoder
from job.model.epochs import EpochLearner, seeded_generator, train_epochs
from job.model.line import fit_line
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
class Effort:
    """How much a fit may cost.

    Parameters
    ----------
    queries : asked in an epoch, at most.
    bank_share, bank_rows : the part of the rows that answers each batch, and how many at most.
    num_members : votes whose probabilities are averaged.
    """

    queries: int
    bank_share: float
    bank_rows: int
    num_members: int

    @classmethod
    def of(cls, settings: ModelSettings, device: torch.device) -> "Effort":
        """What was asked for; where nothing was, full on a GPU alone."""
        name = settings.effort
        if name == "auto":
            name = "quick" if device.type == "cpu" else "full"
        return QUICK if name == "quick" else FULL


QUICK = Effort(queries=1024, bank_share=1.0, bank_rows=1024, num_members=1)
FULL = Effort(queries=1 << 30, bank_share=0.5, bank_rows=1 << 30, num_members=3)


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
        generator = seeded_generator(self._settings, stream=self._stream, part=part)
        effort = Effort.of(self._settings, self._device)
        scaler = RobustScaler.fit(rows.features)
        own_weight = sample_weights(rows.label_start_ms, rows.label_end_ms)
        weight = balanced(rows.up, own_weight) if self._settings.class_weights == "balanced" else own_weight
        bank = TrainingBank.of(rows, scaler, self._device, weight)
        network = self._network(rows, scaler, weight, effort, generator)
        network.correct_prior(float(np.average(rows.up, weights=own_weight)))
        num_candidates = min(effort.bank_rows, max(1, int(effort.bank_share * len(bank))))
        start = bank.start_sample(num_candidates, generator)
        network.eval().start_temperature(*start, neighbours=self._settings.neighbours)
        sample = ValidationSample.of(validation, scaler, bank, generator) if validation is not None else None
        optimizer = AdamW(_parameter_groups(network, self._settings.lr))
        epoch = _Epoch(
            network=network,
            bank=bank,
            optimizer=optimizer,
            num_queries=min(effort.queries, len(bank)),
            num_candidates=num_candidates,
            batch_size=self._settings.batch_size,
            generator=generator,
        )
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
            scaler=scaler,
            network=network,
            bank=bank.features,
            bank_up=bank.up,
            log_weights=bank.weight.log(),
            novelty=_novelty(network, bank, self._settings.novelty),
        )
        return classifier, curve

    def _network(
        self,
        rows: LabelledRows,
        scaler: RobustScaler,
        weight: FloatArray,
        effort: Effort,
        generator: torch.Generator,
    ) -> LorentzianNCA:
        num_features = rows.features.shape[1]
        encoder = None
        if self._settings.encoder == "residual":
            encoder = ResidualEncoder(
                num_features, num_members=effort.num_members, generator=generator, shape=self._encoder_shape()
            )
        network = LorentzianNCA(
            num_features,
            prior=float(np.average(rows.up, weights=weight)),
            line=fit_line(scaler.transform(rows.features), rows, weight),
            num_members=effort.num_members,
            encoder=encoder,
        )
        return network.to(self._device)

    def _encoder_shape(self) -> EncoderShape:
        settings = self._settings
        return EncoderShape(
            embedded=settings.embedding,
            hidden=settings.hidden,
            num_blocks=settings.blocks,
            dropout=settings.dropout,
        )


@dataclass(frozen=True, kw_only=True)
class _Epoch:
    """One pass: every member asks about rows of its own, and answers from a sample of its own."""

    network: LorentzianNCA
    bank: TrainingBank
    optimizer: AdamW
    num_queries: int
    num_candidates: int
    batch_size: int
    generator: torch.Generator

    def run(self) -> float:
        """Train once; the mean loss."""
        self.network.let_vote()
        losses = []
        members = range(self.network.num_members)
        drawn = [torch.split(self.bank.sample(self.num_queries, self.generator), self.batch_size) for _ in members]
        for batches in zip(*drawn, strict=True):
            loss = torch.stack([self._loss(member, queries) for member, queries in enumerate(batches)]).mean()
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_NORM)
            self.optimizer.step()
            losses.append(loss.detach())
        return float(torch.stack(losses).mean())

    def _loss(self, member: int, queries: Tensor) -> Tensor:
        bank = self.bank
        candidates = bank.sample(self.num_candidates, self.generator)
        logit = self.network(
            bank.features[queries],
            bank.features[candidates],
            bank.up[candidates],
            bank.overlap(queries, candidates),
            log_weights=bank.weight[candidates].log(),
            member=member,
        )
        return binary_cross_entropy_with_logits(logit, bank.up[queries], weight=bank.weight[queries])


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


def _parameter_groups(network: LorentzianNCA, rate: float) -> list[dict[str, object]]:
    encoder = [] if network.encoder is None else list(network.encoder.parameters())
    is_encoders = {id(parameter) for parameter in encoder}
    votes = [parameter for parameter in network.parameters() if id(parameter) not in is_encoders]
    groups = [(votes, SCALE_SPEED, 0.0), (encoder, ENCODER_SPEED, WEIGHT_DECAY)]
    return [
        {"params": parameters, "lr": rate * speed, "speed": speed, "weight_decay": decay}
        for parameters, speed, decay in groups
        if parameters
    ]
