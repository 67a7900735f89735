"""The ledger of trials: every reading of a test slice or of locked-away days, noted before it is read.

A trial is a procedure (symbol, interval, features, labels, windows, model, costs, strategy, metric, seed) whose
test overlaps the one in question. It counts once however often it is run on newer data, and it counts although it
failed, since its entry is written first. The ledger lives apart from the runs, so that deleting a run hides nothing.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from pydantic import JsonValue

from job.arrays import FloatArray, IntArray
from job.artifacts.json_bytes import to_json_bytes
from job.artifacts.keys import LEDGER_PREFIX
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import record_bytes
from job.errors import ConfigError
from job.evaluation.daily import DailyReturns
from job.intervals import floor_day
from job.records import LedgerEntryRecord, LedgerResultRecord, PlanRecord, ProcedureRecord
from job.run.identity import procedure_content
from job.run.ledger_results import NOTHING_KNOWN, RESULT_SUFFIX, Result, join_results, read_results
from job.windows import Span, Window

_KEY = re.compile(
    rf"{LEDGER_PREFIX}[^/]+-(?P<symbol>[A-Z0-9]+)-[^/-]+/(?P<procedure>[0-9a-f]+)"
    r"/(?P<test>\d+-\d+)/(?P<model>[0-9a-f]+)(?P<is_result>\.daily)?\.json"
)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One procedure that has read a test, and what it earned there.

    Parameters
    ----------
    procedure : its hash.
    symbol : the market it trades.
    day : int64 (n,), start of each UTC day that was asked for and has a return, in milliseconds, ascending.
    daily_returns : float64 (n,), fractions; empty where the procedure failed after its entry was written.
    num_attempts : models that have read one and the same test: more than one after a retry that trained another.
    """

    procedure: str
    symbol: str
    day: IntArray
    daily_returns: FloatArray
    num_attempts: int = 1


def procedure_hash(procedure: ProcedureRecord, feature_set: str) -> str:
    """What makes two runs the same trial, 16 hex digits."""
    content: dict[str, JsonValue] = {"procedure": procedure_content(procedure), "feature_set": feature_set}
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
    key = entry_key(
        series_name(plan.procedure), procedure_hash(plan.procedure, plan.feature_set), window.test, model_hash
    )
    ledger.create(key, record_bytes(entry))
    return key


def series_name(procedure: ProcedureRecord) -> str:
    """``<venue>-<symbol>-<interval>``: the bars that a procedure trades."""
    market = procedure.market
    return f"{market.venue}-{market.symbol}-{market.interval}"


def entry_key(series: str, procedure: str, test: Span, model_hash: str) -> str:
    """Where the reading of a test by one model of a procedure is noted."""
    return f"{LEDGER_PREFIX}{series}/{procedure}/{test.start_ms}-{test.end_ms}/{model_hash}.json"


def note_result(ledger: ObjectStore, entry_key: str, daily: DailyReturns) -> None:
    """Put a reading's daily returns beside its entry."""
    result = LedgerResultRecord(day_ms=tuple(daily.day.tolist()), daily_return=tuple(daily.value.tolist()))
    ledger.put(f"{entry_key.removesuffix('.json')}{RESULT_SUFFIX}", record_bytes(result))


def own_result_key(plan: PlanRecord, index: int, model_hash: str) -> str:
    """Where the result of a window's reading lies that the model with this hash has made."""
    span, procedure = plan.windows[index], plan.procedure
    test = Span(start_ms=span.test_start_ms, end_ms=span.test_end_ms)
    key = entry_key(series_name(procedure), procedure_hash(procedure, plan.feature_set), test, model_hash)
    return f"{key.removesuffix('.json')}{RESULT_SUFFIX}"


def trials_over(
    ledger: ObjectStore, span: Span, *, known: Mapping[str, LedgerResultRecord] = NOTHING_KNOWN
) -> list[Trial]:
    """Every procedure that has read a test slice, or locked-away days, overlapping ``span``, ordered by hash.

    Another model of the same procedure that reads the same test, as after a retry on another kind of processor, is
    another attempt (``num_attempts``) at the same trial: the number of trials stays as it is.

    Parameters
    ----------
    known : results that the caller has read already, by key.
    """
    readings: dict[str, _Readings] = {}
    for name, test in _overlapping(ledger, span):
        own = readings.get(name["procedure"])
        if own is None:
            own = readings[name["procedure"]] = _Readings(symbol=name["symbol"])
        if name["is_result"]:
            # Another model's reading of the same test is another attempt at it: one, by name, stands for all.
            own.result[test] = name.string
        else:
            own.num_models[test] += 1
    results = read_results(ledger, [key for own in readings.values() for key in own.result.values()], known=known)
    return [own.trial(procedure, results, span) for procedure, own in sorted(readings.items())]


