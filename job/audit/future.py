"""Does a feature build keep to what was known at the time? Checks that any build can be put through.

Each takes ``build``, a function from a target and its context to feature rows, feeds it doctored bars and
returns the faults it finds: none for an honest build. They know nothing of how features are computed, so
that they can be shown to fail on builds with a planted mistake. A check of a build that gives no rows would
prove nothing and is a ``ValueError``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from job.arrays import FloatArray, IntArray
from job.audit.doctored import moved, poisoned, truncated
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines
from job.intervals import HOUR_MS, MINUTE_MS, format_utc, interval_ms

Build = Callable[[Klines, Mapping[str, Klines]], FeatureRows]
Markets = Mapping[str, Klines]  # the target under `TARGET`, each context symbol under its name

TARGET = "target"
BOUNDARIES_MS = (15 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS)
RELATIVE_TOLERANCE = 1e-6
LATE_STARTS_BARS = (200, 400, 800)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One place where a build, or a feature, does not keep to a rule.

    Parameters
    ----------
    check : str
        ``truncation``, ``poison``, ``warm-up``, ``freshness`` or ``lookback``.
    changed : str
        What was changed in the bars.
    open_time : int
        Bar of the row, milliseconds UTC.
    feature : str
        First column that is wrong; ``(row)`` where a row is missing, too many or unmoved.
    detail : str
        What was seen.
    """

    check: str
    changed: str
    open_time: int
    feature: str
    detail: str

    def __str__(self) -> str:
        where = f"{self.feature} at {format_utc(self.open_time)} UTC"
        return f"{self.check}: {where}, changed: {self.changed}; {self.detail}"


def misaligned_cut_times(closes: IntArray, interval: str, *, num: int, seed: int) -> IntArray:
    """``num`` of some bars' close times, off every longer boundary, ascending.

    A cut on the hour would hide the leak of an hour that is joined before it has closed.
    """
    step_ms = interval_ms(interval)
    for boundary_ms in BOUNDARIES_MS:
        if boundary_ms > step_ms:
            closes = closes[closes % boundary_ms != 0]
    return np.sort(np.random.default_rng(seed).choice(closes, size=min(num, len(closes)), replace=False))


def truncation_faults(
    build: Build, target: Klines, context: Mapping[str, Klines], cut_times: Iterable[int]
) -> list[Fault]:
    """Rows made of bars known at a moment must be those of the full series up to it, bit for bit.

    Cuts all markets together, and each of them alone.
    """
    return _future_faults("truncation", truncated, build, {TARGET: target, **context}, cut_times)


def poison_faults(
    build: Build, target: Klines, context: Mapping[str, Klines], cut_times: Iterable[int], *, seed: int
) -> list[Fault]:
    """Noise a thousand times as large after a moment must leave every row up to it, bit for bit.

    Poisons all markets together, and each of them alone.
    """
    doctor = partial(poisoned, generator=np.random.default_rng(seed))
    return _future_faults("poison", doctor, build, {TARGET: target, **context}, cut_times)


def warm_up_faults(
    build: Build,
    target: Klines,
    context: Mapping[str, Klines],
    *,
    lookback_ms: int,
    late_starts_bars: Sequence[int] = LATE_STARTS_BARS,
) -> list[Fault]:
    """The last row must not depend on how long before its lookback the series began.

    Series that begin ``lookback_ms`` before the last close are compared with series that begin so many bars
    earlier. A difference counts relative to the value, or to the column's spread where that is larger.
    """
    markets = {TARGET: target, **context}
    spread = _some_rows(build, markets).values.astype(np.float64).std(axis=0)
    start_ms = int(target.available_at[-1]) - lookback_ms
    late = _some_rows(build, _all_since(markets, start_ms))
    faults = []
    for num_bars in late_starts_bars:
        early = _some_rows(build, _all_since(markets, start_ms - num_bars * interval_ms(target.interval)))
        apart = relative_difference(early.values[-1], late.values[-1], spread)
        if apart.max() > RELATIVE_TOLERANCE:
            worst = int(np.argmax(apart))
            fault = Fault(
                check="warm-up",
                changed=f"series begin {num_bars} bars later",
                open_time=int(late.open_time[-1]),
                feature=late.names[worst],
                detail=f"differs by {apart[worst]:.1e}",
            )
            faults.append(fault)
    return faults


