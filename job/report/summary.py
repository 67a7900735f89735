"""The evaluation of a run as the record that is stored. Pure."""

import math

from job.evaluation.bootstrap import Interval
from job.evaluation.measure import Measure
from job.records import IntervalRecord, MeasureRecord, ModelSummaryRecord, PlanRecord, SummaryRecord, WindowRecord
from job.run_evaluation import ModelEvaluation, RunEvaluation
from job.window_results import measure_records


def summary_record(
    plan: PlanRecord,
    evaluation: RunEvaluation,
    states_headline: str,
    failed_windows: dict[str, str],
    trials_counted_in: str,
) -> SummaryRecord:
    """Everything that the terminal, the page and the dashboard say of a run.

    Parameters
    ----------
    plan, evaluation : of the run.
    states_headline : how many windows there are and what became of them, as a sentence.
    failed_windows : by index as text, why each failed.
    trials_counted_in : the place whose trials ``num_trials`` counts.
    """
    findings, verdict, windows = evaluation.findings, evaluation.verdict, evaluation.windows
    market = plan.procedure.market
    worst = _worst(windows)
    return SummaryRecord(
        symbol=market.symbol,
        interval=market.interval,
        traded_model=evaluation.traded,
        first_test_ms=windows[0].span.test_start_ms,
        last_test_ms=windows[-1].span.test_end_ms,
        num_windows=len(plan.windows),
        num_done=len(windows),
        failed_windows=failed_windows,
        headline=states_headline,
        num_days=findings.num_days,
        num_trials=round(findings.num_trials),
        trials_counted_in=trials_counted_in,
        psr=_measure(evaluation.psr),
        dsr=_measure(findings.dsr),
        min_track_record_days=_measure(findings.min_track_record_days),
        spa_p=_measure(findings.no_skill_p),
        break_even_bps=_measure(findings.break_even_bps),
        assumed_cost_bps=findings.cost_bps,
        windows_above_zero=_share_above_zero(windows),
        worst_window=_test_return(worst),
        worst_window_index=worst.span.index,
        verdict=verdict.verdict,
        verdict_reason=verdict.reason,
        next=verdict.settle,
        models={name: _model(model) for name, model in evaluation.models.items()},
    )


def _model(model: ModelEvaluation) -> ModelSummaryRecord:
    return ModelSummaryRecord(
        measures=measure_records(model.measures), sharpe_interval=_interval(model.sharpe_interval)
    )


def _measure(measure: Measure) -> MeasureRecord:
    return MeasureRecord(value=measure.value, reason=measure.reason)


def _interval(interval: Interval) -> IntervalRecord:
    return IntervalRecord(low=interval.low, high=interval.high, reason=interval.reason)


def _test_return(window: WindowRecord) -> MeasureRecord:
    return window.models[window.traded_model].test["total_return"]


def _worst(windows: tuple[WindowRecord, ...]) -> WindowRecord:
    """The window that lost most, the earliest of equals; one without a return is never it where another has one."""

    def gain(window: WindowRecord) -> float:
        value = _test_return(window).value
        return math.inf if value is None else value

    return min(windows, key=gain)


def _share_above_zero(windows: tuple[WindowRecord, ...]) -> MeasureRecord:
    gains = [gain for window in windows if (gain := _test_return(window).value) is not None]
    if not gains:
        return _test_return(windows[0])
    return MeasureRecord(value=sum(gain > 0 for gain in gains) / len(gains))
