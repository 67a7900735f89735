"""Seeded synthetic bars for tests: valid, correlated, with fat tails and clustered volatility."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from job.arrays import FloatArray
from job.data.klines import Klines
from job.intervals import interval_ms

START_MS = 1_735_689_600_000  # 2025-01-01 00:00 UTC
VOLATILITY_PER_BAR = 0.002


def random_klines(
    num_bars: int,
    interval: str = "5m",
    seed: int = 0,
    *,
    start_ms: int = START_MS,
    start_price: float = 100.0,
    log_returns: FloatArray | None = None,
) -> Klines:
    """Bars without gaps; ``log_returns`` (num_bars,) replaces the drawn open-to-close returns."""
    generator = np.random.default_rng(seed)
    if log_returns is None:
        log_returns = random_log_returns(num_bars, generator)
    close = start_price * np.exp(np.cumsum(log_returns))
    open_ = np.concatenate(([start_price], close[:-1]))
    wicks = VOLATILITY_PER_BAR * np.abs(generator.standard_normal((2, num_bars)))
    return Klines(
        interval=interval,
        open_time=start_ms + interval_ms(interval) * np.arange(num_bars, dtype=np.int64),
        open=open_,
        high=np.maximum(open_, close) * np.exp(wicks[0]),
        low=np.minimum(open_, close) * np.exp(-wicks[1]),
        close=close,
        volume=1000.0 * np.exp(0.5 * generator.standard_normal(num_bars) + 100.0 * np.abs(log_returns)),
    )


def random_markets(
    num_bars: int,
    interval: str = "5m",
    seed: int = 0,
    *,
    symbols: Sequence[str] = ("SOLUSDT", "BTCUSDT", "ETHUSDT"),
    correlation: float = 0.7,
    start_ms: int = START_MS,
) -> dict[str, Klines]:
    """Bars of several symbols whose returns share one factor, so that each pair has ``correlation``."""
    generator = np.random.default_rng(seed)
    factor = random_log_returns(num_bars, generator)
    return {
        symbol: random_klines(
            num_bars,
            interval,
            seed + 1 + number,
            start_ms=start_ms,
            start_price=10.0 ** (number + 1),
            log_returns=np.sqrt(correlation) * factor
            + np.sqrt(1 - correlation) * random_log_returns(num_bars, generator),
        )
        for number, symbol in enumerate(symbols)
    }


def random_log_returns(num_bars: int, generator: np.random.Generator) -> FloatArray:
    """Student-t returns under a slowly wandering volatility."""
    wander = np.cumsum(generator.standard_normal(num_bars)) * 0.02
    log_volatility = 0.5 * np.sin(wander)
    return VOLATILITY_PER_BAR * np.exp(log_volatility) * generator.standard_t(4, num_bars) / np.sqrt(2)


def without_bars(klines: Klines, first: int, last: int) -> Klines:
    """The bars with rows [first, last) missing: a maintenance gap."""
    kept = np.ones(len(klines), dtype=np.bool_)
    kept[first:last] = False
    return klines.select(kept)


def with_bar_scaled(klines: Klines, row: int, *, price: float = 1.0, volume: float = 1.0) -> Klines:
    """The bars with the prices and the volume of one bar multiplied."""

    def scaled(values: FloatArray, factor: float) -> FloatArray:
        changed = values.copy()
        changed[row] *= factor
        return changed

    return replace(
        klines,
        open=scaled(klines.open, price),
        high=scaled(klines.high, price),
        low=scaled(klines.low, price),
        close=scaled(klines.close, price),
        volume=scaled(klines.volume, volume),
    )
