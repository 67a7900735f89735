"""The ledger of trials: every reading of a test slice, noted before it is read.

A trial is a procedure (symbol, interval, features, labels, windows, model, costs, strategy, metric, seed) whose
test overlaps the one in question. It counts once however often it is run on newer data, and it counts although it
failed, since its entry is written first. The ledger lives apart from the runs, so that deleting a run hides nothing.
"""

import hashlib
import re
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
from job.intervals import floor_day
from job.records import LedgerEntryRecord, LedgerResultRecord, PlanRecord, ProcedureRecord
from job.windows import Span, Window

RESULT_SUFFIX = ".daily.json"
_KEY = re.compile(rf"{LEDGER_PREFIX}[^/]+/([0-9a-f]+)/(\d+)-(\d+)/[0-9a-f]+(\.daily)?\.json")


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
    readings: dict[str, dict[Span, str | None]] = {}
    for key in (info.key for info in ledger.list(LEDGER_PREFIX)):
        name = _KEY.fullmatch(key)
        if name is None:
            continue
        test = Span(start_ms=int(name[2]), end_ms=int(name[3]))
        if test.start_ms < span.end_ms and span.start_ms < test.end_ms:
            tests = readings.setdefault(name[1], {})
            # Another model's reading of the same test is another attempt at it: one of them, by name, stands for all.
            tests[test] = key if name[4] else tests.get(test)
    return [
        Trial(procedure=procedure, daily_returns=_daily_returns(ledger, tests, span))
        for procedure, tests in sorted(readings.items())
    ]


def _folder(procedure: ProcedureRecord, feature_set: str, test: Span) -> str:
    market = procedure.market
    series = f"{market.venue}-{market.symbol}-{market.interval}"
    return f"{LEDGER_PREFIX}{series}/{procedure_hash(procedure, feature_set)}/{test.start_ms}-{test.end_ms}"


def _daily_returns(ledger: ObjectStore, tests: dict[Span, str | None], span: Span) -> FloatArray:
    """The returns of the days of ``span``: a day shared by two tests compounds, one told by two runs counts once."""
    returns: dict[int, float] = {}
    end_of_last_ms = 0
    for test in sorted(tests, key=lambda each: (each.start_ms, each.end_ms)):
        key = tests[test]
        if key is None:
            continue
        for day, value in _read_result(ledger, key):
            is_shared = day in returns and test.start_ms >= end_of_last_ms
            returns[day] = (1 + returns[day]) * (1 + value) - 1 if is_shared else value
        end_of_last_ms = max(end_of_last_ms, test.end_ms)
    return np.array([returns[day] for day in sorted(returns) if floor_day(span.start_ms) <= day < span.end_ms])


def _read_result(ledger: ObjectStore, key: str) -> Iterator[tuple[int, float]]:
    stored = ledger.get(key)
    assert stored is not None, "it was listed a moment ago, and the ledger is never pruned"
    result = parse_record(LedgerResultRecord, stored.data, where=key)
    return zip(result.day_ms, result.daily_return, strict=True)
