"""The one line of a window's log that says all that an operator asks: how it ran and ended, not what its test found."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import structlog

from job.artifacts.metered import MeteredStore, StoreUse
from job.errors import Interrupted, JobError
from job.processor import device_name
from job.records import WindowRecord
from job.run.attempt import Attempt
from job.run.run import Run


class WindowLine:
    """Gathers what the line says while an attempt runs, and writes it when the attempt has ended."""

    def __init__(self) -> None:
        self._use = StoreUse()
        self._num_epochs = 0
        self._loss: float | None = None
        self._started = time.monotonic()

    def metered(self, run: Run) -> Run:
        """The same run, with what is asked of its stores counted for the line."""
        store, ledger = (MeteredStore(each, use=self._use) for each in (run.store, run.ledger))
        return replace(run, store=store, ledger=ledger)

    def at_epoch(self, part: int, epoch: int, loss: float) -> None:
        """One epoch of one fit of the traded model has ended; its mean training loss."""
        self._num_epochs += 1
        self._loss = loss
        structlog.get_logger().debug("epoch_ended", part=part, epoch=epoch, loss=loss)

    @contextmanager
    def written(self, run: Run, attempt: Attempt) -> Iterator[dict[str, Any]]:
        """Write the line when the block, which runs the attempt, is left; it says what the block puts in here, too."""
        found: dict[str, Any] = {}
        try:
            yield found
        except BaseException as error:
            is_failure = not isinstance(error, Interrupted | KeyboardInterrupt)
            self._write("error" if is_failure else "warning", run, attempt, found | _reason(error))
            raise
        self._write("info", run, attempt, found)

    def _write(self, method: str, run: Run, attempt: Attempt, found: dict[str, Any]) -> None:
        record = attempt.record
        getattr(structlog.get_logger(), method)(
            "window_ended",
            exit_code=record.exit_code,
            stage=record.stage,
            attempt=record.attempt,
            max_attempts=record.max_attempts,
            seconds=round(time.monotonic() - self._started, 3),
            seconds_by_stage=attempt.seconds_by_stage,
            device=device_name(run.device),
            model=run.traded_model,
            epochs=self._num_epochs,
            training_loss=self._loss,
            num_requests=self._use.num_requests.total(),
            bytes_read=self._use.bytes_read,
            bytes_written=self._use.bytes_written,
            **found,
        )


def window_facts(record: WindowRecord) -> dict[str, Any]:
    """What the line says of a window that was trained: rows and losses, and nothing of its test's result."""
    losses = [curve.validation[curve.best_epoch] for curve in record.loss_curves if curve.validation]
    return {
        "num_train_rows": record.num_train_rows,
        "effective_train_rows": round(record.effective_train_rows, 1),
        "num_test_bars": record.num_test_bars,
        "best_epoch": record.best_epoch,
        "validation_losses": losses,
    }


def _reason(error: BaseException) -> dict[str, str]:
    if isinstance(error, JobError):
        return {"reason": error.message, "remedy": error.remedy}
    return {"reason": type(error).__name__}
