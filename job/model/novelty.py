"""When to stay silent: a row that is farther from every past than nearly all of the past is from itself.

A vote of neighbours that are all far away is a guess with a number on it. Distances are the model's own, learned ones,
so that a feature that does not matter cannot make a row strange. The limit is a quantile of what training rows measure
to the bank, each without the rows whose labels overlap its own: its neighbours in time would make every row familiar.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from job.arrays import BoolArray, Float32Array, FloatArray
from job.model.classifier import Classifier

# One near row may be an accident; the vote counts dozens.
NEIGHBOUR = 8
# Quantiles are those of so many training rows, evenly spaced: neighbouring rows are nearly the same.
MEASURED_ROWS = 2_048


@dataclass(frozen=True, kw_only=True)
class NoveltyLimit:
    """The distance beyond which a row is novel, and the share of training rows that lie within it."""

    quantile: float
    distance: float

    @classmethod
    def of(cls, distance: FloatArray, *, quantile: float) -> "NoveltyLimit":
        """From training rows' distances, float64 (n,); those without enough neighbours, infinite, do not count."""
        known = distance[np.isfinite(distance)]
        limit = float(np.quantile(known, quantile)) if len(known) else float("inf")
        return cls(quantile=quantile, distance=limit)


@runtime_checkable
class Watchful(Protocol):
    """A fitted model that knows what is strange to it."""

    def is_novel(self, features: Float32Array) -> BoolArray:
        """Whether to stay silent about each row, bool (n,), for unscaled features, float32 (n, F)."""
        ...


def is_novel(classifier: Classifier, features: Float32Array) -> BoolArray:
    """Whether to stay silent about each row, bool (n,): never, for models that do not know."""
    if isinstance(classifier, Watchful):
        return classifier.is_novel(features)
    return np.zeros(len(features), np.bool_)
