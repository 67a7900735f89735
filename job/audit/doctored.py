"""Doctored bars: what the checks of honesty feed to a build. All of them are valid bars."""

from dataclasses import replace

import numpy as np

from job.data.klines import Klines

POISON_FACTOR = 1000.0
MOVE = 0.01  # a move that bars do make: some ten times their usual one


def truncated(market: Klines, cut_ms: int) -> Klines:
    """The bars known at ``cut_ms``."""
    return market.select(market.available_at <= cut_ms)


def poisoned(market: Klines, cut_ms: int, *, generator: np.random.Generator) -> Klines:
    """The bars with those not known at ``cut_ms`` turned into noise a thousand times as large."""
    noise = POISON_FACTOR * generator.lognormal(size=(2, len(market)))
    price_factor, volume_factor = np.where(market.available_at > cut_ms, noise, 1.0)
    return replace(
        market,
        open=market.open * price_factor,
        high=market.high * price_factor,
        low=market.low * price_factor,
        close=market.close * price_factor,
        volume=market.volume * volume_factor,
    )


def moved(market: Klines, start_ms: int, end_ms: int, *, generator: np.random.Generator) -> Klines:
    """The bars with high, close and volume raised, by chance, in those that open in [start_ms, end_ms)."""
    is_moved = (market.open_time >= start_ms) & (market.open_time < end_ms)
    noise = np.where(is_moved, generator.uniform(0.5, 1.5, len(market)), 0.0)
    price_factor = 1 + MOVE * noise
    return replace(
        market,
        high=market.high * price_factor,
        close=market.close * price_factor,
        volume=market.volume * (1 + noise),
    )