def freshness_faults(build: Build, target: Klines, context: Mapping[str, Klines], *, seed: int) -> list[Fault]:
    """The newest bar of each market must reach the row that closes with it: no join is a bar late."""
    markets = {TARGET: target, **context}
    before = _some_rows(build, markets)
    newest_ms = int(before.open_time[-1])
    generator = np.random.default_rng(seed)
    faults = []
    for name, market in markets.items():
        changed = moved(market, newest_ms, newest_ms + 1, generator=generator)
        after = _some_rows(build, {**markets, name: changed})
        if np.array_equal(before.values[-1], after.values[-1]):
            fault = Fault(
                check="freshness",
                changed=f"newest bar of {name}",
                open_time=newest_ms,
                feature="(row)",
                detail="the last row is the same",
            )
            faults.append(fault)
    return faults


def relative_difference(left: ArrayLike, right: ArrayLike, spread: ArrayLike) -> FloatArray:
    """Absolute difference over the value, or over the column's spread where that is larger; 0 for 0/0."""
    reference = np.asarray(left, np.float64)
    apart = np.abs(reference - np.asarray(right, np.float64))
    size = np.maximum(np.abs(reference), spread)
    with np.errstate(divide="ignore"):  # a constant zero that became something else is infinitely far off
        return np.divide(apart, size, out=np.zeros(apart.shape), where=apart != 0)


def _future_faults(
    check: str,
    doctor: Callable[[Klines, int], Klines],
    build: Build,
    markets: Markets,
    cut_times: Iterable[int],
) -> list[Fault]:
    full = _some_rows(build, markets)
    step_ms = interval_ms(markets[TARGET].interval)
    faults = []
    for cut_ms in map(int, cut_times):
        for names in [tuple(markets), *((name,) for name in markets)]:
            changed = {**markets, **{name: doctor(markets[name], cut_ms) for name in names}}
            last_ms = min(int(market.open_time[-1]) for market in changed.values())
            end_ms = min(cut_ms - step_ms, last_ms) + 1
            fault = _first_difference(
                full.between(0, end_ms),
                _rows(build, changed).between(0, end_ms),
                check=check,
                changed=f"{', '.join(names)} after {format_utc(cut_ms)} UTC",
            )
            faults += [fault] if fault is not None else []
    return faults


def _first_difference(full: FeatureRows, other: FeatureRows, *, check: str, changed: str) -> Fault | None:
    open_times = np.setxor1d(full.open_time, other.open_time)
    if len(open_times):
        open_time, feature, detail = int(open_times[0]), "(row)", "exists in one of the two runs only"
    else:
        unequal = np.argwhere(full.values != other.values)
        if not len(unequal):
            return None
        row, column = unequal[0]
        open_time, feature = int(full.open_time[row]), full.names[column]
        detail = f"{full.values[row, column]:.9g} became {other.values[row, column]:.9g}"
    return Fault(check=check, changed=changed, open_time=open_time, feature=feature, detail=detail)


def _rows(build: Build, markets: Markets) -> FeatureRows:
    return build(markets[TARGET], {name: market for name, market in markets.items() if name != TARGET})


def _some_rows(build: Build, markets: Markets) -> FeatureRows:
    rows = _rows(build, markets)
    if not len(rows):
        raise ValueError("the build gives no rows for these bars, so there is nothing to check")
    return rows


def _all_since(markets: Markets, start_ms: int) -> Markets:
    return {name: market.select(market.open_time >= start_ms) for name, market in markets.items()}
