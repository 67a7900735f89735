"""The evaluation of a run as the record that is stored. Pure."""

import math
from collections import Counter
from statistics import median

from job.evaluation.bootstrap import Interval
from job.evaluation.measure import Measure
from job.evaluation.paired import Difference, Estimate
from job.evaluation.pbo import MAX_BLOCKS
from job.evaluation.verdict import smallest_visible_sharpe
from job.records import (
    DifferenceRecord,
    EstimateRecord,
    IntervalRecord,
    MeasureRecord,
    Measures,
    ModelSummaryRecord,
    PlanRecord,
    RandomSignalsRecord,
    SummaryRecord,
    WindowRecord,
)
from job.rules import label_caution
from job.run.cautions import funding_warning, run_warnings
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
    plan, evaluation : of the run; the warnings of plan and windows come first.
    states_headline : how many windows there are and what became of them, as a sentence.
    failed_windows : by index as text, why each failed.
    trials_counted_in : the place whose trials ``num_trials`` counts.
    """
    findings, verdict, windows = evaluation.findings, evaluation.verdict, evaluation.windows
    deflation = evaluation.deflation
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
        warnings=(*run_warnings(plan, windows), *_warnings(plan, evaluation)),
        num_days=findings.num_days,
        num_trials=findings.num_trials,
        num_trials_of_symbol=evaluation.num_trials_of_symbol,
        effective_trials=MeasureRecord(value=findings.effective_trials),
        trials_counted_in=trials_counted_in,
        psr=_measure(evaluation.psr),
        dsr=_measure(findings.dsr),
        dsr_of_all_trials=_measure(deflation.dsr_of_all_trials),
        luck_sharpe=_measure(deflation.luck_sharpe),
        pbo=_measure(deflation.overfitting.probability),
        min_track_record_days=_measure(findings.min_track_record_days),
        smallest_visible_sharpe=MeasureRecord(value=smallest_visible_sharpe(findings.num_days)),
        spa_p=_measure(findings.no_skill_p),
        break_even_bps=_measure(findings.break_even_bps),
        assumed_cost_bps=findings.cost_bps,
        windows_above_zero=_share_above_zero(windows),
        median_validation_sharpe=_median_sharpe([window.models[window.traded_model].validation for window in windows]),
        median_test_sharpe=_median_sharpe([window.models[window.traded_model].test for window in windows]),
        worst_window=_test_return(worst),
        worst_window_index=worst.span.index,
        verdict=verdict.verdict,
        verdict_reason=verdict.reason,
        forecast=evaluation.forecast.word,
        forecast_reason=evaluation.forecast.reason,
        model=evaluation.model.word,
        model_reason=evaluation.model.reason,
        next=verdict.settle,
        models={name: _model(model) for name, model in evaluation.models.items()},
        differences={name: _difference(difference) for name, difference in evaluation.differences.items()},
        random_signals=_random_signals(evaluation),
        **vars(evaluation.robustness),
    )


def _model(model: ModelEvaluation) -> ModelSummaryRecord:
    return ModelSummaryRecord(
        measures=measure_records(model.measures), sharpe_interval=_interval(model.sharpe_interval)
    )


def _difference(difference: Difference) -> DifferenceRecord:
    return DifferenceRecord(
        daily_return=_estimate(difference.daily_return),
        sharpe_ratio=_estimate(difference.sharpe_ratio),
        log_loss=None if difference.log_loss is None else _estimate(difference.log_loss),
    )


def _random_signals(evaluation: RunEvaluation) -> RandomSignalsRecord:
    signals = evaluation.random_signals
    return RandomSignalsRecord(
        num_draws=len(signals.daily_returns),
        median_return=_measure(signals.median_return),
        median_sharpe=_measure(signals.median_sharpe),
        share_below=_measure(signals.share_below(evaluation.findings.total_return)),
    )


def _warnings(plan: PlanRecord, evaluation: RunEvaluation) -> list[str]:
    """What a reader of the statistics should know of how they came about."""
    cautions = (label_caution(plan.procedure), funding_warning(plan.procedure, evaluation.funding_days))
    sentences = [caution for caution in cautions if caution is not None]
    if evaluation.num_attempts > 1:
        sentences.append(
            f"A test was read by {evaluation.num_attempts} models of this procedure, as after a retry on another "
            f"machine; all of them are one trial."
        )
    told = (_blend_sentence(evaluation.windows), _search_sentence(evaluation.windows))
    sentences += [sentence for sentence in told if sentence is not None]
    overfitting = evaluation.deflation.overfitting
    if overfitting.probability.value is not None and overfitting.num_blocks < MAX_BLOCKS:
        sentences.append(
            f"The probability of overfitting is taken from {overfitting.num_blocks} blocks instead of {MAX_BLOCKS}: "
            f"the trials have only {overfitting.num_days} days in common."
        )
    return sentences


def _blend_sentence(windows: tuple[WindowRecord, ...]) -> str | None:
    """How often the blend was kept and what its members weighed, or None for other models."""
    blends = [blend for window in windows if (blend := window.models[window.traded_model].blend) is not None]
    if not blends:
        return None
    means = {name: sum(blend.weights[name] for blend in blends) / len(blends) for name in blends[0].weights}
    weights = ", ".join(f"{name} {mean:.2f}" for name, mean in means.items())
    num_kept = sum(blend.is_kept for blend in blends)
    return (
        f"Validation kept the blend in {num_kept} of {len(blends)} windows, and its best member alone in the others; "
        f"mean weights: {weights}."
    )


def _search_sentence(windows: tuple[WindowRecord, ...]) -> str | None:
    """How often validation chose other settings than those given, and which, or None without a search."""
    searches = [search for window in windows if (search := window.search) is not None]
    if not searches:
        return None
    chosen = Counter(search.chosen_changes for search in searches)
    num_given = chosen.pop("", 0)
    others = ", ".join(f"{changes} ({count})" for changes, count in chosen.most_common())
    return (
        f"In each window validation chose among {len(searches[0].candidates)} candidates, and the settings as given in "
        f"{num_given} of {len(searches)} windows" + (f"; in the others: {others}." if others else ".")
    )


def _measure(measure: Measure) -> MeasureRecord:
    return MeasureRecord(value=measure.value, reason=measure.reason)


def _interval(interval: Interval) -> IntervalRecord:
    return IntervalRecord(low=interval.low, high=interval.high, reason=interval.reason)


def _estimate(estimate: Estimate) -> EstimateRecord:
    value, interval = estimate.value, estimate.interval
    return EstimateRecord(
        value=value.value, low=interval.low, high=interval.high, reason=value.reason or interval.reason
    )


def _test_return(window: WindowRecord) -> MeasureRecord:
    return window.models[window.traded_model].test["total_return"]


def _median_sharpe(measures: list[Measures]) -> MeasureRecord:
    """Of the windows that traded; a window without a trade has no Sharpe ratio."""
    values = [value for each in measures if (value := each["sharpe_ratio"].value) is not None]
    return MeasureRecord(value=median(values)) if values else MeasureRecord(value=None, reason="no_trades")


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
