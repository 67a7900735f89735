"""Features and labels: nothing from the future, no more past than declared, nothing late."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from job.audit.features import (
    check_freshness,
    check_lookbacks,
    check_poison,
    check_stored_rows,
    check_truncation,
    check_warm_up,
)
from job.audit.future import TARGET, Build, misaligned_cut_times
from job.audit.labels import check_labels, spread_cut_times
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines
from job.features import longer_intervals
from job.features.build import build_features
from job.features.definition import MAX_LOOKBACK_MS, FeatureSet
from job.features.registry import feature_set
from job.labels import (
    Labels,
    barrier_width,
    fixed_labels,
    pine_labels,
    triple_barrier_labels,
    volatility_labels,
)
from job.model.scaling import RobustScaler
from tests.honesty.registry import Mutant, Oracle, Replacement, assert_caught, assert_passes, each_mutant, each_oracle
from tests.support import feature_mutants as mutants
from tests.support.klines import random_markets, with_bar_scaled

HORIZON_BARS = 8
BARS = 96 * 12 + 37  # 15m; ends off every boundary
MARKETS = random_markets(BARS, "15m", seed=27, symbols=(TARGET, "BTCUSDT"))
SET = feature_set("core", "15m", ("BTCUSDT",))
BUILD: Build = partial(build_features, SET)
ROWS = BUILD(MARKETS[TARGET], {"BTCUSDT": MARKETS["BTCUSDT"]})
CUTS = misaligned_cut_times(MARKETS[TARGET].available_at[96 * 5 :], "15m", num=8, seed=3)
LABEL_CUTS = spread_cut_times(MARKETS[TARGET], num=8, seed=3)


Label = Callable[[Klines], Labels]
LABEL_FIXED: Label = partial(fixed_labels, horizon_bars=HORIZON_BARS)
LABEL_VOLATILITY: Label = partial(volatility_labels, horizon_bars=HORIZON_BARS)


def label_honestly(klines: Klines) -> Labels:
    """Triple barriers at a day's volatility."""
    width = barrier_width(klines, horizon_bars=HORIZON_BARS, floor=0.0)
    return triple_barrier_labels(klines, horizon_bars=HORIZON_BARS, width=width)


def ends_early(klines: Klines, *, label: Label = LABEL_FIXED) -> Labels:
    """Labels that say that they were known two bars before they were."""
    labels = label(klines)
    bar_ms = int(klines.available_at[0] - klines.open_time[0])
    is_known = np.isfinite(labels.up)
    return replace(labels, end_ms=np.where(is_known, labels.end_ms - 2 * bar_ms, labels.end_ms))


def width_of_all_bars(klines: Klines) -> Labels:
    """Barriers as wide as the volatility of the whole series."""
    width = np.full(len(klines), np.diff(np.log(klines.close)).std() * np.sqrt(HORIZON_BARS))
    return triple_barrier_labels(klines, horizon_bars=HORIZON_BARS, width=width)


def moves_of_all_bars(klines: Klines) -> Labels:
    """Volatility held against that of the whole series."""
    squares = np.diff(np.log(klines.close), append=np.nan) ** 2
    labels = LABEL_VOLATILITY(klines)
    return replace(labels, up=np.where(np.isfinite(labels.up), squares > np.nanmean(squares), np.nan))


def centred_move(klines: Klines) -> Labels:
    """The indicator's label of the bars around a bar, dated as if they were the bars before it."""
    labels = pine_labels(klines)
    return replace(labels, up=np.append(labels.up[2:], [np.nan, np.nan]))


def scaled_on_all_rows(target: Klines, context: Mapping[str, Klines]) -> FeatureRows:
    """Rows scaled by the quartiles of all of them."""
    rows = BUILD(target, context)
    return replace(rows, values=RobustScaler.fit(rows.values).transform(rows.values))


def long_average(target: Klines) -> np.ndarray:
    """An exponential average of 400 bars that starts at the first close."""
    level, out = float(target.close[0]), np.empty(len(target))
    for bar, close in enumerate(target.close):
        level += (close - level) * 2 / 401
        out[bar] = np.log(close / level)
    return out


