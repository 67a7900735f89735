"""Is the lookback that each feature declares true? Feature by feature, apart from how rows are built."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from job.audit.doctored import moved
from job.audit.future import RELATIVE_TOLERANCE, TARGET, Fault, Markets, relative_difference
from job.data.klines import Klines
from job.features.definition import Chunk, Feature, FeatureSet
from job.features.grid import continuous_spans, fill_flat
from job.intervals import interval_ms


@dataclass(frozen=True, kw_only=True)
class _Trial:
    changed: str
    chunk: Chunk
    should_differ: bool


def lookback_faults(
    feature_set: FeatureSet, target: Klines, context: Mapping[str, Klines], decision_times: Iterable[int]
) -> list[Fault]:
    """Bars older than a feature's lookback must not count, and those within it must.

    At each decision time a feature is computed from all bars, from its lookback alone, and with the bar just
    before its lookback moved; the results may differ by 1e-6 of the value, or of the column's spread where
    that is larger. With every bar of its lookback moved, it must differ by more. Features of the clock, which
    look back on nothing, are left out.

    Parameters
    ----------
    feature_set : FeatureSet
    target, context : Klines
        Without long holes, from twice the longest lookback before the first decision time.
    decision_times : iterable of int
        Close times of bars, milliseconds UTC.
    """
    markets = {TARGET: target, **context}
    by_lookback: dict[int, list[Feature]] = defaultdict(list)
    for feature in feature_set.features:
        by_lookback[feature.lookback_ms].append(feature)
    faults: list[Fault] = []
    for decision_ms in map(int, decision_times):
        full = _chunk(feature_set, markets, 0, decision_ms)
        for lookback_ms, features in by_lookback.items():
            if lookback_ms > 0:
                trials = _trials(feature_set, markets, decision_ms - lookback_ms, decision_ms)
                for feature in features:
                    faults += _faults_of(feature, full, trials)
    return faults


def _trials(feature_set: FeatureSet, markets: Markets, first_ms: int, decision_ms: int) -> list[_Trial]:
    step_ms = interval_ms(feature_set.interval)
    generator = np.random.default_rng(first_ms)
    older, inside = (
        {name: moved(bars, start_ms, end_ms, generator=generator) for name, bars in markets.items()}
        for start_ms, end_ms in [(first_ms - step_ms, first_ms), (first_ms, decision_ms)]
    )
    alone, with_older, with_inside = (
        _chunk(feature_set, bars, start_ms, decision_ms)
        for bars, start_ms in [(markets, first_ms), (older, 0), (inside, 0)]
    )
    return [
        _Trial(changed="bars before the lookback missing", chunk=alone, should_differ=False),
        _Trial(changed="bar before the lookback", chunk=with_older, should_differ=False),
        _Trial(changed="bars of the lookback", chunk=with_inside, should_differ=True),
    ]


def _faults_of(feature: Feature, full: Chunk, trials: list[_Trial]) -> Iterator[Fault]:
    values = feature.compute(full)
    for trial in trials:
        other = feature.compute(trial.chunk)[-1:]
        apart = float(relative_difference(values[-1:], other, np.nanstd(values))[0])
        if np.isnan(apart) or (apart > RELATIVE_TOLERANCE) != trial.should_differ:
            yield Fault(
                check="lookback",
                changed=trial.changed,
                open_time=int(full.target.open_time[-1]),
                feature=feature.name,
                detail=f"differs by {apart:.1e}",
            )


def _chunk(feature_set: FeatureSet, markets: Markets, start_ms: int, end_ms: int) -> Chunk:
    """The bars in [start_ms, end_ms), and nothing else, as features see them."""
    cut = {name: bars.between(start_ms, end_ms) for name, bars in markets.items()}
    span = continuous_spans(list(cut.values()))[-1]
    filled = {name: fill_flat(bars, span) for name, bars in cut.items()}
    return Chunk.cut(filled.pop(TARGET), filled, start_ms=start_ms, end_ms=end_ms, longer_ms=feature_set.longer_ms)
