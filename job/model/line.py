"""The straight line beside the vote: ridge-penalised logistic regression, solved, not trained.

Shapes: n rows, F scaled features, P penalties.

For each penalty the problem is convex, and a bound on its curvature takes every step downhill without a search
(Boehning and Lindsay, 1988). Which penalty is right a few hundred independent labels can hardly say, so none is
chosen: the lines are averaged by exp(-N x loss), N the number of independent labels (aggregation with exponential
weights: Dalalyan and Tsybakov, 2008). The losses are those on each of five stretches of time under lines through the
other rows, without those whose labels meet the stretch (purged cross-validation: Lopez de Prado, Advances in Financial
Machine Learning, 7.4); those lines are one Newton step from the prior, which is all that weak signals need.
"""

from dataclasses import dataclass

import numpy as np

from job.arrays import Float32Array, FloatArray
from job.rows import LabelledRows
from job.sample_weights import average_uniqueness

# As of scikit-learn's C: the larger, the freer. The first is as good as no line at all.
INVERSE_PENALTIES = (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 1e-1)
STRETCHES = 5
MAX_STEPS = 1_000
CONVERGED = 1e-8
STEEPEST = 0.25  # largest slope of the logistic function, at one half
FREE = 1e-9  # the intercept's penalty: none, but for a matrix that can be solved
SURE = 1e-3  # the prior of rows that are all of one kind


@dataclass(frozen=True, kw_only=True)
class Line:
    """Logit of p(up) as ``features @ slope + level``.

    Parameters
    ----------
    slope : float64 (F,), for scaled features.
    level : float
    """

    slope: FloatArray
    level: float


def fit_line(features: Float32Array, rows: LabelledRows, weights: FloatArray) -> Line:
    """The lines of all penalties, averaged by how well each forecasts what it was not fitted on.

    Parameters
    ----------
    features : float32 (n, F), scaled features of the rows.
    rows : labelled, in time order.
    weights : float64 (n,), what each row counts; mean 1.
    """
    columns = np.column_stack([features.astype(np.float64), np.ones(len(rows))])
    solutions = _solve(columns, rows.up, weights)
    share = trust(held_out_losses(columns, rows, weights), rows)
    averaged = share @ solutions
    return Line(slope=averaged[:-1], level=float(averaged[-1]))


def trust(losses: FloatArray, rows: LabelledRows) -> FloatArray:
    """What each penalty's line counts, float64 (P,), sum 1, from their mean losses on held-out rows."""
    num_independent = average_uniqueness(rows.label_start_ms, rows.label_end_ms).sum()
    share = np.exp(-num_independent * (losses - losses.min()))
    total: FloatArray = share / share.sum()
    return total


def held_out_losses(columns: FloatArray, rows: LabelledRows, weights: FloatArray) -> FloatArray:
    """Mean log-loss of each penalty's line on held-out stretches, float64 (P,).

    Parameters
    ----------
    columns : float64 (n, F + 1), scaled features and a column of ones.
    rows, weights : as for `fit_line`.
    """
    losses = np.zeros(len(INVERSE_PENALTIES))
    for held_out in np.array_split(np.arange(len(rows)), STRETCHES):
        first_ms, last_ms = rows.label_start_ms[held_out].min(), rows.label_end_ms[held_out].max()
        is_apart = (rows.label_end_ms < first_ms) | (rows.label_start_ms > last_ms)
        if not is_apart.any():
            continue
        prior = _prior(rows.up[is_apart], weights[is_apart])
        weighted = columns[is_apart] * weights[is_apart, None]
        curvature = prior * (1 - prior) * weighted.T @ columns[is_apart]
        pull = weighted.T @ (rows.up[is_apart] - prior)
        for number, inverse_penalty in enumerate(INVERSE_PENALTIES):
            step = np.linalg.solve(curvature + _ridge(columns.shape[1], inverse_penalty), pull)
            logit = columns[held_out] @ step + np.log(prior / (1 - prior))
            losses[number] += weights[held_out] @ (np.logaddexp(0, logit) - rows.up[held_out] * logit)
    mean: FloatArray = losses / weights.sum()
    return mean


def _solve(columns: FloatArray, up: FloatArray, weights: FloatArray) -> FloatArray:
    """The solution of each penalty, float64 (P, F + 1)."""
    bound = STEEPEST * (columns * weights[:, None]).T @ columns
    prior = _prior(up, weights)
    solution = np.zeros(columns.shape[1])
    solution[-1] = np.log(prior / (1 - prior))
    solutions = []
    for inverse_penalty in INVERSE_PENALTIES:  # from strict to free: each starts where the one before it ended
        ridge = _ridge(columns.shape[1], inverse_penalty)
        inverse = np.linalg.inv(bound + ridge)
        for _ in range(MAX_STEPS):
            chance = 1 / (1 + np.exp(-(columns @ solution)))
            step = inverse @ (columns.T @ (weights * (chance - up)) + ridge @ solution)
            solution = solution - step
            if np.abs(step).max() <= CONVERGED:
                break
        solutions.append(solution)
    return np.stack(solutions)


def _prior(up: FloatArray, weights: FloatArray) -> float:
    return float(np.clip(np.average(up, weights=weights), SURE, 1 - SURE))


def _ridge(size: int, inverse_penalty: float) -> FloatArray:
    penalties = np.full(size, 1 / inverse_penalty)
    penalties[-1] = FREE
    return np.diag(penalties)
