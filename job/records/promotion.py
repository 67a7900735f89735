"""Which model is in use for a market, since when, and by whose decision."""

from typing import Literal

from job.records.shapes import SCHEMA_VERSION, Record

RunVerdict = Literal["no evidence", "weak", "evidence"]


class PreviousModelRecord(Record):
    """The model that was in use before: promoting its run again is how one goes back."""

    run_id: str
    model_hash: str
    verdict: RunVerdict
    promoted_at_ms: int
    promoted_by: str


class CurrentModelRecord(Record):
    """The model in use for a market: ``current.json``, moved by compare-and-swap.

    ``model_key`` is the file under the save path, ``model_hash`` the SHA-256 of its bytes; ``verdict`` is what the
    run's report said of the procedure when the model was promoted.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    venue: str
    symbol: str
    interval: str
    run_id: str
    model_key: str
    model_hash: str
    feature_set: str
    verdict: RunVerdict
    promoted_at_ms: int
    promoted_by: str
    why: str
    previous: PreviousModelRecord | None = None
