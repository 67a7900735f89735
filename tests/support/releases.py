"""A model in use and what became of it, as `predict` and `promote` store them; made up, and valid."""

from job.artifacts.folder import LocalStore
from job.artifacts.keys import ModelKeys
from job.artifacts.stored_records import record_bytes
from job.intervals import DAY_MS, MINUTE_MS
from job.records import (
    BandRecord,
    CalibrationRecord,
    CurrentModelRecord,
    MeasureRecord,
    ReleaseDriftRecord,
    SinceReleaseRecord,
)

RELEASED_MS = 1_764_547_200_000  # 2025-12-01 00:00 UTC
MARKET = ModelKeys(venue="binance-perp", symbol="SOLUSDT", interval="15m")


def since_release(num_days: int = 20, *, gain: float = 0.001, updated_at_ms: int | None = None) -> SinceReleaseRecord:
    """So many days of the same gain, beside a band of ten percent on both sides; without a day, nothing yet."""
    days = range(num_days)
    equity = tuple((1 + gain) ** (day + 1) for day in days)
    is_outside = bool(equity) and not 0.9 <= equity[-1] <= 1.1
    end_ms = RELEASED_MS + num_days * DAY_MS
    band = BandRecord(low=(0.9,) * num_days, median=(1.0,) * num_days, high=(1.1,) * num_days)
    drift = ReleaseDriftRecord(
        day_ms=end_ms - DAY_MS,
        auc=MeasureRecord(value=0.61),
        percentile=MeasureRecord(value=0.4),
        drifting_features=("rsi_14", "adx_20"),
    )
    return SinceReleaseRecord(
        venue=MARKET.venue,
        symbol=MARKET.symbol,
        interval=MARKET.interval,
        run_id="finished-run",
        model="0" * 64,
        verdict="weak",
        released_at_ms=RELEASED_MS,
        updated_at_ms=end_ms if updated_at_ms is None else updated_at_ms,
        first_open_ms=RELEASED_MS if num_days else None,
        last_open_ms=end_ms - 15 * MINUTE_MS if num_days else None,
        num_bars=96 * num_days,
        num_forecasts=90 * num_days,
        num_late=num_days // 5,
        abstentions={"novel": 3, "<b>hostile</b>": 1} if num_days else {},
        day_ms=tuple(RELEASED_MS + day * DAY_MS for day in days),
        equity=equity,
        band=band if num_days else None,
        band_reason=None if num_days else "no_bars",
        state="unknown" if not num_days else "inside" if not is_outside else "above" if gain > 0 else "below",
        is_alert=is_outside,
        sentence=f"After {num_days} days the account stands where this sentence says.",
        measures={
            "total_return": MeasureRecord(value=equity[-1] - 1),
            "win_rate": MeasureRecord(value=None, reason="no_trades"),
        }
        if num_days
        else {},
        expected={"total_return": MeasureRecord(value=0.5), "win_rate": MeasureRecord(value=0.55)},
        calibration=CalibrationRecord(
            forecast=(0.45, 0.55) if num_days else (),
            observed=(0.4, 0.6) if num_days else (),
            count=(900, 900) if num_days else (),
        ),
        drift=drift if num_days else None,
    )


def promotion(*, promoted_at_ms: int = RELEASED_MS) -> CurrentModelRecord:
    """The promotion that the record is about."""
    return CurrentModelRecord(
        venue=MARKET.venue,
        symbol=MARKET.symbol,
        interval=MARKET.interval,
        run_id="finished-run",
        model_key="runs/finished-run/best_model_final_20251201_000000.pt",
        model_hash="0" * 64,
        feature_set="core-0123abcd",
        verdict="weak",
        promoted_at_ms=promoted_at_ms,
        promoted_by="anna",
        why="<i>tried</i> & found",
    )


def write_release(
    store: LocalStore, record: SinceReleaseRecord | None, *, promoted: CurrentModelRecord | None = None
) -> None:
    """Put both where they belong; a record of None is a model that nobody has asked yet."""
    store.put(MARKET.current, record_bytes(promoted or promotion()))
    if record is not None:
        store.put(MARKET.since_release, record_bytes(record))
