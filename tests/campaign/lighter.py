"""What is otherwise in the processes of a campaign, so that it ends soon; results stay functions of the data."""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.support.warm_commands import Preparation

if TYPE_CHECKING:
    from job.records import PlanRecord, SummaryRecord
    from job.report.figures import Picture
    from job.run_evaluation import RunEvaluation

PICTURES = ("equity", "drift")


def keep_every_fit() -> None:
    """Let a window keep each fit as soon as it is finished, and not every few seconds."""
    from job.run import kept_fits

    kept_fits.SECONDS_BETWEEN = 0.0


def draw_little() -> None:
    """Let the report's pictures be sentences with a digest of the summary: drawing takes most of a finalizer's time."""
    from job.artifacts.stored_records import record_bytes
    from job.report import artifacts
    from job.report.figures import Picture
    from job.report.house_style import sentence_figure

    def little(_plan: "PlanRecord", summary: "SummaryRecord", _evaluation: "RunEvaluation") -> "tuple[Picture, ...]":
        digest = hashlib.sha256(record_bytes(summary)).hexdigest()
        return tuple(Picture(name=name, figure=sentence_figure(name, digest), summary=digest) for name in PICTURES)

    artifacts.run_figures = little


def limit_waits(*, store_seconds: float, database_seconds: float) -> None:
    """Wait for silent servers no longer than this."""
    from job.artifacts import s3
    from job.data import watched_connection

    s3._READ_TIMEOUT_S = store_seconds  # type: ignore[assignment]
    watched_connection.SILENT_SECONDS = database_seconds


def limit_files(*, num_bytes: int) -> None:
    """Let no file grow larger, as on a disk that is full."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, num_bytes))


def turn_clock_back(*, hours: int) -> None:
    """Sign requests to the store with a wrong time."""
    from datetime import timedelta

    import botocore.auth

    now = botocore.auth.get_current_datetime
    botocore.auth.get_current_datetime = lambda *given, **named: now(*given, **named) - timedelta(hours=hours)


def prepared(act: Callable[..., None], **arguments: Any) -> Preparation:
    """A call of a module's function in the process of a command."""
    return Preparation(module=act.__module__, function=act.__name__, arguments=arguments)


LIGHTER = (prepared(keep_every_fit), prepared(draw_little))
