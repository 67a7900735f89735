"""What each part of the learned vote is worth: the same forecasts with one part taken out or put in.

On planted worlds of ten features, whose true probabilities say how much of the edge is found, and on the real klines:
another distance (Euclidean, cosine), no mask of overlapping labels but the row itself, the learned encoder, no
context markets, no sample weights, balanced classes, no line. By default four draws of each world, which test sixty
days each, and nine of the real windows, whose sixty-three days are the fewest that have an interval: about twelve
minutes of one free core. Full effort takes longer than all else together, and is done where it is asked for, as is the
second real label. It goes on where it was stopped.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from unittest.mock import patch

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

import job.model.fit
from job.evaluation.classification import log_losses
from job.intervals import DAY_MS, interval_ms
from job.model.bank import TrainingBank
from job.model.kernel import LabelSpans, Vote
from job.model.line import Line
from job.model.lorentzian import LorentzianNCA
from job.rows import LabelledRows
from job.rules import make_dataset
from job.windows import Span, Window
from tests.benchmarks import _cells
from tests.benchmarks._forecasts import CONTEXT, FOLDER, INTERVAL, forecast_test, learner_of, real_rows, real_windows
from tests.benchmarks.quality import bounds, difference
from tests.support import planted_worlds
from tests.support.audited import END_MS, WARM_UP_DAYS, synthetic_procedure

AS_IT_IS, FULL = "as it is", "full effort"
TRAIN_DAYS, TEST_DAYS = 30, 60
FIRST_SEED = 5_000  # apart from the worlds of `power`
WORLDS: tuple[planted_worlds.Kind, ...] = ("linear", "xor")
NUM_FEATURES = 10
REAL = {"up": "up", "far up": "far up"}


class _OtherDistance(LorentzianNCA):
    """The vote under another distance between scaled features."""

    def _distance(self, queries: Tensor, bank: Tensor) -> Tensor:
        raise NotImplementedError

    def ask(self, queries, bank, bank_up, mask=None, *, log_weights=None, member=0) -> Vote:  # type: ignore[no-untyped-def]
        """As the kernel answers."""
        score = self._score(queries, bank, mask, log_weights, member)
        return Vote(share=torch.softmax(score, dim=1).nan_to_num() @ bank_up, log_normaliser=score.logsumexp(dim=1))

    @torch.no_grad()
    def weights(self, queries, bank, mask=None, *, log_weights=None, member=0) -> Tensor:  # type: ignore[no-untyped-def]
        """As the kernel weighs."""
        return torch.softmax(self._score(queries, bank, mask, log_weights, member), dim=1).nan_to_num()

    def _score(self, queries, bank, mask, log_weights, member) -> Tensor:  # type: ignore[no-untyped-def]
        scales = self.scales[member]
        score = -self._distance(queries * scales, bank * scales) / self.temperature[member]
        score = score if log_weights is None else score + log_weights
        masked = mask.meet() if isinstance(mask, LabelSpans) else mask
        return score if masked is None else score.masked_fill(masked, -torch.inf)


class _Euclidean(_OtherDistance):
    def _distance(self, queries: Tensor, bank: Tensor) -> Tensor:
        squares = queries.square().sum(1)[:, None] + bank.square().sum(1)[None] - 2 * queries @ bank.T
        return (squares.clamp_min(0) / queries.shape[1] + 1e-9).sqrt()


class _Cosine(_OtherDistance):
    def _distance(self, queries: Tensor, bank: Tensor) -> Tensor:
        return 1 - torch.nn.functional.normalize(queries, dim=1) @ torch.nn.functional.normalize(bank, dim=1).T


def _itself_alone(bank: TrainingBank, queries: Tensor, candidates: Tensor) -> Tensor:
    return queries[:, None] == candidates[None, :]


def _flat_line(features: np.ndarray, rows: LabelledRows, weights: np.ndarray) -> Line:
    prior = float(np.average(rows.up, weights=weights))
    return Line(slope=np.zeros(features.shape[1]), level=float(np.log(prior / (1 - prior))))


CHANGES: dict[str, tuple[Callable[[], object], ...]] = {
    AS_IT_IS: (),
    "Euclidean": (partial(patch.object, job.model.fit, "LorentzianNCA", _Euclidean),),
    "cosine": (partial(patch.object, job.model.fit, "LorentzianNCA", _Cosine),),
    "no band mask": (partial(patch.object, TrainingBank, "overlap", _itself_alone),),
    "no sample weights": (
        partial(patch.object, job.model.fit, "sample_weights", lambda starts, ends: np.ones(len(starts))),
    ),
    "no line": (partial(patch.object, job.model.fit, "fit_line", _flat_line),),
    "encoder": (),
    "balanced classes": (),
    FULL: (),
    "no context": (),
    "logistic": (),
}
SETTINGS: dict[str, dict[str, object]] = {
    "encoder": {"encoder": "residual"},
    "balanced classes": {"class_weights": "balanced"},
    FULL: {"effort": "full"},
}
# From one real window to the next draw's: neighbours share most of their days, and 21 windows are all visited.
WINDOW_STRIDE = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Seeds, processors, file, and which part of the table."""
    _cells.add_arguments(parser, name="ablations", seeds=4)
    parser.add_argument("--windows", type=int, default=9, help="number of the real windows")
    parser.add_argument("--subjects", nargs="+", choices=[*WORLDS, *REAL], default=[*WORLDS, "up"])
    parser.add_argument("--changes", nargs="+", choices=list(CHANGES), default=[c for c in CHANGES if c != FULL])


