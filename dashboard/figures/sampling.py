"""Fewer points for the same line, and again where somebody zooms in. Pure."""

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from tsdownsample import MinMaxLTTBDownsampler

from dashboard.figures.house_style import MAX_POINTS
from job.arrays import FloatArray, IntArray


def rows_to_draw(
    time_ms: IntArray, values: FloatArray, *, span_ms: tuple[int, int] | None = None, max_points: int = MAX_POINTS
) -> NDArray[np.intp]:
    """Rows of a line that draw the same picture as all of them.

    Parameters
    ----------
    time_ms : int64 (n,), ascending.
    values : float64 (n,), finite.
    span_ms : the stretch that is looked at, or None for all of it; its neighbours on both sides are kept too.

    Returns
    -------
    intp (m,), ascending, m <= max_points.
    """
    start, end = 0, len(values)
    if span_ms is not None:
        start = max(0, int(np.searchsorted(time_ms, span_ms[0])) - 1)
        end = min(len(values), int(np.searchsorted(time_ms, span_ms[1], side="right")) + 1)
    if end - start <= max_points:
        return np.arange(start, end)
    part = np.ascontiguousarray(values[start:end], dtype=np.float64)
    chosen = MinMaxLTTBDownsampler().downsample(part, n_out=max_points)
    return np.asarray(chosen, dtype=np.intp) + start


def parse_span(span: str) -> tuple[int, int] | None:
    """The stretch of time in a chart's arguments, ``start,end`` as plotly writes dates or as milliseconds."""
    try:
        first, last = (_time_ms(part) for part in span.split(","))
    except (ValueError, OverflowError):
        return None
    return (first, last) if first < last else None


def _time_ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)


def as_dates(time_ms: IntArray) -> NDArray[np.datetime64]:
    """UTC milliseconds as plotly draws them."""
    return np.asarray(time_ms).astype("datetime64[ms]")
