"""Several runs beside the first of them: what their settings differ in, and their days paired. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pydantic import JsonValue

from dashboard.reading import RunResult, Session
from dashboard.repository import Repository
from dashboard.window_points import MAX_RUNS, chosen_runs
from job.arrays import FloatArray, IntArray
from job.artifacts.curves import RunCurves
from job.errors import JobError, UsageError
from job.evaluation.bootstrap import draw_days
from job.evaluation.paired import Estimate, mean_difference, sharpe_difference
from job.records import EstimateRecord
from job.report.comparability import why_not_comparable

MIN_RUNS = 2
MIN_DAYS = 10  # below, no block of days can be redrawn
DRAWS_SEED = 0


@dataclass(frozen=True, kw_only=True)
class ComparedRuns:
    """Finished runs, the first of which the others are held against.

    Parameters
    ----------
    sessions : at least two, finished, with curves.
    obstacles : by run id, what forbids to pair it with the first, each a phrase; absent where nothing does.
    missing : why each other chosen run is not here, by its id.
    """

    sessions: tuple[Session, ...]
    obstacles: Mapping[str, tuple[str, ...]]
    missing: Mapping[str, str]

    @property
    def first(self) -> Session:
        """What the others are held against."""
        return self.sessions[0]

    @cached_property
    def paired(self) -> tuple[Session, ...]:
        """The others that can be paired with the first."""
        return tuple(each for each in self.sessions[1:] if each.run_id not in self.obstacles)


@dataclass(frozen=True, kw_only=True)
class PairedDays:
    """Daily returns of two runs on the days that both were tested on, and the first's lead turned around.

    ``daily_return`` and ``sharpe_ratio`` are of the other run less the first; above 0 the other is better.
    """

    day_ms: IntArray
    own: FloatArray
    other: FloatArray
    daily_return: EstimateRecord
    sharpe_ratio: EstimateRecord


def read_compared(repository: Repository, runs: str) -> ComparedRuns:
    """The chosen runs; one that cannot be read or is not finished hides no other.

    Raises
    ------
    UsageError
        Where fewer than two can be compared.
    """
    sessions: list[Session] = []
    missing: dict[str, str] = {}
    for run_id in chosen_runs(runs):
        try:
            session = repository.session(run_id)
        except JobError as error:
            missing[run_id] = error.message
            continue
        if session.result is None or session.result.curves is None:
            missing[run_id] = "it has no finished result with curves"
        else:
            sessions.append(session)
    if len(sessions) < MIN_RUNS:
        reasons = "; ".join(f"{run_id}: {reason}" for run_id, reason in missing.items())
        told = f" ({reasons})" if reasons else ""
        raise UsageError(
            f"Two to {MAX_RUNS} finished runs are compared; of the chosen, {len(sessions)} can be{told}.",
            remedy="Choose runs here, or mark them on the overview.",
        )
    obstacles = {
        each.run_id: phrases
        for each in sessions[1:]
        if (phrases := tuple(why_not_comparable(sessions[0].plan.value, each.plan.value)))
    }
    return ComparedRuns(sessions=tuple(sessions), obstacles=obstacles, missing=missing)


def result_and_curves(session: Session) -> tuple[RunResult, RunCurves]:
    """Of a session of `ComparedRuns`, which has both."""
    assert session.result is not None and session.result.curves is not None
    return session.result, session.result.curves


def traded_daily(session: Session) -> tuple[IntArray, FloatArray]:
    """Days and daily returns of the traded model."""
    result, curves = result_and_curves(session)
    return curves.day_ms, curves.daily[result.summary.traded_model]


def pair_days(first: Session, other: Session) -> PairedDays:
    """Both on the same days, redrawn together."""
    (own_day, own), (other_day, others) = traded_daily(first), traded_daily(other)
    day, at_own, at_other = np.intersect1d(own_day, other_day, return_indices=True)
    a, b = own[at_own], others[at_other]
    if len(day) < MIN_DAYS:
        short = EstimateRecord(value=None, low=None, high=None, reason="too_short")
        return PairedDays(day_ms=day, own=a, other=b, daily_return=short, sharpe_ratio=short)
    draws = draw_days(b - a, rng=np.random.default_rng(DRAWS_SEED))
    return PairedDays(
        day_ms=day,
        own=a,
        other=b,
        daily_return=_record(mean_difference(b, a, draws)),
        sharpe_ratio=_record(sharpe_difference(b, a, draws)),
    )


def settings_table(sessions: Sequence[Session], *, with_equal: bool) -> list[tuple[str, ...]]:
    """Settings by name with each run's value, those that differ first.

    Parameters
    ----------
    with_equal : whether those that do not differ follow.
    """
    flat = [_flat(each.plan.value.procedure.model_dump(mode="json")) for each in sessions]
    names = list(dict.fromkeys(name for each in flat for name in each))
    rows = [(name, *(each.get(name, "–") for each in flat)) for name in names]
    differing = [row for row in rows if len(set(row[1:])) > 1]
    return differing + [row for row in rows if len(set(row[1:])) == 1] if with_equal else differing


def _flat(value: Mapping[str, JsonValue], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, each in value.items():
        if isinstance(each, dict):
            found |= _flat(each, f"{prefix}{name}.")
        else:
            text = ", ".join(map(str, each)) if isinstance(each, list) else "unset" if each is None else str(each)
            found[prefix + name.replace("_", "-")] = text
    return found


def _record(estimate: Estimate) -> EstimateRecord:
    value, interval = estimate.value, estimate.interval
    return EstimateRecord(
        value=value.value, low=interval.low, high=interval.high, reason=value.reason or interval.reason
    )