def measure(arguments: argparse.Namespace) -> dict[str, list[_cells.Cell]]:
    """Do the fits that are missing: a row for each subject and change; a seed is a world, or a real window."""
    subjects = [s for s in arguments.subjects if s in WORLDS or FOLDER.is_dir()]
    cells = [
        {"subject": subject, "seed": seed, "change": change}
        for subject in subjects
        for seed in range(arguments.seeds if subject in WORLDS else arguments.windows)
        for change in dict.fromkeys((AS_IT_IS, *arguments.changes))
        if subject in REAL or change != "no context"
    ]
    found = _cells.run_cells(cells, _one_fit, jobs=arguments.jobs, out=arguments.out)
    rows = []
    for subject in subjects:
        mine = [cell for cell in found if cell["subject"] == subject]
        rows += [_row(mine, subject, change) for change in dict.fromkeys(cell["change"] for cell in mine)]
    return {"ablations": rows}


def _row(cells: list[_cells.Cell], subject: str, change: str) -> _cells.Cell:
    own, base = ([cell for cell in cells if cell["change"] == name] for name in (change, AS_IT_IS))
    up, day = (np.concatenate([cell[key] for cell in own]) for key in ("up", "day"))
    probability, before = (np.concatenate([cell["probability"] for cell in part]) for part in (own, base))
    lead = difference(up.astype(np.float64), probability, before, day)
    area = np.mean([roc_auc_score(cell["up"], cell["probability"]) for cell in own])
    losses = log_losses(up.astype(np.float64), probability)
    row = {
        "subject": subject,
        "change": change,
        "fits": len(own),
        "log-loss": float(losses.mean()),
        "AUC": float(area),
    }
    return row if change == AS_IT_IS else row | {"less as it is": lead.value.value} | bounds(lead)


def _one_fit(cell: _cells.Cell) -> _cells.Cell:
    rows, names, window, bar_ms = (_planted if cell["subject"] in WORLDS else _real)(cell["subject"], cell["seed"])
    change = cell["change"]
    if change == "no context":
        kept = [n for n, name in enumerate(names) if not name.lower().startswith(tuple(s.lower() for s in CONTEXT))]
        rows, names = replace(rows, features=rows.features[:, kept]), tuple(names[n] for n in kept)
    model = "logistic" if change == "logistic" else "lorentzian"
    with _changed(change):
        learner = learner_of(model, names, stream=cell["seed"], **SETTINGS.get(change, {}))
        made = forecast_test(learner, rows, window, bar_ms=bar_ms)
    return {
        "up": made.up.astype(int).tolist(),
        "probability": made.probability.round(6).tolist(),
        "day": (made.open_time // DAY_MS + 10_000 * cell["seed"] * (cell["subject"] in WORLDS)).tolist(),
    }


@contextmanager
def _changed(change: str) -> Iterator[None]:
    with ExitStack() as stack:
        for replacement in CHANGES[change]:
            stack.enter_context(replacement())  # type: ignore[arg-type]
        yield


def _planted(subject: planted_worlds.Kind, seed: int) -> tuple[LabelledRows, tuple[str, ...], Window, int]:
    days = WARM_UP_DAYS + TRAIN_DAYS + TEST_DAYS
    world = planted_worlds.planted_world(
        subject, seed=FIRST_SEED + seed, num_days=days, last_close_ms=END_MS, num_features=NUM_FEATURES
    )
    procedure = planted_worlds.planted_procedure(
        synthetic_procedure(data_days=days - WARM_UP_DAYS, window_size=TRAIN_DAYS, test_size=7)
    )
    rows = make_dataset(world.klines, world.features, procedure).rows
    test_ms = END_MS - TEST_DAYS * DAY_MS
    window = Window(
        index=0,
        train=Span(start_ms=test_ms - TRAIN_DAYS * DAY_MS, end_ms=test_ms),
        test=Span(start_ms=test_ms, end_ms=END_MS),
    )
    return rows, world.features.names, window, interval_ms(planted_worlds.INTERVAL)


def _real(subject: str, seed: int) -> tuple[LabelledRows, tuple[str, ...], Window, int]:
    rows, names = real_rows(REAL[subject])
    windows = real_windows(rows)
    return rows, names, windows[WINDOW_STRIDE * seed % len(windows)], interval_ms(INTERVAL)
