"""What a model of a run is trained on, read on a connection that is closed before anything is trained."""

from job.data.postgres import Connection, on_connection
from job.dataset import load_dataset
from job.rows import Dataset
from job.run.plan import check_unchanged
from job.run.run import Run
from job.windows import Window


def read_training(run: Run, window: Window) -> Dataset:
    """The training span of ``window``.

    Raises
    ------
    DataError
        Where the data of the window are no longer what the plan was made from.
    DatabaseUnavailable
        Where the server broke off each time.
    """

    def read(connection: Connection) -> Dataset:
        check_unchanged(connection, run.plan, window.span)
        return load_dataset(connection, run.plan, window.train)

    return on_connection(run.conninfo, read)
