"""What became of a model since it was promoted, beside what its run had led to expect."""

from typing import Literal

from job.records.promotion import RunVerdict
from job.records.shapes import SCHEMA_VERSION, MeasureRecord, Measures, Record

ReleaseState = Literal["unknown", "inside", "below", "above"]


class BandRecord(Record):
    """Where the account was expected at the end of each day: 95 % of whole redrawn histories stay within, every day."""

    low: tuple[float, ...]
    median: tuple[float, ...]
    high: tuple[float, ...]


class CalibrationRecord(Record):
    """Forecasts in bins of equal width, and what happened; the tuples are parallel, bins without a forecast absent."""

    forecast: tuple[float, ...]
    observed: tuple[float, ...]
    count: tuple[int, ...]


class ReleaseDriftRecord(Record):
    """How well a classifier tells the newest test span of bars from those that the model was trained on.

    ``percentile`` is the share of the run's windows whose test was told from their training less well; ``day_ms`` is
    the UTC day in which that was measured.
    """

    day_ms: int
    auc: MeasureRecord
    percentile: MeasureRecord
    drifting_features: tuple[str, ...]


class SinceReleaseRecord(Record):
    """The signals of the model in use since it was promoted, traded by the engine that its run was tested with.

    ``equity`` is the account at the end of each day of ``day_ms``, starting with 1; ``band`` is parallel to it.
    ``measures`` are of this account and these forecasts, ``expected`` of the run's tests. ``num_late`` signals were
    written after the next bar had closed, and could not have been followed.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    venue: str
    symbol: str
    interval: str
    run_id: str
    model: str
    verdict: RunVerdict
    released_at_ms: int
    updated_at_ms: int
    first_open_ms: int | None
    last_open_ms: int | None
    num_bars: int
    num_forecasts: int
    num_late: int
    abstentions: dict[str, int]
    day_ms: tuple[int, ...]
    equity: tuple[float, ...]
    band: BandRecord | None
    band_reason: str | None
    state: ReleaseState
    is_alert: bool
    sentence: str
    measures: Measures
    expected: Measures
    calibration: CalibrationRecord
    drift: ReleaseDriftRecord | None
