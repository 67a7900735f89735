"""Deleting unused feature rows, for ``lorentzian prune``: what asks the database, and knows what features there are."""

from collections.abc import Collection, Sequence

from job import interruption
from job.commands.results import add_texts, results_console, results_table
from job.data.feature_sets import StoredFeatures, delete_features
from job.data.postgres import connect
from job.data.schema import require_schema
from job.pruning_features import unused_features
from job.records import PlanRecord
from job.report.numbers import count, megabytes
from job.run.attempt import now_ms


def prune_features(conninfo: str, kept: Collection[PlanRecord], *, is_dry: bool) -> None:
    """Show the rows that no kept run reads, and delete them unless it is a dry run; a market and set at a time."""
    with interruption.at_once(), connect(conninfo) as connection:
        require_schema(connection)
        unused = unused_features(connection, kept, now_ms=now_ms())
        _print(unused)
        for stored in () if is_dry else unused:
            delete_features(connection, stored.key, stored.identity)


def _print(unused: Sequence[StoredFeatures]) -> None:
    if unused:
        table = results_table("market", "feature set", "rows", "size", title="Feature rows to delete")
        for each in unused:
            add_texts(table, str(each.key), each.identity, count(each.num_rows), megabytes(each.num_bytes))
        results_console().print(table)
    num_rows, num_bytes = sum(each.num_rows for each in unused), sum(each.num_bytes for each in unused)
    print(
        f"{count(num_rows)} feature rows to delete, {megabytes(num_bytes)}. "
        "Runs under other save paths are not seen; `lorentzian features` computes rows again."
    )
