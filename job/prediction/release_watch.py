"""The model in use, watched: after its forecasts, ``since_release.json`` says what became of them."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import structlog

from job.arrays import FloatArray
from job.artifacts.keys import ModelKeys
from job.artifacts.store import ObjectStore, update
from job.artifacts.stored_records import parse_record, record_bytes
from job.data.postgres import Connection
from job.data.signal_table import SignalKey, StoredSignals
from job.dataset import load_funding
from job.errors import PermanentError, TransientError
from job.evaluation.expectation import ExpectedBand, expected_band
from job.intervals import floor_day, interval_ms
from job.prediction.bar_reader import BarReader
from job.prediction.release_drift import release_drift
from job.prediction.release_outcome import NOTHING_YET, judge_release, release_outcome
from job.prediction.signal_reader import SignalReader
from job.prediction.stored_model import StoredModel
from job.records import (
    BandRecord,
    CalibrationRecord,
    CurrentModelRecord,
    Measures,
    PlanRecord,
    ReleaseDriftRecord,
    SinceReleaseRecord,
    SummaryRecord,
)
from job.report.stored_run import open_stored_run
from job.rules import LABEL_LOOKBACK_MS, make_bars, make_labels, market_key, trading_rules
from job.windows import Span

BAND_STREAM = 2  # beside the run's own streams from the same seed


@dataclass(kw_only=True)
class ReleaseWatch:
    """Watches one model in use. What it has read it keeps: a later look reads what has come since.

    Parameters
    ----------
    store : where the run lies, and the record goes.
    current : the promotion that is watched.
    model : its model.
    plan, summary : of its run.
    tested : float64 (n_days,), daily returns of the run's tests.
    """

    store: ObjectStore
    current: CurrentModelRecord
    model: StoredModel
    plan: PlanRecord
    summary: SummaryRecord
    tested: FloatArray
    _bands: dict[int, ExpectedBand | None] = field(default_factory=dict, init=False)
    _bars: BarReader = field(default_factory=BarReader, init=False)

    def record(self, connection: Connection, *, now_ms: int) -> SinceReleaseRecord:
        """Look at all signals since the release, and store what came of them."""
        key = ModelKeys(venue=self.current.venue, symbol=self.current.symbol, interval=self.current.interval)
        found = self._found(connection, self._stored_drift(key), now_ms=now_ms)

        def written(data: bytes | None) -> bytes:
            if data is not None:
                present = parse_record(SinceReleaseRecord, data, where=key.since_release)
                if present.released_at_ms > found.released_at_ms:  # another model is in use by now
                    return data
            return record_bytes(found)

        update(self.store, key.since_release, written)
        return found

    def _found(self, connection: Connection, drift: ReleaseDriftRecord | None, *, now_ms: int) -> SinceReleaseRecord:
        current, procedure = self.current, self.model.procedure
        signals = self._signals.read(connection)
        fixed = {
            "venue": current.venue,
            "symbol": current.symbol,
            "interval": current.interval,
            "run_id": current.run_id,
            "model": self.model.identity,
            "verdict": current.verdict,
            "released_at_ms": current.promoted_at_ms,
            "updated_at_ms": now_ms,
        }
        if not len(signals):
            nothing = CalibrationRecord(forecast=(), observed=(), count=())
            return SinceReleaseRecord(
                **fixed, first_open_ms=None, last_open_ms=None, num_bars=0, num_forecasts=0, num_late=0,
                abstentions={}, day_ms=(), equity=(), band=None, band_reason="no_bars", state="unknown",
                is_alert=False, sentence=NOTHING_YET, measures={}, expected=self._expected(), calibration=nothing,
                drift=None,
            )  # fmt: skip
        span = Span(start_ms=int(signals.open_time[0]), end_ms=int(signals.open_time[-1]) + 1)
        key, start_ms = market_key(procedure), span.start_ms - LABEL_LOOKBACK_MS
        klines = self._bars.read(connection, [key], start_ms=start_ms, end_ms=span.end_ms)[key]
        bars = make_bars(klines, procedure, funding=load_funding(connection, procedure, span))
        bars = bars.between(span.start_ms, span.end_ms)
        up = make_labels(klines, procedure).up[-len(bars) :]
        outcome = release_outcome(bars, up, signals, trading_rules(procedure), train_prior=self.model.prior)
        band = self._band(len(outcome.equity))
        state, sentence = judge_release(outcome.equity, band)
        if drift is None or drift.day_ms != floor_day(span.end_ms - 1):
            drift = release_drift(connection, self.plan, self.summary, self.model, span)
        return SinceReleaseRecord(
            **fixed,
            first_open_ms=span.start_ms,
            last_open_ms=span.end_ms - 1,
            num_bars=len(bars),
            num_forecasts=int(np.isfinite(signals.probability).sum()),
            num_late=int(signals.is_late.sum()),
            abstentions=_abstentions(signals),
            day_ms=outcome.day_ms,
            equity=outcome.equity,
            band=None if band is None else _band_record(band),
            band_reason="too_short" if band is None else None,
            state=state,
            is_alert=state in ("below", "above"),
            sentence=sentence,
            measures=outcome.measures,
            expected=self._expected(),
            calibration=outcome.calibration,
            drift=drift,
        )

    @cached_property
    def _signals(self) -> SignalReader:
        current = self.current
        return SignalReader(
            key=SignalKey(model=self.model.identity, venue=current.venue, symbol=current.symbol),
            after_ms=current.promoted_at_ms,
            bar_ms=interval_ms(current.interval),
        )

    def _band(self, num_days: int) -> ExpectedBand | None:
        if num_days not in self._bands:
            self._bands.clear()
            seed = [self.plan.procedure.model.seed, BAND_STREAM]
            self._bands[num_days] = expected_band(self.tested, num_days, rng=np.random.default_rng(seed))
        return self._bands[num_days]

    def _expected(self) -> Measures:
        return self.summary.models[self.summary.traded_model].measures

    def _stored_drift(self, key: ModelKeys) -> ReleaseDriftRecord | None:
        """The drift that stands in the record of this release: it is measured once a day."""
        stored = self.store.get(key.since_release)
        if stored is None:
            return None
        record = parse_record(SinceReleaseRecord, stored.data, where=key.since_release)
        return record.drift if record.released_at_ms == self.current.promoted_at_ms else None


def watch_release(store: ObjectStore, current: CurrentModelRecord, model: StoredModel) -> ReleaseWatch | None:
    """Whoever watches a promoted model; None, with a warning, where its run cannot be read any more."""
    try:
        run = open_stored_run(store, current.run_id)
        summary, curves = run.summary(), run.curves()
    except (PermanentError, TransientError) as error:
        structlog.get_logger().warning("release_not_watched", run_id=current.run_id, reason=error.message)
        return None
    return ReleaseWatch(
        store=store,
        current=current,
        model=model,
        plan=run.plan,
        summary=summary,
        tested=curves.daily[summary.traded_model],
    )


def _abstentions(signals: StoredSignals) -> dict[str, int]:
    counted = Counter(reason for reason in signals.reason if reason is not None)
    return dict(sorted(counted.items()))


def _band_record(band: ExpectedBand) -> BandRecord:
    return BandRecord(low=tuple(band.low.tolist()), median=tuple(band.median.tolist()), high=tuple(band.high.tolist()))