def check_noted(ledger: ObjectStore, plan: PlanRecord, trials: Sequence[Trial]) -> None:
    """Return where a run's procedure is among the trials over its days.

    Raises
    ------
    ConfigError
        Where it is not: this is not the ledger that the run was noted in.
    """
    if procedure_hash(plan.procedure, plan.feature_set) not in {trial.procedure for trial in trials}:
        raise ConfigError(
            f"The ledger {ledger.location} does not hold the readings of run {plan.run_id}.",
            remedy="Name with --ledger the one that its windows were run with.",
        )


def join_own_results(ledger: ObjectStore, plan: PlanRecord, *, known: Mapping[str, LedgerResultRecord]) -> None:
    """Store the results of a plan's procedure once more, in one object, for all who count trials after it."""
    series, procedure = series_name(plan.procedure), procedure_hash(plan.procedure, plan.feature_set)
    join_results(ledger, f"{LEDGER_PREFIX}{series}/{procedure}/", known=known)


def readers_of(ledger: ObjectStore, symbol: str, span: Span, *, apart_from: Collection[str]) -> set[str]:
    """Hashes of the procedures that have read a test of ``symbol`` overlapping ``span``.

    Parameters
    ----------
    apart_from : keys of entries that do not count here.
    """
    return {
        name["procedure"]
        for name, _ in _overlapping(ledger, span)
        if name["symbol"] == symbol and not name["is_result"] and name.string not in apart_from
    }


def align(trials: Sequence[Trial], day: IntArray) -> FloatArray:
    """Daily returns of the trials that have any, float64 (n_results, n_days) on the days ``day``; else NaN."""
    with_result = [trial for trial in trials if len(trial.day)]
    aligned = np.full((len(with_result), len(day)), np.nan)
    for row, trial in zip(aligned, with_result, strict=True):
        _, here, there = np.intersect1d(day, trial.day, assume_unique=True, return_indices=True)
        row[here] = trial.daily_returns[there]
    return aligned


@dataclass(kw_only=True)
class _Readings:
    """What the keys say of one procedure: by test, the models that read it, and the result that stands for them."""

    symbol: str
    num_models: Counter[Span] = field(default_factory=Counter)
    result: dict[Span, str] = field(default_factory=dict)

    def trial(self, procedure: str, results: Mapping[str, Result], span: Span) -> Trial:
        """A day shared by two tests compounds, one told by two runs counts once; days outside ``span`` are left."""
        returns: dict[int, float] = {}
        end_of_last_ms = 0
        for test in sorted(self.result, key=lambda each: (each.start_ms, each.end_ms)):
            told = results[self.result[test]]
            own = dict(zip(told.day_ms, told.daily_return, strict=True))
            if test.start_ms >= end_of_last_ms:
                own |= {day: (1 + returns[day]) * (1 + own[day]) - 1 for day in returns.keys() & own.keys()}
            returns |= own
            end_of_last_ms = max(end_of_last_ms, test.end_ms)
        first_day_ms = floor_day(span.start_ms)
        days = sorted(day for day in returns if first_day_ms <= day < span.end_ms)
        return Trial(
            procedure=procedure,
            symbol=self.symbol,
            day=np.array(days, dtype=np.int64),
            daily_returns=np.array([returns[day] for day in days], dtype=np.float64),
            num_attempts=max(self.num_models.values(), default=1),
        )


def _overlapping(ledger: ObjectStore, span: Span) -> Iterator[tuple[re.Match[str], Span]]:
    """The parts of each key, of an entry or a result, whose test overlaps ``span``, and that test."""
    for info in ledger.list(LEDGER_PREFIX):
        name = _KEY.fullmatch(info.key)
        if name is not None:
            test = _test_named(name["test"])
            if test.overlaps(span):
                yield name, test


@lru_cache(maxsize=4096)  # a hundred symbols have read the same tests
def _test_named(bounds: str) -> Span:
    start_ms, end_ms = map(int, bounds.split("-"))
    return Span(start_ms=start_ms, end_ms=end_ms)
