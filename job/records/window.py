"""A window that is done, or failed for good."""

from typing import Literal

from job.records.plan import WindowSpanRecord
from job.records.shapes import SCHEMA_VERSION, EstimateRecord, MeasureRecord, Measures, Record

# Models beside a vote that has learned from other markets: the same without them, and one of all markets' rows.
SCRATCH, POOLED = "lorentzian-scratch", "lorentzian-pooled"


class ThresholdRecord(Record):
    """Probabilities that open a position; both None where validation found nothing that beats staying flat."""

    buy: float | None
    sell: float | None
    validation_score: float | None


class BlendRecord(Record):
    """How a blend weighs its members, and whether it was kept: chosen on validation.

    ``log_loss_less_best`` is the blend's validation log-loss less that of the best member; where its whole interval
    lies above 0, the blend was dropped, and that member has all of the weight.
    """

    weights: dict[str, float]
    is_kept: bool
    best_member: str
    log_loss_less_best: EstimateRecord


class CandidateRecord(Record):
    """One candidate of a search: what it changes of the settings as given, and its validation log-loss in each rung.

    A candidate that was dropped has fewer losses than there were rungs.
    """

    changes: dict[str, float | int | str]
    losses: tuple[float, ...]

    @property
    def text(self) -> str:
        """The changes as text; empty where there are none."""
        return " ".join(f"{name}={value}" for name, value in self.changes.items())


class SearchRecord(Record):
    """How the settings of a model were chosen on validation: the first candidate is the settings as given.

    ``epochs`` is the most that a candidate was trained for in each rung; ``chosen`` is a number of ``candidates``.
    """

    epochs: tuple[int, ...]
    candidates: tuple[CandidateRecord, ...]
    chosen: int

    @property
    def chosen_changes(self) -> str:
        """What the chosen candidate changes of the settings as given, as text; empty where that is nothing."""
        return self.candidates[self.chosen].text


class ModelRecord(Record):
    """One model on one window: chosen on validation, tested once.

    ``blend`` is None for all models but that, and ``search`` where none was asked for.
    """

    thresholds: ThresholdRecord
    shrinkage: float
    validation: Measures
    test: Measures
    blend: BlendRecord | None = None
    search: SearchRecord | None = None


class LossCurveRecord(Record):
    """Mean log-loss by epoch of one fit."""

    training: tuple[float, ...]
    validation: tuple[float, ...]
    best_epoch: int


class WindowDriftRecord(Record):
    """How well a classifier tells the newest training days from those before them.

    ``after_the_fact_auc`` is of the test days against the training days: known after the test, it chooses nothing.
    """

    auc: MeasureRecord
    drifting_features: tuple[str, ...]
    after_the_fact_auc: MeasureRecord


class WindowRecord(Record):
    """One finished window. ``models`` holds the traded model under its name, and the baselines."""

    schema_version: Literal[1] = SCHEMA_VERSION
    span: WindowSpanRecord
    selected_on: Literal["validation"] = "validation"
    traded_model: str
    num_train_rows: int
    effective_train_rows: float
    num_test_bars: int
    best_epoch: int | None
    loss_curves: tuple[LossCurveRecord, ...]
    models: dict[str, ModelRecord]
    drift: WindowDriftRecord | None = None

    @property
    def search(self) -> SearchRecord | None:
        """How settings were chosen: the traded model's, or those of a member of the blend."""
        return next((model.search for model in self.models.values() if model.search is not None), None)


class FailureRecord(Record):
    """A window that failed for good: the sentence, the remedy and the exit code that its pod ended with."""

    schema_version: Literal[1] = SCHEMA_VERSION
    index: int
    exit_code: int
    message: str
    remedy: str
