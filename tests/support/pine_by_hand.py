"""The indicator's neighbour loop, candidate by candidate, with logarithms and lists: slow and plain."""

import math

from job.arrays import FloatArray, IntArray


def votes_by_hand(features: FloatArray, labels: IntArray, first_candidate: IntArray) -> list[int]:
    """Sum of the chain's labels at each bar."""
    distances: list[float] = []
    votes: list[int] = []
    sums = []
    for bar in range(len(features)):
        to_clear = -1.0
        for candidate in range(int(first_candidate[bar]), bar + 1):
            pairs = zip(features[bar], features[candidate], strict=True)
            distance = sum(math.log(1 + abs(one - other)) for one, other in pairs)
            if distance >= to_clear and candidate % 4:
                to_clear = distance
                distances.append(distance)
                votes.append(int(labels[candidate]))
                if len(votes) > 8:
                    to_clear = distances[6]
                    distances.pop(0)
                    votes.pop(0)
        sums.append(sum(votes))
    return sums
