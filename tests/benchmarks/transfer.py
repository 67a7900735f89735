"""What learning from two other markets first is worth, where they share the edge and where only the traded one has it.

Each edge exists only between two of ten features, so that no line sees it; two weeks teach it badly. Figures are the
transferred vote's test log-loss less that from scratch and less the pooled one's, with paired day-block intervals.
"""

from dataclasses import replace

import torch

from job.learners import learners_of
from job.records import POOLED, SCRATCH
from job.rehearsal import Rehearsal
from job.rules import peers_of
from job.run.plan import windows_of
from tests.benchmarks import _judged
from tests.support.audited import END_MS, synthetic_procedure
from tests.support.planted_worlds import PlantedWorld, planted_procedure, planted_rehearsal, planted_world

WINDOW_SIZE, TEST_SIZE, NUM_WINDOWS = 14, 30, 2  # sixty days of tests, the fewest that have an interval
NUM_DAYS = WINDOW_SIZE + NUM_WINDOWS * TEST_SIZE
NUM_FEATURES = 10
OTHER_FEATURES = 100  # seeds apart: features that say nothing of the bars beside them


def measure() -> dict[str, float]:
    """The differences in both worlds."""
    torch.set_num_threads(1)
    return _differences("shared", is_shared=True) | _differences("own", is_shared=False)


def _differences(world: str, *, is_shared: bool) -> dict[str, float]:
    rehearsal = _rehearsal(is_shared=is_shared)
    windows = []
    for window in windows_of(rehearsal.plan):
        peers = rehearsal.peer_rows(window)
        learners = learners_of(rehearsal.plan, window, device=torch.device("cpu"), peers=peers)
        votes = {learner.name: learner for learner in learners}
        windows.append(rehearsal.run(window, tuple(votes[name] for name in ("lorentzian", SCRATCH, POOLED))))
    figures = dict[str, float]()
    for name, difference in _judged.judged(rehearsal, tuple(windows)).differences.items():
        lead = difference.log_loss
        if lead is not None:
            key = f"{world}_less_{name}".replace("-", "_")
            told = {key: lead.value.value, f"{key}_low": lead.interval.low, f"{key}_high": lead.interval.high}
            figures |= {each: value for each, value in told.items() if value is not None}
    return figures


def _rehearsal(*, is_shared: bool) -> Rehearsal:
    procedure = planted_procedure(
        synthetic_procedure(
            data_days=NUM_DAYS,
            window_size=WINDOW_SIZE,
            test_size=TEST_SIZE,
            model="lorentzian",
            transfer="pretrain",
        )
    )
    peers = tuple(
        planted_rehearsal(_world(1 + number, is_planted=is_shared), peer)
        for number, peer in enumerate(peers_of(procedure))
    )
    return replace(planted_rehearsal(_world(0, is_planted=True), procedure), peers=peers)


def _world(seed: int, *, is_planted: bool) -> PlantedWorld:
    """A market whose features tell its next bar, or those of another one's."""
    world, other = (
        planted_world("xor", seed=each, num_days=NUM_DAYS, last_close_ms=END_MS, num_features=NUM_FEATURES)
        for each in (seed, seed + OTHER_FEATURES)
    )
    return world if is_planted else replace(world, features=other.features)
