"""Two searches for leaks whose place is not known: labels that mean nothing, and features at the wrong time. Pure.

With labels dealt out anew in blocks nothing is left to forecast but the leak itself: a mean score away from one half
is one. With features moved against labels, the future must be easy and the past must not be: where the joined rows
score as the future does, they are a bar early. Sources: Ojala and Garriga, Permutation Tests for Studying Classifier
Performance, 2010; Kaufman et al., Leakage in Data Mining, 2012.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from job.arrays import FloatArray
from job.audit.finding import AuditFinding, Claim
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines
from job.intervals import interval_ms
from job.labels import Labels
from job.rows import LabelledRows

PERMUTATION = Claim(
    check="permutation",
    proves="with labels dealt out anew in blocks, nothing is forecast: no leak through time, order or ids",
    remedy="Labels leak into forecasts by another way than features: no result of this version can be believed.",
)
TIME_SHIFT = Claim(
    check="time shift",
    proves="features from the future would score far higher, and those that are joined do not",
    remedy="Features are joined at the wrong bar: mend the join, and build the rows again.",
)
FUTURE_SHIFTS, PAST_SHIFTS = (-3, -2, -1), (1, 2, 3, 4, 5)
POWER_AUC = 0.55  # the future must score at least so much, or the search could not have found it
LEAST_GAIN = 0.03  # of looking one bar ahead: a join that is late gains nothing by it
STANDARD_ERRORS = 4.0

# The area under the ROC curve of forecasts on held-out rows: whole way from rows to a number.
Score = Callable[[LabelledRows], float]
Join = Callable[[FeatureRows, Klines, Labels], LabelledRows]


def check_permutation(*, score: Score, rows: LabelledRows, block_rows: int, num_draws: int, seed: int) -> AuditFinding:
    """Score rows whose labels are dealt out anew in blocks, so that neighbours still share them.

    Parameters
    ----------
    score : fits on a part of the rows and scores the rest, what is examined.
    block_rows : rows of a block, several times the life of a label.
    num_draws : how often.
    """
    if len(rows) < 4 * block_rows:
        return PERMUTATION.not_run(f"there are fewer than {4 * block_rows} labelled rows")
    real = score(rows)
    generator = np.random.default_rng(seed)
    null = np.array([score(permuted_labels(rows, block_rows, generator)) for _ in range(num_draws)])
    error = float(null.std(ddof=1) / np.sqrt(num_draws))
    away = abs(float(null.mean()) - 0.5)
    p_value = (1 + int((null >= real).sum())) / (1 + num_draws)
    return PERMUTATION.judge(
        away <= STANDARD_ERRORS * error,
        f"{num_draws} permutations of {len(rows):,} labels in blocks of {block_rows}: mean AUC {null.mean():.3f}, "
        f"standard error {error:.3f}; the real labels' is {real:.3f}, p = {p_value:.2f}",
    )


def check_time_shift(
    *, score: Score, join: Join, features: FeatureRows, klines: Klines, labels: Labels
) -> AuditFinding:
    """Score features moved from three bars into the future to five into the past."""
    bar_ms = interval_ms(klines.interval)
    scores = {}
    for shift in (*FUTURE_SHIFTS, 0, *PAST_SHIFTS):
        moved = replace(features, open_time=features.open_time + shift * bar_ms)
        joined = join(moved, klines, labels)
        scores[shift] = score(joined.select(np.isfinite(joined.up)))
    shown = " ".join(f"{shift:+d}:{value:.3f}" for shift, value in sorted(scores.items()))
    best_future = max(scores[shift] for shift in FUTURE_SHIFTS)
    if best_future < POWER_AUC:
        return TIME_SHIFT.judge(False, f"not even the future is seen, AUC by shift in bars {shown}")
    step_ahead, step_back = scores[-1] - scores[0], abs(scores[0] - scores[1])
    return TIME_SHIFT.judge(
        step_ahead > max(step_back, LEAST_GAIN),
        f"AUC by shift in bars {shown}; one bar ahead gains {step_ahead:.3f}, one bar back changes {step_back:.3f}",
    )


def permuted_labels(rows: LabelledRows, block_rows: int, generator: np.random.Generator) -> LabelledRows:
    """The rows with whole blocks of labels in another order; times of labels stay, so purging stays right."""
    num_blocks = len(rows) // block_rows
    order = generator.permutation(num_blocks)
    start = int(generator.integers(0, block_rows))  # blocks begin elsewhere each time
    labels: FloatArray = np.roll(rows.up, start)
    blocks = labels[: num_blocks * block_rows].reshape(num_blocks, block_rows)[order].ravel()
    return replace(rows, up=np.concatenate([blocks, labels[num_blocks * block_rows :]]))
