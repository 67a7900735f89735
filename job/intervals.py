"""Bar lengths by Binance's names, and what follows from them."""

from datetime import UTC, datetime

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
YEAR_DAYS = 365  # crypto trades every day; 252 would be wrong

INTERVAL_MS = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS,
}


def interval_ms(interval: str) -> int:
    """Length of a bar in milliseconds; ``ValueError`` for a name that is not supported."""
    try:
        return INTERVAL_MS[interval]
    except KeyError:
        raise ValueError(f"interval {interval!r} is not one of {', '.join(INTERVAL_MS)}") from None


def bars_per_day(interval: str) -> int:
    """Number of bars in a UTC day."""
    return DAY_MS // interval_ms(interval)


def bars_per_year(interval: str) -> int:
    """Number of bars in a year of 365 days: 5m has 105,120."""
    return YEAR_DAYS * bars_per_day(interval)


def floor_day(time_ms: int) -> int:
    """Start of the UTC day that holds ``time_ms``."""
    return time_ms - time_ms % DAY_MS


def format_utc(time_ms: int) -> str:
    """A UTC time for people: ``2025-07-04 11:40``."""
    return datetime.fromtimestamp(time_ms / SECOND_MS, tz=UTC).strftime("%Y-%m-%d %H:%M")


def format_utc_day(time_ms: int) -> str:
    """A UTC date: ``2025-07-04``."""
    return datetime.fromtimestamp(time_ms / SECOND_MS, tz=UTC).strftime("%Y-%m-%d")
