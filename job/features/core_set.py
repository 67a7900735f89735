"""The default feature set, ``core``: which indicators, over how many bars, of which market.

Lengths of RSI, WaveTrend, CCI and ADX are those of the TradingView indicator. No window is longer than 48
bars; what is older reaches the model through the 1h and 4h bars. Recursive indicators take hundreds of bars
to forget: they are used on bars of 15m at most, and on 15m with shorter lengths, to stay within 72 h.
"""

from job.features import clock, indicators, relations
from job.features import recursive_indicators as recursive
from job.features.definition import Feature, FeatureSet
from job.features.recipes import (
    Indicator,
    Recipe,
    of_clock,
    of_context,
    of_longer,
    of_target,
    of_target_and_context,
)
from job.features.recursive_indicators import ema_decay, memory_bars, wilder_decay
from job.intervals import DAY_MS, HOUR_MS, interval_ms

LONGER_MS = {"1h": HOUR_MS, "4h": 4 * HOUR_MS}
RECURSIVE_UP_TO_MS = interval_ms("15m")


def core_set(interval: str, context: tuple[str, ...]) -> FeatureSet:
    """Features of the target, its longer bars, each context symbol and the clock, in this order."""
    step_ms = interval_ms(interval)
    longer_ms = {name: length for name, length in LONGER_MS.items() if length > step_ms}
    slow = _recursive(interval) if step_ms <= RECURSIVE_UP_TO_MS else _instead_of_recursive()
    features: list[Feature] = [of_target(recipe, step_ms) for recipe in [*_finite(), *slow]]
    for name, length in longer_ms.items():
        features += [of_longer(recipe, name, length, step_ms) for recipe in _of_longer_bars()]
    for symbol in context:
        features += [of_context(recipe, symbol, step_ms) for recipe in _of_context_alone()]
        features += [of_target_and_context(recipe, symbol, step_ms) for recipe in _of_both()]
    features += [of_clock(recipe) for recipe in _of_clock()]
    return FeatureSet(
        name="core",
        interval=interval,
        context=context,
        longer_ms=tuple(longer_ms.values()),
        features=tuple(features),
    )


def _log_return(length: int) -> Recipe:
    meaning = f"log return over {length} bars" if length > 1 else "log return of the bar"
    return Recipe(f"log_return_{length}", indicators.log_return, {"length": length}, length + 1, meaning)


def _finite() -> list[Recipe]:
    ind = indicators
    return [
        *(_log_return(length) for length in (1, 2, 3, 4, 6, 8, 12, 24)),
        Recipe("log_range_1", ind.log_range, {"length": 1}, 1, "high over low of the bar"),
        Recipe("log_range_24", ind.log_range, {"length": 24}, 24, "high over low of 24 bars"),
        Recipe("body_share", ind.body_share, {}, 1, "candle body with its sign, share of the range"),
        Recipe("wick_balance", ind.wick_balance, {}, 1, "upper less lower wick, share of the range"),
        Recipe("channel_position_24", ind.channel_position, {"length": 24}, 24, "place in the 24-bar range"),
        Recipe("bollinger_position_20", ind.bollinger_position, {"length": 20}, 20, "Bollinger's %b"),
        Recipe("bollinger_width_20", ind.bollinger_width, {"length": 20}, 20, "Bollinger band width"),
        Recipe("cci_20", ind.cci, {"length": 20}, 20, "commodity channel index"),
        Recipe("volume_zscore_24", ind.volume_zscore, {"length": 24}, 24, "z-score of the root of volume"),
        Recipe("volume_contrast", ind.volume_contrast, {"short": 6, "long": 48}, 48, "volume now against 48 bars"),
        Recipe("volume_balance_12", ind.volume_balance, {"length": 12}, 13, "volume of rises less of falls"),
        Recipe("semivariance_48", ind.semivariance_contrast, {"length": 48}, 49, "squared rises against falls"),
        Recipe("trend_efficiency_12", ind.trend_efficiency, {"length": 12}, 13, "net move over path, 12 bars"),
        Recipe("trend_efficiency_48", ind.trend_efficiency, {"length": 48}, 49, "net move over path, 48 bars"),
        Recipe("autocorrelation_48", ind.autocorrelation, {"length": 48}, 50, "of returns with the bar before"),
    ]


