"""One attempt at one window, from its claim to its last heartbeat; what pods and local workers both run."""

import structlog

from job.execution.window_line import WindowLine, window_facts
from job.pipeline import is_done, run_window
from job.procedure import OnProgress
from job.run.attempt import Attempt
from job.run.kept_fits import forget_fits
from job.run.run import Run


def attempt_window(
    run: Run,
    index: int,
    *,
    max_attempts: int,
    num_failures: int | None = None,
    on_progress: OnProgress | None = None,
) -> bool:
    """Run a window unless it is done; return whether anything was left to do.

    Any error is noted with the attempt, and raised.

    Parameters
    ----------
    max_attempts, num_failures : see `Attempt`.
    """
    with structlog.contextvars.bound_contextvars(run_id=run.plan.run_id, window_index=index):
        line = WindowLine()
        run = line.metered(run)
        if is_done(run, index):
            structlog.get_logger().info("window_already_done")
            forget_fits(run.store, run.keys.kept_fits(index))  # whoever finished it may have died before
            return False

        attempt = Attempt(run.store, run.keys, index, max_attempts=max_attempts, num_failures=num_failures)

        def noted(part: int, epoch: int, loss: float) -> None:
            attempt.at_epoch(epoch)
            line.at_epoch(part, epoch, loss)
            if on_progress is not None:
                on_progress(part, epoch, loss)

        with line.written(run, attempt) as found, attempt:
            found.update(window_facts(run_window(run, index, attempt=attempt, on_progress=noted)))
        return True
