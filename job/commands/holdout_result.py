"""How `lorentzian finalize --open-holdout` prints what the locked-away days said."""

from job.commands.results import add_texts, results_console, results_table
from job.intervals import format_utc
from job.records import HoldoutRecord
from job.report.metric_words import shown_metric, words_of
from job.report.numbers import shown_interval

SHOWN = ("total_return", "sharpe_ratio", "max_drawdown", "n_trades", "win_rate", "log_loss", "auc")


def print_holdout(record: HoldoutRecord, address: str) -> None:
    """The numbers, how much they may be believed, and where they lie.

    Parameters
    ----------
    address : path of the stored record.
    """
    table = results_table(
        "",
        "final model",
        title=f"Days locked away, {format_utc(record.start_ms)} to {format_utc(record.end_ms)} UTC, after costs",
    )
    for metric in SHOWN:
        add_texts(table, words_of(metric).label, shown_metric(metric, record.measures))
    add_texts(table, "95 % interval of Sharpe", shown_interval(record.sharpe_interval))
    results_console().print(table)
    print(holdout_sentence(record))
    print(f"Holdout: {address}")


def holdout_sentence(record: HoldoutRecord) -> str:
    """Whether anybody could have chosen for these days, in a sentence or two."""
    if record.is_spent:
        return (
            f"Spent: {record.spent_reason} These numbers confirm nothing, since what was tried after that may have "
            f"been chosen for them. This was opening {record.opening}."
        )
    return "Untouched: nothing has read these days before. From now on they are spent."