def _recursive(interval: str) -> list[Recipe]:
    adx_length, fast, slow = (14, 8, 24) if interval == "15m" else (20, 12, 48)
    adx_bars = 2 * adx_length + memory_bars(wilder_decay(adx_length), stages=2)
    wave_bars = 10 + 10 + 11 + memory_bars(ema_decay(11), stages=3)
    macd_bars = 26 + 9 + memory_bars(ema_decay(26), stages=2)
    macd = {"fast": 12, "slow": 26, "signal": 9}
    wave = {"channel": 10, "average": 11}
    wave_cross = {**wave, "signal": 4}
    return [
        _wilder("rsi_14", recursive.rsi, 14, "Wilder's RSI"),
        _wilder("rsi_9", recursive.rsi, 9, "Wilder's RSI, fast"),
        _wilder("atr_14", recursive.average_true_range, 14, "average true range over price"),
        _wilder(
            f"directional_balance_{adx_length}",
            recursive.directional_balance,
            adx_length,
            "upward against downward movement",
        ),
        Recipe(f"adx_{adx_length}", recursive.adx, {"length": adx_length}, adx_bars, "strength of the trend"),
        Recipe("wave_trend", recursive.wave_trend, wave, wave_bars, "WaveTrend 10/11"),
        Recipe("wave_trend_cross", recursive.wave_trend_cross, wave_cross, wave_bars + 3, "WaveTrend less its mean"),
        Recipe("macd_line", recursive.macd_line, macd, macd_bars, "MACD 12/26 over price"),
        Recipe("macd_histogram", recursive.macd_histogram, macd, macd_bars, "MACD less signal, over price"),
        Recipe(
            "ewm_volatility",
            recursive.ewm_volatility_contrast,
            {"short": fast, "long": slow},
            1 + slow + memory_bars(ema_decay(slow)),
            "fast against slow volatility",
        ),
    ]


def _wilder(name: str, indicator: Indicator, length: int, meaning: str) -> Recipe:
    num_bars = 1 + length + memory_bars(wilder_decay(length))
    return Recipe(name, indicator, {"length": length}, num_bars, meaning)


def _instead_of_recursive() -> list[Recipe]:
    ind = indicators
    return [
        Recipe("mean_rsi_14", ind.mean_rsi, {"length": 14}, 15, "RSI from simple means"),
        Recipe("mean_rsi_9", ind.mean_rsi, {"length": 9}, 10, "RSI from simple means, fast"),
        Recipe("mean_true_range_14", ind.mean_true_range, {"length": 14}, 15, "mean true range over price"),
        Recipe("mean_crossover", ind.mean_crossover, {"short": 6, "long": 16}, 16, "6-bar over 16-bar mean"),
        Recipe("volatility", ind.volatility_contrast, {"short": 6, "long": 24}, 25, "volatility, 6 to 24 bars"),
    ]


def _of_longer_bars() -> list[Recipe]:
    ind = indicators
    return [
        _log_return(1),
        _log_return(4),
        Recipe("log_range_8", ind.log_range, {"length": 8}, 8, "high over low of 8 bars"),
        Recipe("bollinger_position_16", ind.bollinger_position, {"length": 16}, 16, "Bollinger's %b"),
        Recipe("mean_rsi_14", ind.mean_rsi, {"length": 14}, 15, "RSI from simple means"),
        Recipe("trend_efficiency_12", ind.trend_efficiency, {"length": 12}, 13, "net move over path"),
    ]


def _of_context_alone() -> list[Recipe]:
    before = {"length": 1, "lag": 1}
    return [
        _log_return(1),
        Recipe("log_return_before", indicators.log_return, before, 3, "log return of the bar before"),
        _log_return(3),
        _log_return(12),
    ]


def _of_both() -> list[Recipe]:
    residual = relations.beta_residual
    return [
        Recipe("beta_48", relations.beta, {"length": 48}, 49, "slope of returns, 48 bars"),
        Recipe("correlation_48", relations.correlation, {"length": 48}, 49, "correlation of returns, 48 bars"),
        Recipe("residual_1", residual, {"length": 1, "beta_length": 48}, 49, "return less beta times theirs"),
        Recipe("residual_12", residual, {"length": 12, "beta_length": 48}, 49, "12-bar return less beta times theirs"),
        Recipe("strength_24", relations.relative_strength, {"length": 24}, 25, "return less theirs, 24 bars"),
        Recipe("volatility_48", relations.relative_volatility, {"length": 48}, 49, "volatility, 48 bars"),
    ]


def _of_clock() -> list[Recipe]:
    periods = {"day": DAY_MS, "half_day": DAY_MS // 2, "week": 7 * DAY_MS}
    waves = {"sine": clock.fourier_sine, "cosine": clock.fourier_cosine}
    return [
        Recipe(f"{period}_{wave}", indicator, {"period_ms": period_ms}, 0, f"phase in the {period}, {wave}")
        for period, period_ms in periods.items()
        for wave, indicator in waves.items()
    ]
