"""Klines to feature rows: row t of every source from bars that had closed by the close of bar t.

Rows are computed in chunks, one for each UTC day, from bars that begin 72 h before that day. A row is thus
computed from the same bars in the same order whichever day a run starts from, and has the same bits. Knows
nothing of where bars come from or where rows go.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from job.arrays import BoolArray, Float32Array
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines
from job.features.definition import MAX_LOOKBACK_MS, Chunk, FeatureSet
from job.features.grid import MAX_HOLE_MS, GridBars, Span, continuous_spans, fill_flat, is_present
from job.intervals import DAY_MS, floor_day


def build_features(
    feature_set: FeatureSet, target: Klines, context: Mapping[str, Klines], *, from_ms: int | None = None
) -> FeatureRows:
    """Feature rows of ``target``.

    Parameters
    ----------
    feature_set : FeatureSet
        What to compute.
    target : Klines
        Bars of the symbol that is traded.
    context : mapping of str to Klines
        Bars of the set's context symbols, at the same interval.
    from_ms : int, optional
        Only rows from the UTC day of this moment on. Bars from `first_bar_needed` on are then enough.

    Returns
    -------
    FeatureRows
        float32 (n, F). A bar has no row where it is missing, where the 72 h up to its close begin before
        the first bar or touch a hole longer than 24 h in any market, or where a context symbol has not
        come so far yet. Shorter holes are filled with flat bars, for features only. Quotients of nothing by
        nothing have a defined value, so a value that is not finite needs numbers near the limits of float32;
        its row is dropped.

    Raises
    ------
    ValueError
        The symbols or the interval are not those of the feature set.
    """
    if set(context) != set(feature_set.context):
        raise ValueError(f"context is {sorted(context)}, the feature set needs {sorted(feature_set.context)}")
    markets = [target, *context.values()]
    if any(market.interval != feature_set.interval for market in markets):
        raise ValueError(f"every market must have bars of {feature_set.interval}")

    parts = [
        rows
        for span in continuous_spans(markets)
        for rows in _rows_of_span(feature_set, target, context, span, from_ms)
    ]
    names = feature_set.record.names
    empty = FeatureRows(names=names, open_time=np.empty(0, np.int64), values=np.empty((0, len(names)), np.float32))
    return FeatureRows(
        names=names,
        open_time=np.concatenate([rows.open_time for rows in [empty, *parts]]),
        values=np.concatenate([rows.values for rows in [empty, *parts]]),
    )


def first_bar_needed(from_ms: int) -> int:
    """Earliest open time that can matter to the rows from the UTC day of ``from_ms`` on.

    That is the lookback, and before it the longest hole that is filled: a hole that reaches into the lookback
    and is filled has the bar before it within reach, and one that is longer is not looked across.
    """
    return floor_day(from_ms) - MAX_LOOKBACK_MS - MAX_HOLE_MS


def _rows_of_span(
    feature_set: FeatureSet,
    target: Klines,
    context: Mapping[str, Klines],
    span: Span,
    from_ms: int | None,
) -> Iterator[FeatureRows]:
    filled = fill_flat(target, span)
    filled_context = {symbol: fill_flat(market, span) for symbol, market in context.items()}
    is_wanted = is_present(target, filled.open_time) & (filled.available_at - MAX_LOOKBACK_MS >= span.start_ms)
    if from_ms is not None:
        is_wanted &= filled.open_time >= floor_day(from_ms)
    for day_ms in np.unique(filled.open_time[is_wanted] // DAY_MS) * DAY_MS:
        chunk = Chunk.cut(
            filled,
            filled_context,
            start_ms=int(day_ms) - MAX_LOOKBACK_MS,
            end_ms=int(day_ms) + DAY_MS,
            longer_ms=feature_set.longer_ms,
        )
        yield _rows_of_chunk(feature_set, chunk, is_wanted[_rows_of_day(filled, int(day_ms))])


def _rows_of_day(bars: GridBars, day_ms: int) -> slice:
    first, last = np.searchsorted(bars.open_time, [day_ms, day_ms + DAY_MS])
    return slice(int(first), int(last))


def _rows_of_chunk(feature_set: FeatureSet, chunk: Chunk, is_wanted: BoolArray) -> FeatureRows:
    """Rows of the chunk's last ``len(is_wanted)`` bars, which are its day's, where wanted and finite."""
    num_rows = len(is_wanted)
    values: Float32Array = np.empty((num_rows, len(feature_set.features)), np.float32)
    for column, feature in enumerate(feature_set.features):
        values[:, column] = feature.compute(chunk)[-num_rows:]
    kept = is_wanted & np.isfinite(values).all(axis=1)
    return FeatureRows(
        names=feature_set.record.names, open_time=chunk.target.open_time[-num_rows:][kept], values=values[kept]
    )
