"""Several models' forecasts as one: the weighted mean of their logits, kept only where it is not shown to be worse.

What models disagree about is often their noise, and cancels. Weights are fitted on validation forecasts and moved half
of the way back to equal ones, which are hard to beat where there is little to fit on (Stock and Watson, 2004; Smith
and Wallis, 2009, on the forecast combination puzzle; Satopaa et al., 2014, for the mean of logits).

Whether to keep the blend is decided on forecasts of which none was weighed by its own labels: the first block's with
equal weights, the next one's with weights of the blocks before. Where the whole interval of its log-loss, less that of
the best member, lies on the worse side, that member forecasts alone.

Shapes: M members, n rows, D days.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from job.arrays import Float32Array, FloatArray, IntArray
from job.model.calibration import logit, shrink
from job.model.classifier import Classifier, log_losses, mean_log_loss

BLEND = "blend"
MEMBERS = ("lorentzian", "lightgbm", "logistic")
GRID_STEPS = 20  # weights are tried in twentieths: finer than a few days of validation can tell apart
FITTED_SHARE = 0.5
NUM_DRAWS = 1_000
CONFIDENCE = 0.95
LOSS_DIGITS = 10


@dataclass(frozen=True, kw_only=True)
class MemberForecasts:
    """Validation forecasts of all members of a blend.

    Parameters
    ----------
    names : the M members.
    probability : float64 (M, n), calibrated.
    up : float64 (n,), labels, NaN where there is none.
    block : int64 (n,), which forward block a row belongs to, ascending.
    day : int64 (n,), number of its UTC day.
    """

    names: tuple[str, ...]
    probability: FloatArray
    up: FloatArray
    block: IntArray
    day: IntArray


@dataclass(frozen=True, kw_only=True)
class BlendChoice:
    """What validation has chosen.

    Parameters
    ----------
    weights : of every member, >= 0, sum 1; a blend that was dropped gives all to the best member.
    is_kept : whether it is the blend that forecasts.
    best_member : with the lowest validation log-loss.
    loss_less_best : of the blend less that of the best member, in nats; below 0 the blend is better.
    low, high : the 95 % interval of that, from redrawn days.
    """

    weights: dict[str, float]
    is_kept: bool
    best_member: str
    loss_less_best: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class BlendMember:
    """A fitted member, how it is calibrated, and its weight."""

    name: str
    weight: float
    classifier: Classifier
    prior: float
    slope: float


@dataclass(frozen=True, kw_only=True)
class WeighedMembers:
    """The members that have a say."""

    members: tuple[BlendMember, ...]

    def predict(self, features: Float32Array) -> FloatArray:
        """Probability of up, float64 (n,), for unscaled features, float32 (n, F)."""
        forecasts = [
            shrink(member.classifier.predict(features), prior=member.prior, slope=member.slope)
            for member in self.members
        ]
        return mix(np.stack(forecasts), np.array([member.weight for member in self.members]))


@dataclass(frozen=True, kw_only=True)
class BlendClassifier(WeighedMembers):
    """The same, and the choice that gave them their say."""

    choice: BlendChoice


def mix(probability: FloatArray, weights: FloatArray) -> FloatArray:
    """The weighted mean of logits as a probability, float64 (n,).

    Parameters
    ----------
    probability : float64 (M, n).
    weights : float64 (M,), >= 0, sum 1.
    """
    mixed: FloatArray = 1 / (1 + np.exp(-_weighted(logit(probability), weights)))
    return mixed


def fit_weights(probability: FloatArray, up: FloatArray) -> FloatArray:
    """Weights with the lowest log-loss, moved half of the way to equal ones, float64 (M,).

    Parameters
    ----------
    probability : float64 (M, n), forecasts of rows whose labels are known.
    up : float64 (n,), 0 or 1.
    """
    logits, num_members = logit(probability), len(probability)
    side = np.where(up == 1, 1.0, -1.0)

    def loss(weights: FloatArray) -> float:
        # Rounded, so that of equal losses the most even weights are taken, whatever the last bit says.
        return round(float(np.logaddexp(0.0, -side * _weighted(logits, weights)).mean()), LOSS_DIGITS)

    best = min(_simplex(num_members), key=loss)
    return FITTED_SHARE * best + (1 - FITTED_SHARE) / num_members


def forward_mix(forecasts: MemberForecasts) -> FloatArray:
    """The blend's forecast of every row, weighed by blocks before its own alone, float64 (n,)."""
    num_members = len(forecasts.names)
    mixed = np.empty(len(forecasts.up))
    weights = np.full(num_members, 1 / num_members)
    for number in np.unique(forecasts.block):
        rows, before = forecasts.block == number, (forecasts.block < number) & np.isfinite(forecasts.up)
        if before.any():
            weights = fit_weights(forecasts.probability[:, before], forecasts.up[before])
        mixed[rows] = mix(forecasts.probability[:, rows], weights)
    return mixed


def choose_blend(forecasts: MemberForecasts, *, seed: int) -> BlendChoice:
    """Weigh the members, and decide whether the blend is kept.

    Parameters
    ----------
    seed : of the redrawn days.
    """
    is_known = np.isfinite(forecasts.up)
    up, known = forecasts.up[is_known], forecasts.probability[:, is_known]
    losses = [mean_log_loss(up, probability) for probability in known]
    best = int(np.argmin(losses))
    lead = log_losses(up, forward_mix(forecasts)[is_known]) - log_losses(up, known[best])
    low, high = _interval_by_day(lead, forecasts.day[is_known], seed=seed)
    is_kept = not low > 0
    weights = fit_weights(known, up) if is_kept else np.eye(len(known))[best]
    return BlendChoice(
        weights={name: float(weight) for name, weight in zip(forecasts.names, weights, strict=True)},
        is_kept=is_kept,
        best_member=forecasts.names[best],
        loss_less_best=float(lead.mean()),
        low=low,
        high=high,
    )


def _interval_by_day(lead: FloatArray, day: IntArray, *, seed: int) -> tuple[float, float]:
    """The interval of a mean over rows whose days are redrawn whole: labels live shorter than a day."""
    _, number = np.unique(day, return_inverse=True)
    total, count = np.bincount(number, weights=lead), np.bincount(number).astype(np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(total), size=(NUM_DRAWS, len(total)))
    means = total[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _weighted(logits: FloatArray, weights: FloatArray) -> FloatArray:
    """Weighted sum over members, float64 (n,); a row's does not depend on the rows beside it, as a product's would."""
    total: FloatArray = (weights[:, None] * logits).sum(axis=0)
    return total


def _simplex(num_members: int) -> list[FloatArray]:
    """All weights in steps of the grid, the most even first, so that ties do not favour any member."""
    steps = itertools.product(range(GRID_STEPS + 1), repeat=num_members - 1)
    points = [np.array([*each, GRID_STEPS - sum(each)]) / GRID_STEPS for each in steps if sum(each) <= GRID_STEPS]
    return sorted(points, key=lambda point: float(np.square(point).sum()))
