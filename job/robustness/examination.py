"""What else a run's result went through: other orders, other circumstances, empty worlds, and drifting markets. Pure.

Of these only the empty worlds can tell whether the procedure found its result by searching.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from job.arrays import FloatArray
from job.backtest.account import Backtest
from job.evaluation.bootstrap import DayDraws
from job.evaluation.drift import is_unusual, percentiles_of_history
from job.evaluation.measure import Measure
from job.evaluation.monte_carlo import DRAWDOWN_LEVELS, Fan, redraw_days, shuffle_trades, trade_returns_of
from job.records import (
    DriftRecord,
    FanRecord,
    MeasureRecord,
    MonteCarloRecord,
    NullWorldRecord,
    NullWorldsRecord,
    PlanRecord,
    StressRecord,
    WindowRecord,
)
from job.replay import JoinedTests
from job.robustness.null_worlds import null_p_value
from job.robustness.stress import stress_grid
from job.rules import trading_rules

SHUFFLE_STREAM = 2  # beside the streams of the run's other draws from the same seed
FAN_DIGITS = 6  # a picture has no use for more


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """Fields of the summary, under its names."""

    monte_carlo: MonteCarloRecord
    stress: tuple[StressRecord, ...]
    null_worlds: NullWorldsRecord | None
    drift: DriftRecord | None


def examine(
    plan: PlanRecord,
    windows: Sequence[WindowRecord],
    tests: JoinedTests,
    *,
    account: Backtest,
    daily: FloatArray,
    draws: DayDraws,
    sharpe: Measure,
    null_worlds: Sequence[NullWorldRecord],
) -> Robustness:
    """Put the traded model's result to all of it.

    Parameters
    ----------
    windows, tests : of the windows that finished.
    account : the stitched account.
    daily, draws : its daily returns float64 (n_days,), and their shared draws.
    sharpe : its headline ratio.
    null_worlds : those that were run, none unless they were asked for.
    """
    return Robustness(
        monte_carlo=_monte_carlo(account, daily, draws, seed=plan.procedure.model.seed),
        stress=_stress(plan, tests, windows[0].traded_model),
        null_worlds=_null_worlds(sharpe, null_worlds),
        drift=_drift(windows),
    )


def _monte_carlo(account: Backtest, daily: FloatArray, draws: DayDraws, *, seed: int) -> MonteCarloRecord:
    fan = redraw_days(daily, draws)
    shuffled = shuffle_trades(
        trade_returns_of(account.trades.pnl, initial_equity=float(account.equity[0])),
        num_draws=len(draws.index),
        rng=np.random.default_rng([seed, SHUFFLE_STREAM]),
    )
    loss = Measure.undefined("too_short") if fan is None else fan.probability_of_loss
    return MonteCarloRecord(
        num_draws=len(draws.index),
        fan=None if fan is None else _fan_record(fan),
        probability_of_loss=_measure(loss),
        drawdown_quantiles=_by_level(None if fan is None else fan.drawdown),
        shuffled_drawdown_quantiles=_by_level(shuffled),
    )


def _fan_record(fan: Fan) -> FanRecord:
    return FanRecord(quantiles=fan.levels, equity=tuple(tuple(row) for row in fan.equity.round(FAN_DIGITS).tolist()))


def _by_level(drawdown: FloatArray | None) -> dict[str, float]:
    if drawdown is None:
        return {}
    return dict(zip(map(str, DRAWDOWN_LEVELS), drawdown.tolist(), strict=True))


def _stress(plan: PlanRecord, tests: JoinedTests, traded: str) -> tuple[StressRecord, ...]:
    grid = stress_grid(tests, traded, trading_rules(plan.procedure), seed=plan.procedure.model.seed)
    return tuple(
        StressRecord(
            name=stressed.name,
            total_return=_measure(stressed.total_return),
            sharpe_ratio=_measure(stressed.sharpe_ratio),
        )
        for stressed in grid
    )


def _null_worlds(sharpe: Measure, worlds: Sequence[NullWorldRecord]) -> NullWorldsRecord | None:
    if not worlds:
        return None
    # A procedure that traded nothing in a world neither earned nor lost there.
    found = np.array([world.sharpe_ratio.value or 0.0 for world in worlds])
    p_value = sharpe if sharpe.value is None else Measure.of(null_p_value(sharpe.value, found))
    return NullWorldsRecord(
        num_worlds=len(worlds),
        sharpe_ratios=tuple(world.sharpe_ratio.value for world in worlds),
        p_value=_measure(p_value),
    )


def _drift(windows: Sequence[WindowRecord]) -> DriftRecord | None:
    measured = [(window.span.index, window.drift) for window in windows if window.drift is not None]
    if not measured:
        return None
    drifts = [drift for _, drift in measured]
    return DriftRecord(
        window=tuple(index for index, _ in measured),
        auc=tuple(drift.auc for drift in drifts),
        percentile=tuple(_measure(each) for each in percentiles_of_history([d.auc.value for d in drifts])),
        after_the_fact_auc=tuple(drift.after_the_fact_auc for drift in drifts),
        drifting_features=tuple(drift.drifting_features for drift in drifts),
    )


def unusual_windows(drift: DriftRecord | None) -> tuple[int, ...]:
    """The windows whose drift calls for a warning."""
    if drift is None:
        return ()
    return tuple(
        w for w, percentile in zip(drift.window, drift.percentile, strict=True) if is_unusual(percentile.value)
    )


def _measure(measure: Measure) -> MeasureRecord:
    return MeasureRecord(value=measure.value, reason=measure.reason)
