"""How commands print what the locked-away days said."""

from job.commands.results import add_texts, results_console, results_table
from job.records import HoldoutRecord
from job.report.holdout import holdout_sentence, holdout_table


def print_holdout(record: HoldoutRecord, address: str) -> None:
    """The numbers, how much they may be believed, and where they lie.

    Parameters
    ----------
    address : path of the stored record.
    """
    rows = holdout_table(record)
    table = results_table(*rows.head, title=rows.caption)
    for row in rows.rows:
        add_texts(table, *row)
    results_console().print(table)
    print(holdout_sentence(record))
    print(f"Holdout: {address}")
