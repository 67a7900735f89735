"""Recipes: an indicator with its parameters and its reach in bars, and how each is bound to a market.

The same recipe serves the target, a longer interval and a context symbol; binding it gives a `Feature` with
its own column name and its lookback in milliseconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from job.arrays import FloatArray
from job.features.definition import Chunk, Feature

Indicator = Callable[..., FloatArray]


@dataclass(frozen=True)
class Recipe:
    """An indicator before it is bound; positional, because recipes are read as rows of a table.

    Parameters
    ----------
    name : str
        Column name, before the prefix of its market.
    indicator : callable
        ``indicator(bars, **parameters)`` or ``indicator(target, context, **parameters)``.
    parameters : mapping of str to int
        Keyword arguments of the indicator.
    num_bars : int
        How many of the newest bars, the row's own among them, can change the value.
    meaning : str
        One line for people.
    version : int
        To be raised whenever the indicator's code changes what it returns.
    """

    name: str
    indicator: Indicator
    parameters: Mapping[str, int]
    num_bars: int
    meaning: str
    version: int = field(default=1, kw_only=True)

    def bind(
        self,
        compute: Callable[[Chunk, Indicator], FloatArray],
        *,
        source: str,
        lookback_ms: int,
        prefix: str = "",
        of: str = "",
    ) -> Feature:
        """The feature that ``compute`` makes of this recipe."""
        indicator = partial(self.indicator, **self.parameters)
        return Feature(
            name=prefix + self.name,
            meaning=self.meaning + of,
            source=source,
            indicator=self.indicator.__name__,
            parameters=dict(self.parameters),
            lookback_ms=lookback_ms,
            version=self.version,
            compute=lambda chunk: compute(chunk, indicator),
        )


def of_target(recipe: Recipe, step_ms: int) -> Feature:
    """The recipe on the target's own bars."""
    return recipe.bind(
        lambda chunk, indicator: indicator(chunk.target),
        source="target",
        lookback_ms=recipe.num_bars * step_ms,
    )


def of_clock(recipe: Recipe) -> Feature:
    """The recipe on nothing but the close times."""
    return recipe.bind(lambda chunk, indicator: indicator(chunk.target), source="clock", lookback_ms=0)


def of_longer(recipe: Recipe, name: str, longer_ms: int, step_ms: int) -> Feature:
    """The recipe on the target's longer bars.

    The newest closed one may be old by a whole longer bar less a base bar.
    """

    def compute(chunk: Chunk, indicator: Indicator) -> FloatArray:
        longer = chunk.longer[longer_ms]
        return longer.on_base(indicator(longer.bars))

    return recipe.bind(
        compute,
        source=name,
        lookback_ms=(recipe.num_bars + 1) * longer_ms - step_ms,
        prefix=f"{name}_",
        of=f", of closed {name} bars",
    )


def of_context(recipe: Recipe, symbol: str, step_ms: int) -> Feature:
    """The recipe on the bars of a context symbol alone."""
    return recipe.bind(
        lambda chunk, indicator: indicator(chunk.context[symbol]),
        source=symbol,
        lookback_ms=recipe.num_bars * step_ms,
        prefix=f"{symbol.lower()}_",
        of=f", of {symbol}",
    )


def of_target_and_context(recipe: Recipe, symbol: str, step_ms: int) -> Feature:
    """The recipe on the target's bars beside those of a context symbol."""
    return recipe.bind(
        lambda chunk, indicator: indicator(chunk.target, chunk.context[symbol]),
        source=symbol,
        lookback_ms=recipe.num_bars * step_ms,
        prefix=f"{symbol.lower()}_",
        of=f", against {symbol}",
    )
