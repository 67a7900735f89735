"""What a reader must be told beside a run's numbers: sentences, a function of plan and windows. Pure."""

from collections.abc import Sequence

from job.backtest.funding import FundingDays
from job.effective_sample import sample_warning
from job.intervals import DAY_MS, HOUR_MS, MINUTE_MS
from job.records import PlanRecord, ProcedureRecord, WindowRecord
from job.rules import reads_funding
from job.run.cuts import MAX_LOOKBACK_DAYS
from job.windows import Span


def history_warning(procedure: ProcedureRecord, present: Span, num_windows: int) -> str | None:
    """A sentence where less history is stored than was asked for, or None.

    Parameters
    ----------
    present : the span that has features; the days of klines before it, which warm features up, are not missed.
    num_windows : that it was cut into.
    """
    asked_ms = procedure.windows.data_days * DAY_MS
    missing_ms = asked_ms - (present.end_ms - present.start_ms) - MAX_LOOKBACK_DAYS * DAY_MS
    if missing_ms <= 0:
        return None
    windows = "1 window" if num_windows == 1 else f"{num_windows} windows"
    return (
        f"The stored history is {_length(missing_ms)} short of the {procedure.windows.data_days} days asked for: "
        f"it makes {windows}."
    )


def training_warning(plan: PlanRecord, effective: Sequence[float]) -> str | None:
    """A sentence where training spans hold too few independent labels, or None.

    Parameters
    ----------
    effective : independent labels of each window's training span.
    """
    days = plan.procedure.windows
    is_training = plan.kind == "training"
    return sample_warning(
        effective[:1] if days.anchored else effective,  # those spans grow: the first is as long as the setting says
        num_features=len(plan.feature_names),
        num_days=days.window_size,
        flag="--data-days" if is_training else "--window-size",
        flag_days=days.data_days if is_training else days.window_size,
    )


def funding_warning(procedure: ProcedureRecord, days: FundingDays) -> str | None:
    """A sentence where a perpetual was traded and its funding is not stored for all of the tests, or None.

    Parameters
    ----------
    days : of the tests.
    """
    if not reads_funding(procedure) or days.num_charged == days.num_settled:
        return None
    market, symbol = procedure.market, procedure.market.symbol
    if market.is_synthetic and not days.num_charged:
        return "No funding was charged: a synthetic market has none; --funding-bps states one."
    if not days.num_charged:
        return (
            f"No funding was charged: none is stored for {symbol}; `lorentzian collect{market.flags}` stores it, "
            f"--funding-bps states one."
        )
    return (
        f"Funding was charged on {days.num_charged} of {days.num_settled} days: none is stored for {symbol} on the "
        f"others; --funding-bps states one for all."
    )


def idle_warning(windows: Sequence[WindowRecord]) -> str | None:
    """A sentence where more windows stayed out of the market than traded, or None; also where none traded."""
    num_trades = [window.models[window.traded_model].test["n_trades"].value for window in windows]
    num_idle = sum(number == 0 for number in num_trades)
    num_traded = len(windows) - num_idle
    if num_traded == 0 or num_idle <= num_traded:
        return None
    return (
        f"{num_idle} of {len(windows)} windows traded nothing, as where nothing beat staying flat on their validation: "
        f"the result rests on the other {num_traded}, and the days of the {num_idle} count as returns of zero."
    )


def run_warnings(plan: PlanRecord, windows: Sequence[WindowRecord]) -> tuple[str, ...]:
    """All sentences of a run, of the windows that finished."""
    told = (training_warning(plan, [window.effective_train_rows for window in windows]), idle_warning(windows))
    return (*plan.warnings, *(sentence for sentence in told if sentence is not None))


def _length(duration_ms: int) -> str:
    """A duration in its largest fitting unit."""
    for unit_ms, name in ((DAY_MS, "days"), (HOUR_MS, "hours")):
        if duration_ms >= 2 * unit_ms:
            return f"{duration_ms / unit_ms:.1f} {name}"
    return f"{duration_ms / MINUTE_MS:.0f} minutes"
