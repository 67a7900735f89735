"""Feature rows on the user's own bars: nothing from the future, no more past than declared, nothing late.

Cut times are spread over all bars, each with the few days around it that its rows can depend on, so that the cost
does not grow with the history. Pure: the build is an argument.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from job.arrays import IntArray
from job.audit.finding import AuditFinding, Claim
from job.audit.future import (
    TARGET,
    Build,
    Fault,
    Markets,
    freshness_faults,
    poison_faults,
    truncation_faults,
    warm_up_faults,
)
from job.audit.lookback import lookback_faults
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines
from job.features.definition import MAX_LOOKBACK_MS, FeatureSet
from job.intervals import DAY_MS, format_utc

BEFORE_CUT_MS = DAY_MS  # rows that a cut is seen to leave as they were
AFTER_CUT_MS = DAY_MS // 2  # bars that are cut off, or turned into noise
STORED_DAYS = 2
WARM_UP_ENDS = 3  # last rows, apart from each other, whose warm-up is examined
FRESHNESS_DAYS = 2

TRUNCATION = Claim(
    check="truncation",
    proves="no feature changes when all that came later is cut off, for all markets and each alone",
    remedy="A feature sees the future: mend or drop the column that is named, and build the rows again.",
)
POISON = Claim(
    check="poison",
    proves="no feature changes when all that came later is noise a thousand times as large",
    remedy="A feature sees the future: mend or drop the column that is named, and build the rows again.",
)
WARM_UP = Claim(
    check="warm-up",
    proves="the newest row is the same however long before the longest lookback the bars begin",
    remedy="A feature remembers more than it declares: raise its lookback, and build the rows again.",
)
LOOKBACK = Claim(
    check="lookback",
    proves="each feature depends on the bars of its declared lookback, and on no older ones",
    remedy="Declare the lookback that the feature really has, and build the rows again.",
)
FRESHNESS = Claim(
    check="freshness",
    proves="the newest bar of every market reaches the row that closes with it",
    remedy="A market is joined late: mend the join, and build the rows again.",
)
STORED = Claim(
    check="stored rows",
    proves="the rows in the database are those that the stored klines give today",
    remedy="Klines were corrected after their rows were built: delete the set's rows, and run `lorentzian features`.",
)

FutureFaults = Callable[[Build, Klines, Mapping[str, Klines], Iterable[int]], list[Fault]]


def check_truncation(*, build: Build, markets: Markets, cut_times: IntArray) -> AuditFinding:
    """Rows up to each cut, from the bars known at it, against those of the bars around it.

    Parameters
    ----------
    build : what is examined.
    markets : the target under `TARGET`, each context symbol under its name.
    cut_times : int64, milliseconds UTC, see `job.audit.future.misaligned_cut_times`.
    """
    return _check_future(TRUNCATION, truncation_faults, build, markets, cut_times)


def check_poison(*, build: Build, markets: Markets, cut_times: IntArray, seed: int) -> AuditFinding:
    """Likewise, with the bars after each cut turned into noise."""

    def faults(build: Build, target: Klines, context: Mapping[str, Klines], cuts: Iterable[int]) -> list[Fault]:
        return poison_faults(build, target, context, cuts, seed=seed)

    return _check_future(POISON, faults, build, markets, cut_times)


def check_warm_up(
    *, build: Build, markets: Markets, lookback_ms: int, late_starts_bars: tuple[int, ...]
) -> AuditFinding:
    """The last row of series that begin ``lookback_ms`` before it, and so many bars earlier."""
    target = markets[TARGET]
    step_ms = int(target.available_at[-1] - target.open_time[-1])
    reach_ms = lookback_ms + max(late_starts_bars) * step_ms
    ends = [int(target.available_at[-1]) - number * (DAY_MS + 5 * step_ms) for number in range(WARM_UP_ENDS)]
    ends = [end_ms for end_ms in ends if end_ms - reach_ms >= int(target.open_time[0])]
    faults: list[Fault] = []
    for end_ms in ends:
        near = _between(markets, end_ms - reach_ms, end_ms)
        faults += warm_up_faults(
            build, near[TARGET], _context(near), lookback_ms=lookback_ms, late_starts_bars=late_starts_bars
        )
    if not ends:
        return WARM_UP.not_run(f"there are fewer than {reach_ms / DAY_MS:.1f} days of bars")
    return WARM_UP.judge(
        not faults, _evidence(faults, f"{len(ends)} rows, starts {_list(late_starts_bars)} bars apart")
    )


def check_lookbacks(*, feature_set: FeatureSet, markets: Markets, decision_times: Iterable[int]) -> AuditFinding:
    """Each feature alone, with older bars gone, older bars moved, and its own bars moved."""
    times = list(decision_times)
    faults = lookback_faults(feature_set, markets[TARGET], _context(markets), times)
    return LOOKBACK.judge(
        not faults, _evidence(faults, f"{len(feature_set.features)} features at {len(times)} moments")
    )


def check_freshness(*, build: Build, markets: Markets, seed: int) -> AuditFinding:
    """The last row, before and after the newest bar of each market has moved."""
    end_ms = int(markets[TARGET].available_at[-1])
    near = _between(markets, end_ms - MAX_LOOKBACK_MS - FRESHNESS_DAYS * DAY_MS, end_ms)
    faults = freshness_faults(build, near[TARGET], _context(near), seed=seed)
    return FRESHNESS.judge(not faults, _evidence(faults, f"newest bars of {len(markets)} markets moved"))


def check_stored_rows(*, build: Build, markets: Markets, stored: FeatureRows) -> AuditFinding:
    """The newest day of stored rows against a build from the stored bars."""
    if not len(stored):
        return STORED.not_run("no rows are stored")
    end_ms = int(stored.open_time[-1]) + 1
    start_ms = end_ms - STORED_DAYS * DAY_MS
    near = _between(markets, start_ms - MAX_LOOKBACK_MS - 2 * DAY_MS, end_ms)
    built = build(near[TARGET], _context(near)).between(start_ms, end_ms)
    wanted = stored.between(start_ms, end_ms)
    is_same = np.array_equal(built.open_time, wanted.open_time) and np.array_equal(built.values, wanted.values)
    return STORED.judge(
        is_same, f"{len(wanted):,} stored rows, {len(built):,} built, {'all' if is_same else 'not'} equal"
    )


def _check_future(
    claim: Claim, find: FutureFaults, build: Build, markets: Markets, cut_times: IntArray
) -> AuditFinding:
    faults: list[Fault] = []
    num_cuts = num_rows = 0
    for cut_ms in map(int, cut_times):
        near = _between(markets, cut_ms - MAX_LOOKBACK_MS - BEFORE_CUT_MS, cut_ms + AFTER_CUT_MS)
        num_before = len(build(near[TARGET], _context(near)).between(0, cut_ms))
        if num_before:
            faults += find(build, near[TARGET], _context(near), [cut_ms])
            num_cuts, num_rows = num_cuts + 1, num_rows + num_before * (1 + len(markets))
    if not num_cuts:
        return claim.not_run("no cut time has rows before it")
    return claim.judge(
        not faults, _evidence(faults, f"{num_cuts} cut times {_range(cut_times)}, {num_rows:,} rows compared")
    )


def _evidence(faults: list[Fault], measured: str) -> str:
    return f"{measured}, {len(faults)} faults" + (f"; first: {faults[0]}" if faults else "")


def _between(markets: Markets, start_ms: int, end_ms: int) -> Markets:
    return {name: market.between(start_ms, end_ms) for name, market in markets.items()}


def _context(markets: Markets) -> Markets:
    return {name: market for name, market in markets.items() if name != TARGET}


def _range(times: IntArray) -> str:
    return f"from {format_utc(int(times[0]))} to {format_utc(int(times[-1]))} UTC"


def _list(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))