def declared_shorter(features: FeatureSet, share: float) -> FeatureSet:
    """The set with every lookback declared as a part of what it is."""
    step_ms = longer_step = 15 * 60_000
    shortened = tuple(
        replace(f, lookback_ms=max(step_ms, int(f.lookback_ms * share) // longer_step * longer_step))
        if f.lookback_ms
        else f
        for f in features.features
    )
    return replace(features, features=shortened)


def planted(column: mutants.Column) -> dict[str, Build]:
    """The build with one more column."""
    return {"build": mutants.with_column(BUILD, column)}


SEES_FUTURE = (
    Mutant(name="centred window", given=planted(mutants.centred_window)),
    Mutant(name="minimum and maximum of all bars", given=planted(mutants.global_range)),
    Mutant(name="filled backwards", given=planted(mutants.backward_fill)),
    Mutant(name="scaler fitted on all rows", given={"build": scaled_on_all_rows}),
    Mutant(name="context joined a bar early", given={"build": mutants.with_context_shifted(BUILD, "BTCUSDT", 1)}),
    Mutant(
        name="longer bars joined on their open",
        replaced=(Replacement(owner=longer_intervals, name="last_available", by=mutants.join_on_open),),
    ),
)
ORACLES = (
    Oracle(
        code="D02",
        claim="no feature changes when all that came later is cut off",
        check=check_truncation,
        given={"build": BUILD, "markets": MARKETS, "cut_times": CUTS},
        mutants=SEES_FUTURE,
    ),
    Oracle(
        code="D02",
        claim="a label is fixed by the bars up to its own end",
        check=check_labels,
        given={"label": label_honestly, "klines": MARKETS[TARGET], "cut_times": LABEL_CUTS, "seed": 1},
        mutants=(
            Mutant(name="label known before its end", given={"label": ends_early}),
            Mutant(name="barriers from the volatility of all bars", given={"label": width_of_all_bars}),
        ),
    ),
    Oracle(
        code="D02",
        claim="the same of labels of volatility",
        check=check_labels,
        given={"label": LABEL_VOLATILITY, "klines": MARKETS[TARGET], "cut_times": LABEL_CUTS, "seed": 1},
        mutants=(
            Mutant(
                name="volatility known before its end", given={"label": partial(ends_early, label=LABEL_VOLATILITY)}
            ),
            Mutant(name="volatility against that of all bars", given={"label": moves_of_all_bars}),
        ),
    ),
    Oracle(
        code="D02",
        claim="the same of the indicator's labels",
        check=check_labels,
        given={"label": pine_labels, "klines": MARKETS[TARGET], "cut_times": LABEL_CUTS, "seed": 1},
        mutants=(Mutant(name="the move around a bar", given={"label": centred_move}),),
    ),
    Oracle(
        code="D03",
        claim="no feature changes when all that came later is noise",
        check=check_poison,
        given={"build": BUILD, "markets": MARKETS, "cut_times": CUTS, "seed": 5},
        mutants=SEES_FUTURE,
    ),
    Oracle(
        code="D04",
        claim="the newest row does not depend on where the bars begin",
        check=check_warm_up,
        given={
            "build": BUILD,
            "markets": MARKETS,
            "lookback_ms": MAX_LOOKBACK_MS,
            "late_starts_bars": (100, 200, 400),
        },
        mutants=(
            Mutant(name="mean of all bars so far", given=planted(mutants.expanding_mean)),
            Mutant(name="average that remembers its first bar", given=planted(long_average)),
        ),
    ),
    Oracle(
        code="D04",
        claim="each feature depends on its declared lookback, and on nothing older",
        check=check_lookbacks,
        given={"feature_set": SET, "markets": MARKETS, "decision_times": [int(MARKETS[TARGET].available_at[-1])]},
        mutants=(Mutant(name="lookback declared too short", given={"feature_set": declared_shorter(SET, 0.4)}),),
    ),
    Oracle(
        code="D10",
        claim="the newest bar of every market reaches the row that closes with it",
        check=check_freshness,
        given={"build": BUILD, "markets": MARKETS, "seed": 1},
        mutants=(
            Mutant(
                name="context joined a bar late", given={"build": mutants.with_context_shifted(BUILD, "BTCUSDT", -1)}
            ),
        ),
    ),
    Oracle(
        code="D02",
        claim="stored rows are those that the stored bars give",
        check=check_stored_rows,
        given={"build": BUILD, "markets": MARKETS, "stored": ROWS},
        mutants=(
            Mutant(
                name="a bar corrected after its row was stored",
                given={"markets": {**MARKETS, TARGET: with_bar_scaled(MARKETS[TARGET], BARS - 50, price=1.001)}},
            ),
        ),
    ),
)


@each_oracle(ORACLES)
def test_feature_keeps_to_the_claim(oracle: Oracle) -> None:
    """The product's features and labels pass."""
    assert_passes(oracle)


@each_mutant(ORACLES)
def test_mistake_in_features_is_caught(oracle: Oracle, mutant: Mutant) -> None:
    """The build or the labels with the mistake fail."""
    assert_caught(oracle, mutant)
