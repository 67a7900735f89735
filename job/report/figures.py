"""All pictures of a run, and those of one training, each with a name and one sentence that says what it shows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from job.records import LONG, MeasureRecord, PlanRecord, SummaryRecord
from job.report.correlation_figure import correlation_figure
from job.report.differences_figure import differences_figure
from job.report.drift_figure import drift_figure
from job.report.equity_figure import equity_figure
from job.report.fan_figure import fan_figure
from job.report.loss_figure import Curve, training_loss_figure, window_losses_figure
from job.report.metric_words import shown_metric
from job.report.numbers import percent, ratio, share
from job.report.sampling import is_beyond_luck
from job.report.tables import chance_of_loss_sentence, drift_sentence, in_order
from job.report.window_correlation import correlate_windows
from job.report.windows_figure import windows_figure
from job.run_evaluation import RunEvaluation
from job.window_results import measure_records


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure, the name of its file without ending, and one sentence for those who cannot see it."""

    name: str
    figure: Figure
    summary: str


def run_figures(plan: PlanRecord, summary: SummaryRecord, evaluation: RunEvaluation) -> tuple[Picture, ...]:
    """The pictures of a finished run, in the order of the report."""
    return (
        Picture(
            name="differences",
            figure=differences_figure(
                summary.differences, traded=summary.traded_model, num_days=evaluation.findings.num_days
            ),
            summary=_differences_summary(summary),
        ),
        Picture(
            name="monte_carlo",
            figure=fan_figure(evaluation.robustness.monte_carlo, evaluation.daily[evaluation.traded]),
            summary=chance_of_loss_sentence(evaluation.robustness.monte_carlo),
        ),
        Picture(name="drift", figure=drift_figure(evaluation.robustness.drift), summary=drift_sentence(summary)),
        Picture(name="equity", figure=equity_figure(plan, evaluation), summary=_equity_summary(evaluation)),
        Picture(
            name="metrics_over_windows",
            figure=windows_figure(plan, evaluation),
            summary=_windows_summary(evaluation),
        ),
        Picture(
            name="metric_correlation",
            figure=correlation_figure(evaluation.windows),
            summary=_correlation_summary(evaluation),
        ),
        Picture(
            name="loss_curves",
            figure=window_losses_figure(evaluation.windows),
            summary=_losses_summary([curve for window in evaluation.windows for curve in window.loss_curves]),
        ),
    )


def training_figures(curves: Sequence[Curve]) -> tuple[Picture, ...]:
    """The picture of one training: its forward blocks and its refit."""
    return (Picture(name="loss_curve", figure=training_loss_figure(curves), summary=_losses_summary(curves)),)


def _differences_summary(summary: SummaryRecord) -> str:
    names = in_order(summary.differences, traded=summary.traded_model)
    ahead = [name for name in names if (summary.differences[name].sharpe_ratio.low or 0) > 0]
    behind = [name for name in names if (summary.differences[name].sharpe_ratio.high or 0) < 0]
    return (
        f"By 95 % intervals, each taken alone, {summary.traded_model} has a higher Sharpe ratio than "
        f"{', '.join(ahead) or 'none'} of {len(summary.differences)}, and a lower one than "
        f"{', '.join(behind) or 'none'}."
    )


def _equity_summary(evaluation: RunEvaluation) -> str:
    traded, held = (measure_records(evaluation.models[name].measures) for name in (evaluation.traded, LONG))
    return (
        f"The out-of-sample account of {evaluation.traded} ends at {shown_metric('total_return', traded)} after costs, "
        f"always long at {shown_metric('total_return', held)}; its deepest fall is "
        f"{shown_metric('max_drawdown', traded)}."
    )


def _windows_summary(evaluation: RunEvaluation) -> str:
    tests = [window.models[evaluation.traded].test["total_return"] for window in evaluation.windows]
    gains = [test.value for test in tests if test.value is not None]
    if not gains:
        return "No window has a net return."
    return (
        f"{sum(gain > 0 for gain in gains)} of {len(tests)} test windows end above zero; the median is "
        f"{percent(float(np.median(gains)))}, the worst {percent(min(gains))}, the best {percent(max(gains))}."
    )


def _correlation_summary(evaluation: RunEvaluation) -> str:
    correlation = correlate_windows(evaluation.windows)
    pair = ("validation_sharpe_ratio", "test_sharpe_ratio")
    left_out = f"{len(correlation.dropped)} metrics are left out."
    if not set(pair) <= set(correlation.names):
        return f"Too few windows have a validation and a test Sharpe ratio to correlate them; {left_out}"
    row, column = (correlation.names.index(name) for name in pair)
    value, num = float(correlation.value[row, column]), int(correlation.num_windows[row, column])
    measure = MeasureRecord(value=None, reason="too_short") if np.isnan(value) else MeasureRecord(value=value)
    words = "no defined correlation" if measure.value is None else f"a rank correlation of {ratio(measure.value)}"
    luck = "" if measure.value is None or is_beyond_luck(value, num) else ", which cannot be told from none"
    return f"Validation and test Sharpe ratios have {words} over {num} windows{luck}; {left_out}"


def _losses_summary(curves: Sequence[Curve]) -> str:
    validated = [curve for curve in curves if curve.validation]
    if not validated:
        return "No fit has a validation loss by epoch."
    better = sum(min(curve.validation) < curve.validation[0] for curve in validated)
    return (
        f"Validation loss fell below the untrained model's in {better} of {len(validated)} fits "
        f"({share(better / len(validated))})."
    )
