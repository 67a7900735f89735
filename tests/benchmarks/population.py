"""Sixteen small networks trained as one population, as a search trains candidates, against a plain loop for each.

The networks are votes with an encoder of the guide's least size, four learning rates by four dropouts, on 8,640 rows
of 71 features: 1,024 queries an epoch in batches of 64, each answered by 1,024 rows. Peers, in the same run and on the
same rows: `plain`, the same network as somebody writes it in torch, trained by torch's AdamW in a loop over a
DataLoader; `alone`, our own fit of one network, which has our kernel and no company. One thread for all, which is what
a window's process has. Milliseconds are those of an epoch of one network, without the look at validation, medians over
interleaved rounds; processor time stands beside wall time, for a machine that has other things to do.
Bar: 7 times the plain loop.
"""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

from job.model.adamw import AdamW
from job.model.bank import TrainingBank
from job.model.fit import LorentzianLearner, PreparedRows, VoteEpoch, parameter_groups
from job.model.population import Population
from job.settings.procedure import ModelSettings
from tests.support.labelled import random_rows

NUM_ROWS, NUM_FEATURES, HORIZON_BARS = 8_640, 71, 12
RATES, DROPOUTS = (0.01, 0.003, 0.001, 0.0001), (0.1, 0.2, 0.3, 0.5)
CANDIDATES = tuple(
    ModelSettings(encoder="residual", hidden=32, effort="quick", lr=rate, dropout=dropout)
    for rate in RATES
    for dropout in DROPOUTS
)
NUM_ROUNDS = 7
FLOOR = 1e-4
CPU = torch.device("cpu")


def measure() -> dict[str, float]:
    """Ratios to the peers, and milliseconds of a network's epoch by each."""
    torch.set_num_threads(1)
    rows = random_rows(NUM_ROWS, num_features=NUM_FEATURES, strength=0.5, horizon_bars=HORIZON_BARS)
    prepared = PreparedRows.of(rows, CANDIDATES[0], CPU)
    learners = [LorentzianLearner(settings, stream=0, device=CPU) for settings in CANDIDATES]
    votes = [learner.untrained(prepared, None, part=0) for learner in learners]
    population = Population(votes, prepared.bank, CANDIDATES)
    epochs = {
        "population": population.train_epoch,
        "alone": _alone(learners[0], prepared, CANDIDATES[0]),
        "plain": _plain(prepared.bank, CANDIDATES[0]),
    }
    figures = {}
    for kind, each in _median_seconds(epochs).items():
        each["population"] /= len(CANDIDATES)
        figures |= {
            f"population_vs_plain_{kind}ratio": each["plain"] / each["population"],
            f"population_vs_alone_{kind}ratio": each["alone"] / each["population"],
            **{f"{name}_epoch_{kind}ms": 1e3 * value for name, value in each.items()},
        }
    return figures


def _median_seconds(operations: dict[str, Callable[[], object]]) -> dict[str, dict[str, float]]:
    """Of interleaved rounds, after one that does not count: of wall time, named "", and of processor time."""
    clocks = {"": time.perf_counter, "processor_": time.process_time}
    rounds = []
    for _ in range(NUM_ROUNDS + 1):
        taken = {}
        for name, operation in operations.items():
            start = {kind: clock() for kind, clock in clocks.items()}
            operation()
            taken[name] = {kind: clock() - start[kind] for kind, clock in clocks.items()}
        rounds.append(taken)
    return {
        kind: {name: statistics.median(taken[name][kind] for taken in rounds[1:]) for name in operations}
        for kind in clocks
    }


def _alone(learner: LorentzianLearner, prepared: PreparedRows, settings: ModelSettings) -> Callable[[], float]:
    """An epoch of one of our fits."""
    vote = learner.untrained(prepared, None, part=0)
    vote.network.train()
    optimizer = AdamW(parameter_groups(vote.network, settings.lr))
    return VoteEpoch(vote=vote, bank=prepared.bank, optimizer=optimizer, batch_size=settings.batch_size).run


def _plain(bank: TrainingBank, settings: ModelSettings) -> Callable[[], None]:
    """An epoch of the loop that a tutorial shows."""
    network = _PlainVote(settings)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.lr)
    data = TensorDataset(bank.features, bank.up, bank.weight, bank.label_start_ms, bank.label_end_ms)
    loader = DataLoader(data, batch_size=settings.batch_size, sampler=RandomSampler(data, num_samples=1024))

    def run() -> None:
        for queries, up, weight, start_ms, end_ms in loader:
            sample = torch.randperm(len(bank))[:1024]
            meets = (start_ms[:, None] <= bank.label_end_ms[sample]) & (bank.label_start_ms[sample] <= end_ms[:, None])
            logit = network(queries, bank.features[sample], bank.up[sample], bank.weight[sample].log(), meets)
            loss = binary_cross_entropy_with_logits(logit, up, weight=weight)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()

    return run


class _PlainVote(nn.Module):
    """The network from torch's own parts; its line is level, which is in the plain loop's favour."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        width, hidden = settings.embedding, settings.hidden
        self.log_scales = nn.Parameter(torch.zeros(NUM_FEATURES))
        self.log_temperature, self.prior_logit_share, self.gate_logit = (
            nn.Parameter(torch.tensor(value)) for value in (-3.0, 0.0, -2.0)
        )
        self.front = nn.Linear(NUM_FEATURES, width, bias=False)
        self.block = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.Linear(width, hidden, bias=False),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(hidden, width, bias=False),
        )

    def forward(self, queries: Tensor, bank: Tensor, bank_up: Tensor, log_weights: Tensor, meets: Tensor) -> Tensor:
        """Logits of p(up), float (Q,)."""
        embedded = self.front(torch.cat([queries, bank]))
        embedded = embedded + self.block(embedded)
        asks, answers = embedded[: len(queries)], embedded[len(queries) :]
        gate, share = torch.sigmoid(self.gate_logit), torch.sigmoid(self.prior_logit_share)
        distance = (1 - gate) * torch.log1p((queries[:, None] - bank).abs() * self.log_scales.exp()).mean(dim=2)
        distance = distance + gate * torch.log1p((asks[:, None] - answers).abs()).mean(dim=2)
        score = (log_weights - distance / self.log_temperature.exp()).masked_fill(meets, -1e30)
        voted = (1 - share) * torch.softmax(score, dim=1) @ bank_up + share * 0.5
        return torch.logit(voted.clamp(FLOOR, 1 - FLOOR))
