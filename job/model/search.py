"""Candidates of a search: which settings of the vote are tried, who goes on, and who is chosen.

The guide's grid has 144 cells and E.5's thousands, and a window has a few hundred independent labels: most of what a
finer search finds is luck. So a dozen are drawn, once for a run, and halved (successive halving: Jamieson and
Talwalkar, 2016): all of them on a ninth of the epochs, the best third on a third. The settings as they were given
always go on to the end, and stay unless another is better by more than luck moves a loss.

Nothing here fits or sees a row: it knows settings and losses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from job.model.classifier import ValidatedFit
from job.model.epochs import LEAST_GAIN
from job.settings.procedure import ModelSettings

Value = float | int | str
Changes = dict[str, Value]

RESIDUAL = "residual"
GUIDE: dict[str, tuple[Value, ...]] = {
    "encoder": (RESIDUAL,),  # hidden units and dropout are its
    "lr": (0.01, 0.001, 0.0001),
    "batch_size": (32, 64, 128),
    "hidden": (32, 64, 128, 256),
    "dropout": (0.1, 0.2, 0.3, 0.5),
}
WIDE: dict[str, tuple[Value, ...]] = {
    "encoder": ("none", RESIDUAL),
    "lr": (0.01, 0.001, 0.0001),
    "batch_size": (32, 64, 128, 256),
    "neighbours": (20.0, 50.0, 150.0),
    "embedding": (16, 32, 64),
    "blocks": (0, 1, 2),
    "hidden": (32, 64, 128, 256),
    "dropout": (0.1, 0.2, 0.3, 0.5),
}
GRIDS = {"guide": GUIDE, "wide": WIDE}
OF_BLOCKS = ("hidden", "dropout")
OF_ENCODER = ("embedding", "blocks", *OF_BLOCKS)

SEARCHED = "lorentzian"  # the learner whose settings are searched
EPOCH_SHARES = (1 / 9, 1 / 3)
KEPT_SHARE = 1 / 3
SEARCH_STREAM = 0x5EA7C4  # sets the draw apart from other random numbers of the seed


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Settings that are tried: what they change of those that were given. Number 0 changes nothing."""

    number: int
    changes: Changes


@dataclass(frozen=True, kw_only=True)
class SearchFit:
    """A learner of a search: its name, which says who is tried for how long, and its settings.

    ``is_trial`` where it is only to be judged; the last one of a candidate is trained as the vote if it is chosen.
    """

    name: str
    settings: ModelSettings
    is_trial: bool


@dataclass(frozen=True, kw_only=True)
class SearchChoice:
    """What was tried and what was chosen.

    Parameters
    ----------
    candidates : all, by number; the first is the settings as given.
    epochs : the most that a candidate was trained for in each rung.
    losses : mean validation log-loss of each candidate in each rung; a candidate that was dropped has fewer.
    chosen : the candidate's number.
    """

    candidates: tuple[Candidate, ...]
    epochs: tuple[int, ...]
    losses: tuple[tuple[float, ...], ...]
    chosen: int

    @property
    def changes(self) -> Changes:
        """What the chosen candidate changes of the settings as given."""
        return self.candidates[self.chosen].changes


def draw_candidates(settings: ModelSettings) -> tuple[Candidate, ...]:
    """The candidates of a run, the same in every window: the settings as given, and cells drawn from the grid."""
    if settings.search == "none":
        return ()
    cells = _cells(GRIDS[settings.search], settings)
    generator = np.random.default_rng([settings.seed, SEARCH_STREAM])
    drawn = sorted(generator.choice(len(cells), size=min(settings.search_candidates, len(cells)), replace=False))
    changes: list[Changes] = [{}, *(cells[number] for number in drawn)]
    return tuple(Candidate(number=number, changes=each) for number, each in enumerate(changes))


def fit_name(number: int, epochs: int | None = None) -> str:
    """The learner's name of a candidate that is given so many epochs at most; without a number, all."""
    if epochs is not None:
        return f"{SEARCHED}#{number}@{epochs}"
    return f"{SEARCHED}#{number}" if number else SEARCHED


def search_fits(settings: ModelSettings) -> tuple[SearchFit, ...]:
    """All fits that a search may ask for, but that of the settings as given for all epochs, which is no search."""
    return tuple(
        SearchFit(
            name=fit_name(candidate.number, epochs),
            settings=settings.model_copy(update=candidate.changes | {"epochs": epochs or settings.epochs}),
            is_trial=epochs is not None,
        )
        for candidate in draw_candidates(settings)
        for epochs in (*rung_epochs(settings), None)
        if candidate.number or epochs
    )


def rung_epochs(settings: ModelSettings) -> tuple[int, ...]:
    """The most epochs of each rung; two rungs of few epochs are one."""
    return tuple(dict.fromkeys(max(1, round(share * settings.epochs)) for share in EPOCH_SHARES))


def going_on(losses: Mapping[int, float]) -> tuple[int, ...]:
    """Which candidates go on to the next rung: the best third, and the settings as given."""
    best = sorted(losses, key=lambda number: (losses[number], number))
    return tuple(sorted({0, *best[: max(1, round(KEPT_SHARE * len(best)))]}))


def winner(losses: Mapping[int, float]) -> int:
    """The candidate with the lowest loss of the last rung; the settings as given where it is not clearly lower."""
    best = min(sorted(losses), key=losses.__getitem__)
    return best if losses[best] < losses[0] - LEAST_GAIN else 0


def shared_loss(validated: Sequence[ValidatedFit]) -> float:
    """The lowest mean loss over the blocks that one number of epochs has: that by which a refit would choose it.

    Epochs that have diverged to NaN do not count; before the first of them, a fit is the line, which has a loss.
    """
    common = set.intersection(*(set(fit.losses) for fit in validated))
    return float(np.nanmin([np.mean([fit.losses[epochs] for fit in validated]) for epochs in common]))


def _cells(grid: Mapping[str, tuple[Value, ...]], given: ModelSettings) -> list[Changes]:
    """Each different cell once, and none that is what was given."""
    cells = [_that_matter(dict(zip(grid, values, strict=True))) for values in product(*grid.values())]
    different = {tuple(cell.items()): cell for cell in cells}
    return [cell for cell in different.values() if given.model_copy(update=cell) != given]


def _that_matter(cell: Changes) -> Changes:
    """A cell without the sizes of parts that it does not have."""
    unused = OF_ENCODER if cell["encoder"] == "none" else OF_BLOCKS if cell.get("blocks") == 0 else ()
    return {name: value for name, value in cell.items() if name not in unused}
