"""``lorentzian train``: basic training on one fixed split."""

from rich.table import Table

from job.commands.results import add_texts, results_console, results_table
from job.database import open_database
from job.errors import ExitCode
from job.execution.training import run_training
from job.intervals import format_utc
from job.records import PlanRecord, WindowRecord
from job.report.metric_words import shown_metric, words_of
from job.rules import label_caution
from job.settings.commands import TrainCommand
from job.settings.sources import LoadedSettings

SHOWN = (
    "total_return",
    "sharpe_ratio",
    "sortino_ratio",
    "calmar_ratio",
    "max_drawdown",
    "win_rate",
    "profit_factor",
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
    results_console().print(_table(run.plan, finished.record, traded=run.traded_model))
    caution = label_caution(run.plan.procedure)
    if caution is not None:
        print(f"Note: {caution}")
    stamp, root = run.plan.stamp, run.store.location
    for key in (run.keys.trained_model(stamp), run.keys.trained_metrics(stamp), run.keys.loss_curve(stamp)):
        print(f"{root}/{key}")
    return ExitCode.DONE


def _table(plan: PlanRecord, record: WindowRecord, *, traded: str) -> Table:
    market, span = plan.procedure.market, record.span
    table = results_table(
        "",
        f"{traded} validation",
        *(f"{name} test" for name in (traded, *(name for name in record.models if name != traded))),
        title=f"{market.symbol} {market.interval}, trained from {format_utc(span.train_start_ms)}, tested from "
        f"{format_utc(span.test_start_ms)} to {format_utc(span.test_end_ms)} UTC, after costs",
    )
    models = [record.models[traded], *(model for name, model in record.models.items() if name != traded)]
    for metric in SHOWN:
        measures = [models[0].validation, *(model.test for model in models)]
        add_texts(table, words_of(metric).label, *(shown_metric(metric, each) for each in measures))
    return table
