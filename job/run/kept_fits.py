"""The finished fits of a window that is not done yet, kept in the store for whoever goes on with it.

A window is a row of fits, and a pod may be asked to leave in any of them. The forecasts that a forward block's fit was
made for are a few kilobytes, so they are kept: now and then while a window trains, and when it is asked to stop. The
next attempt takes them from there and ends with the same bytes. A refit is not kept, since what is wanted of it is the
model itself; with its choices known it costs less than what led to them.

It never decides whether a window succeeds: what cannot be stored, read or believed is fitted again.
"""

import hashlib
import time
from collections.abc import Mapping
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

import numpy as np
import structlog
from numpy.typing import NDArray

from job.artifacts.json_bytes import to_json_bytes
from job.artifacts.npz import arrays_to_bytes, bytes_to_arrays
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import record_bytes
from job.errors import Interrupted, JobError
from job.model.classifier import Classifier, Learner, LossCurve, OnEpoch, ValidatedFit
from job.records import PlanRecord
from job.rows import LabelledRows

# Storing takes a tenth of a second at most, so this costs a percent.
SECONDS_BETWEEN = 10.0
PACKAGES = ("lorentzian-trainer", "numpy", "scipy", "scikit-learn", "lightgbm", "numba", "torch")
_IDENTITY = "identity"


def fits_identity(plan: PlanRecord, index: int, *, cpu: str, device: str) -> str:
    """What decides the bytes of a window's fits: the plan, with its settings and data; the machine and the program."""
    content: dict[str, Any] = {
        "plan": hashlib.sha256(record_bytes(plan)).hexdigest(),
        "index": index,
        "cpu": cpu,
        "device": device,
        "versions": {name: version(name) for name in PACKAGES},
    }
    return hashlib.sha256(to_json_bytes(content)).hexdigest()


class KeptFits:
    """Hands out learners that remember; stores what they have fitted as the block goes on, and when it is left early.

    Parameters
    ----------
    store, key : where the fits are kept.
    identity : fits that were kept under another one are not taken.
    is_resumed : whether somebody may have kept any.
    """

    def __init__(self, store: ObjectStore, key: str, *, identity: str, is_resumed: bool) -> None:
        self._store, self._key, self._identity = store, key, identity
        self._fits = self._read() if is_resumed else {}
        self._unsaved_seconds = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if isinstance(error, Interrupted | KeyboardInterrupt) and self._unsaved_seconds:
            self._save()

    def remembering(self, learners: tuple[Learner, ...]) -> tuple[Learner, ...]:
        """The same learners, which fit nothing that is kept."""
        return tuple(_RememberingLearner(learner, self) for learner in learners)

    def recall(self, name: str, num_rows: int) -> ValidatedFit | None:
        """A kept fit with forecasts of so many rows, or None."""
        fit = self._fits.get(name)
        return fit if fit is not None and len(fit.probability) == num_rows else None

    def keep(self, name: str, fit: ValidatedFit, *, seconds: float) -> None:
        """Remember a fit that took so long."""
        structlog.get_logger().debug("fit_finished", fit=name, seconds=round(seconds, 3))
        self._fits[name] = fit
        self._unsaved_seconds += seconds
        if self._unsaved_seconds >= SECONDS_BETWEEN:
            self._save()

    def _save(self) -> None:
        try:
            self._store.put(self._key, _packed(self._fits, self._identity))
        except Interrupted:
            raise
        except JobError as error:
            structlog.get_logger().warning("fits_not_kept", reason=error.message)
        else:
            self._unsaved_seconds = 0.0

    def _read(self) -> dict[str, ValidatedFit]:
        try:
            stored = self._store.get(self._key)
            if stored is None:
                return {}
            arrays = bytes_to_arrays(stored.data, where=self._key)
            if bytes(arrays.pop(_IDENTITY, np.empty(0, dtype=np.uint8))).decode() != self._identity:
                structlog.get_logger().info("kept_fits_left", reason="they are another program's, or another machine's")
                return {}
            fits = _unpacked(arrays)
        except Interrupted:
            raise
        except Exception as error:  # noqa: BLE001 - whatever lies there, it must not fail a window
            structlog.get_logger().warning("kept_fits_left", reason=str(error))
            return {}
        structlog.get_logger().info("kept_fits_taken", num_fits=len(fits))
        return fits


def forget_fits(store: ObjectStore, key: str) -> None:
    """Remove what a window has kept, now that it is done; keys without the right to delete leave a few kilobytes."""
    try:
        store.delete(key)
    except Interrupted:
        raise
    except JobError as error:
        structlog.get_logger().info("kept_fits_not_removed", reason=error.message)


class _RememberingLearner:
    def __init__(self, learner: Learner, kept: KeptFits) -> None:
        self.name = learner.name
        self._learner, self._kept = learner, kept

    def validate(
        self, fit: LabelledRows, validation: LabelledRows, *, block: int, on_epoch: OnEpoch | None = None
    ) -> ValidatedFit:
        """The kept fit of this block, or a new one."""
        name = f"{self.name}.{block}"
        found = self._kept.recall(name, len(validation))
        if found is not None:
            return found
        started = time.monotonic()
        fitted = self._learner.validate(fit, validation, block=block, on_epoch=on_epoch)
        self._kept.keep(name, fitted, seconds=time.monotonic() - started)
        return fitted

    def refit(
        self, train: LabelledRows, validated: tuple[ValidatedFit, ...], *, on_epoch: OnEpoch | None = None
    ) -> tuple[Classifier, LossCurve | None]:
        """Always anew."""
        return self._learner.refit(train, validated, on_epoch=on_epoch)


def _packed(fits: Mapping[str, ValidatedFit], identity: str) -> bytes:
    """All fits as one file; the names of its arrays begin with the learner's and the block."""
    arrays: dict[str, NDArray[Any]] = {_IDENTITY: np.frombuffer(identity.encode(), dtype=np.uint8)}
    for name, fit in fits.items():
        losses = np.array([*fit.losses.items()], dtype=np.float64).reshape(-1, 2)
        arrays |= {f"{name}.probability": fit.probability, f"{name}.losses": losses}
        if fit.is_novel is not None:
            arrays[f"{name}.is_novel"] = fit.is_novel
        if fit.curve is not None:
            arrays |= {
                f"{name}.training": np.array(fit.curve.training, dtype=np.float64),
                f"{name}.validation": np.array(fit.curve.validation, dtype=np.float64),
                f"{name}.best_epoch": np.array([fit.curve.best_epoch], dtype=np.int64),
            }
    return arrays_to_bytes(arrays)


def _unpacked(arrays: Mapping[str, NDArray[Any]]) -> dict[str, ValidatedFit]:
    names = [name.removesuffix(".probability") for name in arrays if name.endswith(".probability")]
    return {
        name: ValidatedFit(
            probability=arrays[f"{name}.probability"],
            losses={float(candidate): float(loss) for candidate, loss in arrays[f"{name}.losses"]},
            curve=_curve(arrays, name),
            is_novel=arrays.get(f"{name}.is_novel"),
        )
        for name in names
    }


def _curve(arrays: Mapping[str, NDArray[Any]], name: str) -> LossCurve | None:
    if f"{name}.best_epoch" not in arrays:
        return None
    return LossCurve(
        training=tuple(arrays[f"{name}.training"].tolist()),
        validation=tuple(arrays[f"{name}.validation"].tolist()),
        best_epoch=int(arrays[f"{name}.best_epoch"][0]),
    )
