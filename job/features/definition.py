"""What a feature is, what it is computed from, and how a set of them is identified."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from job.arrays import FloatArray
from job.data.feature_rows import FeatureSetRecord
from job.features.grid import GridBars
from job.features.longer_intervals import LongerBars, view_longer
from job.intervals import HOUR_MS

MAX_LOOKBACK_MS = 72 * HOUR_MS
RULES_VERSION = 1  # of what all sets share: flat bars, long holes, chunks; another number is other rows


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """The stretch of bars that features are computed from, on one grid.

    Parameters
    ----------
    target : bars of the symbol that is traded.
    context : bars of the other symbols, by symbol.
    longer : the target's longer bars, by their length in milliseconds.
    """

    target: GridBars
    context: Mapping[str, GridBars]
    longer: Mapping[int, LongerBars]

    @classmethod
    def cut(
        cls,
        target: GridBars,
        context: Mapping[str, GridBars],
        *,
        start_ms: int,
        end_ms: int,
        longer_ms: tuple[int, ...],
    ) -> "Chunk":
        """The bars that open in [start_ms, end_ms), and the longer bars made of these alone."""
        bars = target.between(start_ms, end_ms)
        return cls(
            target=bars,
            context={symbol: other.between(start_ms, end_ms) for symbol, other in context.items()},
            longer={length: view_longer(bars, length) for length in longer_ms},
        )


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One column of a feature set.

    Parameters
    ----------
    name : str
        Column name.
    meaning : str
        One line for people; no part of the identity.
    source : str
        ``target``, ``clock``, a longer interval such as ``4h``, or a context symbol.
    indicator : str
        Name of the function behind ``compute``.
    parameters : mapping of str to int
        Its keyword arguments.
    lookback_ms : int
        A value depends on bars that open at most so long before the close of its own bar.
    version : int
        To be raised whenever the indicator's code changes what it returns.
    compute : callable
        Chunk -> float64 (n,), row t of the chunk from bars <= t.
    """

    name: str
    meaning: str
    source: str
    indicator: str
    parameters: Mapping[str, int]
    lookback_ms: int
    version: int = 1
    compute: Callable[[Chunk], FloatArray] = field(compare=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.lookback_ms <= MAX_LOOKBACK_MS:
            raise ValueError(f"feature {self.name} looks back {self.lookback_ms} ms, over the 72 h allowed")


@dataclass(frozen=True, kw_only=True)
class FeatureSet:
    """An ordered choice of features for one interval and one choice of context symbols."""

    name: str
    interval: str
    context: tuple[str, ...]
    longer_ms: tuple[int, ...]
    features: tuple[Feature, ...]

    @cached_property
    def record(self) -> FeatureSetRecord:
        """What is stored beside the rows; its identity changes with anything that could change a row."""
        digest = hashlib.sha256(self.definition.encode()).hexdigest()
        return FeatureSetRecord(
            identity=f"{self.name}-{digest[:8]}",
            names=tuple(feature.name for feature in self.features),
            lookback_ms=tuple(feature.lookback_ms for feature in self.features),
        )

    @property
    def definition(self) -> str:
        """Everything that decides the values, as canonical JSON."""
        return json.dumps(
            {
                "name": self.name,
                "interval": self.interval,
                "context": self.context,
                "longer_ms": self.longer_ms,
                "rules_version": RULES_VERSION,
                "features": [_definition_of(feature) for feature in self.features],
            },
            sort_keys=True,
            separators=(",", ":"),
        )


def _definition_of(feature: Feature) -> dict[str, object]:
    shown = ("name", "source", "indicator", "lookback_ms", "version")
    return {name: getattr(feature, name) for name in shown} | {"parameters": dict(feature.parameters)}
