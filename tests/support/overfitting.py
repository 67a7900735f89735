"""The probability of backtest overfitting written out with loops, for comparison with the product's."""

import itertools
import math
import statistics

from job.arrays import FloatArray


def slow_pbo(returns: FloatArray, num_blocks: int) -> float:
    """Share of the halvings whose winner has a logit of its rank outside of at most zero."""
    num_trials, num_days = returns.shape
    size, longer = divmod(num_days, num_blocks)
    starts = [number * size + min(number, longer) for number in range(num_blocks + 1)]
    blocks = [list(range(starts[number], starts[number + 1])) for number in range(num_blocks)]
    logits = []
    for chosen in itertools.combinations(range(num_blocks), num_blocks // 2):
        inside = [day for number in chosen for day in blocks[number]]
        outside = [day for number in range(num_blocks) if number not in chosen for day in blocks[number]]
        before = [_ratio([float(returns[trial, day]) for day in inside]) for trial in range(num_trials)]
        after = [_ratio([float(returns[trial, day]) for day in outside]) for trial in range(num_trials)]
        winner = after[before.index(max(before))]
        rank = sum(other < winner for other in after) + (sum(other == winner for other in after) + 1) / 2
        share = rank / (num_trials + 1)
        logits.append(math.log(share / (1 - share)))
    return sum(logit <= 1e-12 for logit in logits) / len(logits)


def _ratio(values: list[float]) -> float:
    deviation = statistics.stdev(values)
    return statistics.fmean(values) / deviation if deviation >= 1e-12 else 0.0
