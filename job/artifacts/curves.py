"""The stitched result of a run as arrays: what the finalizer stores beside the summary, for whoever draws it.

One small object instead of every window's series, so that a page needs one read and no backtest.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from job.arrays import FloatArray, IntArray
from job.artifacts.npz import arrays_to_bytes, bytes_to_arrays
from job.errors import DataError

EQUITY, DAILY = "equity_", "daily_"
CALIBRATION_BINS = 10


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Forecasts of the traded model in bins of equal width, and what happened; bins without a forecast are absent.

    Parameters
    ----------
    forecast : float64 (k,), mean forecast of each bin.
    observed : float64 (k,), share of ups.
    count : int64 (k,), forecasts that have a label.
    confusion : int64 (2, 2), bars by true side (down, up) and forecast side (below, from one half on).
    """

    forecast: FloatArray
    observed: FloatArray
    count: IntArray
    confusion: IntArray


@dataclass(frozen=True, kw_only=True)
class ClosedTrades:
    """Closed trades of the traded model, in order.

    Parameters
    ----------
    entry_ms, exit_ms : int64 (n_trades,), open times of the bars that they were filled at.
    side : int8 (n_trades,), 1 long, -1 short.
    gain : float64 (n_trades,), net of all costs, as a fraction of the entry's size.
    """

    entry_ms: IntArray
    exit_ms: IntArray
    side: NDArray[np.int8]
    gain: FloatArray


@dataclass(frozen=True, kw_only=True)
class RunCurves:
    """The joined test windows.

    Parameters
    ----------
    time_ms : int64 (n_bars + 1,), when each mark was taken: the first open, then every close.
    equity : by name, float64 (n_bars + 1,), starting with 1; the traded model and always-long.
    day_ms : int64 (n_days,), start of each tested UTC day.
    daily : daily returns by model or rule, float64 (n_days,).
    random_equity : float64 (3, n_days), 5 %, 50 % and 95 % of the accounts with signals at random, at each day's end.
    cost_bps, cost_sharpe : float64 (k,), the traded model's Sharpe ratio at other costs a side; NaN where undefined.
    """

    time_ms: IntArray
    equity: dict[str, FloatArray]
    day_ms: IntArray
    daily: dict[str, FloatArray]
    random_equity: FloatArray
    trades: ClosedTrades
    calibration: Calibration
    cost_bps: FloatArray
    cost_sharpe: FloatArray


def curves_bytes(curves: RunCurves) -> bytes:
    """The stored form, ``.npz``."""
    arrays: dict[str, NDArray[Any]] = {
        "time_ms": curves.time_ms,
        "day_ms": curves.day_ms,
        "random_equity": curves.random_equity,
        "cost_bps": curves.cost_bps,
        "cost_sharpe": curves.cost_sharpe,
    }
    arrays |= {f"trade_{name}": values for name, values in vars(curves.trades).items()}
    arrays |= {f"calibration_{name}": values for name, values in vars(curves.calibration).items()}
    arrays |= {EQUITY + name: values for name, values in curves.equity.items()}
    arrays |= {DAILY + name: values for name, values in curves.daily.items()}
    return arrays_to_bytes(arrays)


def read_curves(data: bytes, *, where: str) -> RunCurves:
    """The curves from their bytes; `DataError` where they are no such thing."""
    arrays = bytes_to_arrays(data, where=where)
    try:
        curves = RunCurves(
            time_ms=arrays["time_ms"],
            equity=_named(arrays, EQUITY),
            day_ms=arrays["day_ms"],
            daily=_named(arrays, DAILY),
            random_equity=arrays["random_equity"],
            trades=ClosedTrades(**{n: arrays[f"trade_{n}"] for n in ClosedTrades.__dataclass_fields__}),
            calibration=Calibration(**{n: arrays[f"calibration_{n}"] for n in Calibration.__dataclass_fields__}),
            cost_bps=arrays["cost_bps"],
            cost_sharpe=arrays["cost_sharpe"],
        )
    except KeyError as error:
        raise DataError(f"{where} has no array {error}.", remedy="Read it with the version that wrote it.") from error
    _check_shapes(curves, where)
    return curves


def _named(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, FloatArray]:
    return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}


def _check_shapes(curves: RunCurves, where: str) -> None:
    """Anybody may have written them: what is drawn together must fit together."""
    num_marks, num_days = curves.time_ms.shape, curves.day_ms.shape
    fits = (
        len(num_marks) == len(num_days) == 1
        and bool(curves.equity)
        and all(values.shape == num_marks for values in curves.equity.values())
        and all(values.shape == num_days for values in curves.daily.values())
        and curves.random_equity.shape == (3, *num_days)
        and len({values.shape for values in vars(curves.trades).values()}) == 1
        and curves.cost_bps.shape == curves.cost_sharpe.shape
        and curves.calibration.confusion.shape == (2, 2)
    )
    is_numeric = all(
        values.dtype.kind in "fi" for values in (curves.time_ms, *curves.equity.values(), *curves.daily.values())
    )
    if not fits or not is_numeric:
        raise DataError(f"The arrays of {where} do not fit together.", remedy="Finalize the run again.")
