"""What a model of a run is trained on, read on a connection that is closed before anything is trained."""

from dataclasses import replace

from job.data.postgres import Connection, on_connection
from job.dataset import load_dataset, load_peers
from job.rows import Dataset
from job.run.plan import check_unchanged
from job.run.run import Run
from job.windows import Window


def read_training(run: Run, window: Window) -> Dataset:
    """The training span of ``window``, of the traded market and of those that it learns from beside it.

    Raises
    ------
    DataError
        Where the data of the window are no longer what the plan was made from.
    DatabaseUnavailable
        Where the server broke off each time.
    """

    def read(connection: Connection) -> Dataset:
        check_unchanged(connection, run.plan, window.span)
        own = load_dataset(connection, run.plan, window.train)
        return replace(own, peers=load_peers(connection, run.plan, window.train))

    return on_connection(run.conninfo, read)
