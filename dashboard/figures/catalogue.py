"""Every chart by its name, which stands in the addresses of its table and its CSV file."""

from collections.abc import Mapping

from dashboard.chart import Builder
from dashboard.figures.compared_runs import compared_equity, compared_sharpes, window_differences
from dashboard.figures.metric_correlation import chosen_against_tested, metric_correlation, metric_pair
from dashboard.figures.release import release_account, release_calibration
from dashboard.figures.run_charts import run_chart_builders

CHARTS: Mapping[str, Builder] = {
    **run_chart_builders(),
    "chosen-against-tested": chosen_against_tested,
    "metric-correlation": metric_correlation,
    "metric-pair": metric_pair,
    "window-differences": window_differences,
    "compared-equity": compared_equity,
    "compared-sharpes": compared_sharpes,
    "release-account": release_account,
    "release-calibration": release_calibration,
}
