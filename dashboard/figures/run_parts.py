"""The parts of a session that charts are drawn from, each there or said to be absent. Pure."""

import numpy as np

from dashboard.reading import RunResult, Session
from job.arrays import FloatArray, IntArray
from job.artifacts.curves import RunCurves
from job.errors import NoDataError
from job.evaluation.reasons import reason_words
from job.records import LONG, MeasureRecord, WindowRecord, WindowSpanRecord
from job.report.numbers import Form

UNDEFINED = "undefined"


def result_of(session: Session) -> RunResult:
    """What the finalizer stored; `NoDataError` while there is none."""
    if session.result is None:
        raise NoDataError(f"Run {session.run_id} has no result yet.", remedy="Look at Live for how far it is.")
    return session.result


def curves_of(session: Session) -> RunCurves:
    """The joined tests as arrays; `NoDataError` where the run has none that can be used."""
    result = result_of(session)
    curves = result.curves
    if curves is None or not all(_is_account(curves, name) for name in (result.summary.traded_model, LONG)):
        raise NoDataError(
            f"Run {session.run_id} has no curves that can be used.",
            remedy=f"Make them anew: lorentzian finalize --run-id {session.run_id}",
        )
    return curves


def _is_account(curves: RunCurves, name: str) -> bool:
    """Whether anything can be drawn of this account: anybody may have written it."""
    equity, daily = curves.equity.get(name), curves.daily.get(name)
    if equity is None or daily is None or not len(equity) or not len(daily):
        return False
    return bool(np.isfinite(equity).all() and np.isfinite(daily).all() and equity[0] > 0 and (equity >= 0).all())


def windows_of(session: Session) -> tuple[WindowRecord, ...]:
    """The windows that finished, in order; `NoDataError` where the run has none that can be used."""
    windows = result_of(session).windows
    if windows is None or not windows.windows:
        raise NoDataError(
            f"Run {session.run_id} has no records of its windows that can be used.",
            remedy=f"Make them anew: lorentzian finalize --run-id {session.run_id}",
        )
    return windows.windows


def missing_windows(session: Session) -> tuple[WindowSpanRecord, ...]:
    """The planned windows that are not in the result."""
    failed = result_of(session).summary.failed_windows
    return tuple(span for span in session.plan.value.windows if str(span.index) in failed)


def written(measure: MeasureRecord | None, form: Form) -> str:
    """A number in its form, or ``undefined`` and why; never blank and never 0."""
    if measure is None:
        return f"{UNDEFINED}: not measured"
    return f"{UNDEFINED}: {reason_words(measure.reason)}" if measure.value is None else form(measure.value)


def column(measures: list[MeasureRecord]) -> FloatArray:
    """Values as float64, NaN where one is undefined."""
    return np.array([np.nan if measure.value is None else measure.value for measure in measures], dtype=np.float64)


def defined(value: float) -> float | None:
    """A number for a table: None where it is NaN."""
    return None if np.isnan(value) else float(value)


def as_x(time_ms: IntArray) -> FloatArray:
    """UTC milliseconds as plotly reads them on a time axis, in fewer bytes than dates take."""
    return np.asarray(time_ms, dtype=np.float64)


def broken_at(
    time_ms: IntArray, values: FloatArray, missing: tuple[WindowSpanRecord, ...]
) -> tuple[FloatArray, FloatArray]:
    """A line with a hole wherever a window is missing."""
    inside = [span.test_end_ms for span in missing if time_ms[0] < span.test_end_ms <= time_ms[-1]]
    at = np.searchsorted(time_ms, inside)
    return np.insert(as_x(time_ms), at, inside), np.insert(values.astype(np.float64), at, np.nan)
