"""The objects that a report is stored as, by key: CSV, pictures and the page."""

from job.artifacts.keys import RunKeys
from job.records import HoldoutRecord, PlanRecord, SummaryRecord, WindowRecord
from job.report.figures import run_figures, training_figures
from job.report.page import report_page
from job.report.render import png_bytes
from job.report.window_table import window_metrics_csv
from job.run_evaluation import RunEvaluation


def report_objects(
    plan: PlanRecord, summary: SummaryRecord, evaluation: RunEvaluation, holdout: HoldoutRecord | None = None
) -> dict[str, bytes]:
    """Everything for people that a finished run stores, beside its summary."""
    keys = RunKeys(plan.run_id)
    pictures = run_figures(plan, summary, evaluation)
    return {
        keys.window_metrics_csv(plan.stamp): window_metrics_csv(plan, evaluation.windows),
        keys.report: report_page(plan, summary, evaluation, pictures, holdout),
    } | {keys.visualization(picture.name): png_bytes(picture.figure) for picture in pictures}


def loss_curve_png(record: WindowRecord) -> bytes:
    """The picture of a basic training."""
    (picture,) = training_figures(record.loss_curves)
    return png_bytes(picture.figure)
