"""``lorentzian train``: basic training on one fixed split."""

from job.commands.results import add_texts, results_console, results_table
from job.database import open_database
from job.errors import ExitCode
from job.execution.training import run_training
from job.intervals import format_utc
from job.records import PlanRecord, WindowRecord
from job.report.metric_words import shown_metric, words_of
from job.report.numbers import DASH
from job.report.tables import in_order
from job.report.terminal import why_missing
from job.rules import label_caution
from job.settings.commands import TrainCommand
from job.settings.sources import LoadedSettings

# As many as a terminal of 80 columns has room for; the file of metrics holds all.
SHOWN = (
    "total_return",
    "sharpe_ratio",
    "max_drawdown",
    "win_rate",
    "n_trades",
    "log_loss",
)


def run(loaded: LoadedSettings[TrainCommand]) -> ExitCode:
    """Train, and print what validation and test say."""
    settings = loaded.settings
    with open_database(settings.database) as conninfo:
        finished = run_training(settings, conninfo)
    run = finished.run
    if not finished.is_new:
        print(f"Run {run.plan.run_id} is already done; nothing was changed.")
    _print(run.plan, finished.record, traded=run.traded_model)
    caution = label_caution(run.plan.procedure)
    if caution is not None:
        print(f"Note: {caution}")
    stamp, root = run.plan.stamp, run.store.location
    for key in (run.keys.trained_model(stamp), run.keys.trained_metrics(stamp), run.keys.loss_curve(stamp)):
        print(f"{root}/{key}")
    return ExitCode.DONE


def _print(plan: PlanRecord, record: WindowRecord, *, traded: str) -> None:
    """A row a model: on the test, and of the traded one on validation too."""
    market, span = plan.procedure.market, record.span
    table = results_table(
        "",
        *(words_of(metric).label for metric in SHOWN),
        title=f"{market.symbol} {market.interval}, trained from {format_utc(span.train_start_ms)}, tested from "
        f"{format_utc(span.test_start_ms)} to {format_utc(span.test_end_ms)} UTC, after costs",
    )
    table.columns[0].no_wrap = True  # labels of metrics have room for a second line
    tests = {name: record.models[name].test for name in in_order(record.models, traded=traded)}
    rows = {f"{traded} (validation)": record.models[traded].validation, **tests}
    for name, measures in rows.items():
        cells = (DASH if measures[metric].value is None else shown_metric(metric, measures) for metric in SHOWN)
        add_texts(table, name, *cells)
    results_console().print(table)
    missing = [row[metric] for row in rows.values() for metric in SHOWN if row[metric].value is None]
    if missing:
        print(why_missing(missing))
