"""The ledger of trials: every reading of a test slice, noted before it is read (method: C.4).

A trial is a procedure (symbol, interval, features, labels, windows, model, costs, strategy, metric, seed) whose
test overlaps the one in question. It counts once however often it is run on newer data, and it counts although it
failed, since its entry is written first. The ledger lives apart from the runs, so that deleting a run hides nothing.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from job.arrays import FloatArray
from job.artifacts.json_bytes import to_json_bytes
from job.artifacts.keys import LEDGER_PREFIX
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import parse_record, record_bytes
from job.evaluation.daily import DailyReturns
from job.records import LedgerEntryRecord, LedgerResultRecord, PlanRecord, ProcedureRecord
from job.windows import Span, Window

RESULT_SUFFIX = ".daily.json"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One procedure's daily returns over the days that were asked for, where it has any; float64 (n,)."""

    procedure: str
    daily_returns: FloatArray


def procedure_hash(procedure: ProcedureRecord, feature_set: str) -> str:
    """What makes two runs the same trial, 16 hex digits."""
    content: dict[str, Any] = {"procedure": procedure.model_dump(mode="json"), "feature_set": feature_set}
    return hashlib.sha256(to_json_bytes(content)).hexdigest()[:16]


def note_reading(ledger: ObjectStore, plan: PlanRecord, window: Window, *, model_hash: str) -> str:
    """Note that a window's test is about to be read by the model with this hash; return the entry's key.

    Idempotent: a retried pod with the same model is the same reading.
    """
    assert window.test is not None
    entry = LedgerEntryRecord(
        procedure=plan.procedure,
        feature_set=plan.feature_set,
        test_start_ms=window.test.start_ms,
        test_end_ms=window.test.end_ms,
        model_hash=model_hash,
    )
    key = f"{_folder(plan.procedure, plan.feature_set, window.test)}/{model_hash}.json"
    ledger.create(key, record_bytes(entry))
    return key


def note_result(ledger: ObjectStore, entry_key: str, daily: DailyReturns) -> None:
    """Put a reading's daily returns beside its entry."""
    result = LedgerResultRecord(day_ms=tuple(daily.day.tolist()), daily_return=tuple(daily.value.tolist()))
    ledger.put(f"{entry_key.removesuffix('.json')}{RESULT_SUFFIX}", record_bytes(result))


def trials_over(ledger: ObjectStore, span: Span) -> list[Trial]:
    """Every procedure that has read a test slice overlapping ``span``, ordered by hash."""
    results: dict[str, dict[int, float]] = {}
    for key in sorted(info.key for info in ledger.list(LEDGER_PREFIX)):
        procedure, test = _parse(key)
        if test.start_ms < span.end_ms and span.start_ms < test.end_ms:
            days = results.setdefault(procedure, {})
            if key.endswith(RESULT_SUFFIX):
                days.update(_read_result(ledger, key))
    return [
        Trial(procedure=procedure, daily_returns=np.array([days[day] for day in sorted(days)]))
        for procedure, days in sorted(results.items())
    ]


def _folder(procedure: ProcedureRecord, feature_set: str, test: Span) -> str:
    market = procedure.market
    series = f"{market.venue}-{market.symbol}-{market.interval}"
    return f"{LEDGER_PREFIX}{series}/{procedure_hash(procedure, feature_set)}/{test.start_ms}-{test.end_ms}"


def _parse(key: str) -> tuple[str, Span]:
    procedure, span = key.split("/")[-3:-1]
    start, _, end = span.partition("-")
    return procedure, Span(start_ms=int(start), end_ms=int(end))


def _read_result(ledger: ObjectStore, key: str) -> Iterator[tuple[int, float]]:
    stored = ledger.get(key)
    assert stored is not None, "it was listed a moment ago, and the ledger is never pruned"
    result = parse_record(LedgerResultRecord, stored.data, where=key)
    return zip(result.day_ms, result.daily_return, strict=True)
