"""``lorentzian train``: basic training on one fixed split."""

from rich.console import Console
from rich.table import Table

from job.command_settings import TrainCommand
from job.database import open_database
from job.errors import ExitCode
from job.records import MeasureRecord, WindowRecord
from job.settings_sources import LoadedSettings
from job.training import run_training

SHOWN = ("total_return", "sharpe_ratio", "sortino_ratio", "calmar_ratio", "max_drawdown", "win_rate", "profit_factor")


def run(loaded: LoadedSettings[TrainCommand]) -> ExitCode:
    """Train, and print what validation and test say."""
    settings = loaded.settings
    with open_database(settings.database) as conninfo:
        run, record = run_training(settings, conninfo)
    Console().print(_table(record))
    stamp, root = run.plan.stamp, run.store.location
    for key in (run.keys.trained_model(stamp), run.keys.trained_metrics(stamp), run.keys.loss_curve(stamp)):
        print(f"{root}/{key}")
    return ExitCode.DONE


def _table(record: WindowRecord) -> Table:
    table = Table("model", "", *(name.replace("_", " ") for name in SHOWN), "trades", "log loss")
    for name, model in record.models.items():
        for title, measures in (("validation", model.validation), ("test", model.test)):
            table.add_row(name, title, *(_shown(measures[m]) for m in (*SHOWN, "n_trades", "log_loss")))
    return table


def _shown(measure: MeasureRecord) -> str:
    return f"{measure.value:.4g}" if measure.value is not None else (measure.reason or "").replace("_", " ")
