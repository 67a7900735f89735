"""How a span of stored bars is cut: into the windows of a walk-forward, or once, for a basic training. Pure."""

from collections.abc import Callable
from typing import TypeAlias

from job.errors import NoDataError
from job.intervals import DAY_MS, interval_ms
from job.records import PlanRecord, ProcedureRecord, RunKind
from job.settings.procedure import WindowSettings
from job.windows import Span, Window, plan_windows

# Days of klines that only warm features up (`job.features`): less than that short is not short of history.
MAX_LOOKBACK_DAYS = 3

# From a procedure and the span that has features to the windows of a run.
Cut: TypeAlias = Callable[[ProcedureRecord, Span], tuple[Window, ...]]


def cut_walkforward(procedure: ProcedureRecord, present: Span) -> tuple[Window, ...]:
    """The windows of a walk-forward; they end before the days that are locked away."""
    days = procedure.windows
    return plan_windows(
        first_open_ms=present.start_ms,
        end_ms=present.end_ms - days.holdout_days * DAY_MS,
        data_days=days.data_days - days.holdout_days,
        window_size=days.window_size,
        test_size=days.test_size,
        anchored=days.anchored,
        reduce_test=days.reduce_test,
    )


def num_windows(days: WindowSettings) -> int:
    """Windows of a walk-forward whose history is as long as was asked for; 0 where not even one fits."""
    try:
        return len(
            plan_windows(
                first_open_ms=0,
                end_ms=(days.data_days - days.holdout_days) * DAY_MS,
                data_days=days.data_days - days.holdout_days,
                window_size=days.window_size,
                test_size=days.test_size,
                anchored=days.anchored,
                reduce_test=days.reduce_test,
            )
        )
    except NoDataError:
        return 0


def data_days_for(days: WindowSettings, num_windows: int) -> int:
    """The fewest days of history that make so many windows, each with a whole test."""
    return days.holdout_days + days.window_size + num_windows * days.test_size


def cut_once(procedure: ProcedureRecord, present: Span) -> tuple[Window, ...]:
    """One window: the newest days, split in the proportion of the procedure's training and test days."""
    days = procedure.windows
    start_ms = max(present.start_ms, present.end_ms - days.data_days * DAY_MS)
    if (present.end_ms - start_ms) + MAX_LOOKBACK_DAYS * DAY_MS < days.data_days * DAY_MS:
        raise NoDataError(
            f"There are {(present.end_ms - start_ms) / DAY_MS:.1f} days with features, and {days.data_days} were "
            f"asked for (the first {MAX_LOOKBACK_DAYS} days of klines only warm the features up).",
            remedy="Collect or import more history, or lower --data-days.",
        )
    test_bars = round((present.end_ms - start_ms) * days.test_size / days.data_days) // interval_ms(
        procedure.market.interval
    )
    test_start_ms = present.end_ms - test_bars * interval_ms(procedure.market.interval)
    return (
        Window(
            index=0,
            train=Span(start_ms=start_ms, end_ms=test_start_ms),
            test=Span(start_ms=test_start_ms, end_ms=present.end_ms),
        ),
    )


CUTS: dict[RunKind, Cut] = {"walkforward": cut_walkforward, "training": cut_once}


def holdout_span(plan: PlanRecord) -> Span | None:
    """The days that a plan has locked away, or None."""
    if plan.holdout_start_ms is None:
        return None
    days = plan.procedure.windows.holdout_days
    return Span(start_ms=plan.holdout_start_ms, end_ms=plan.holdout_start_ms + days * DAY_MS)
