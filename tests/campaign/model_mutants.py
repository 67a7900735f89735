"""Mistakes that the campaign of what uses a model must see, planted in the processes of its commands alone."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from job.artifacts.keys import RunKeys
    from job.data.postgres import Connection
    from job.data.signal_table import SignalKey


def delete_in_order_of_names() -> None:
    """Let a pruning begin with whatever comes first, instead of with the manifest."""
    from job import pruning

    def by_name(_keys: "RunKeys", key: str) -> tuple[int, str]:
        return 0, key

    pruning._rank = by_name


def skip_to_the_newest() -> None:
    """Let a follower that starts again go on with the newest bar, instead of after the last one that was said."""
    from job.intervals import interval_ms
    from job.prediction import following
    from tests.support.small_run import END_MS, INTERVAL

    last_said = following.last_signal_ms

    def newest_but_one(connection: "Connection", key: "SignalKey") -> int | None:
        return None if last_said(connection, key) is None else END_MS - 2 * interval_ms(INTERVAL)

    following.last_signal_ms = newest_but_one
