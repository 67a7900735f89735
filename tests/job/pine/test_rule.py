"""The indicator against an export of TradingView where there is one, against a loop by hand always, and its mutants."""

import csv
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from job.arrays import IntArray
from job.data.klines import Klines
from job.pine import indicators, neighbours, rule
from job.pine.indicators import is_moving, pine_features
from job.pine.rule import CANDIDATE_BARS, PINE_HISTORY_BARS, WARM_UP_BARS, held_direction, pine_positions, read_chart
from tests.support.klines import random_klines
from tests.support.pine_by_hand import votes_by_hand

EXPORT = Path(__file__).parents[4] / "shared" / "data" / "pine" / "btcusd-1h-pine-baseline.csv.gz"
SHORT = random_klines(260, "1h", seed=4)


@dataclass(frozen=True, kw_only=True)
class Export:
    """An export: bars, and what TradingView showed."""

    klines: Klines
    prediction: IntArray
    direction: IntArray


@pytest.fixture(scope="module")
def export() -> Export:
    """2,063 hourly bars, exported with the indicator's defaults; predictions begin 2,000 bars before the last."""
    if not EXPORT.exists():
        pytest.skip(f"{EXPORT.name} is not there")
    with gzip.open(EXPORT, "rt") as file:
        rows = list(csv.DictReader(file))

    def column(name: str) -> np.ndarray:
        return np.array([float(row[name]) for row in rows])

    klines = Klines(
        interval="1h",
        open_time=(column("time") * 1000).astype(np.int64),
        volume=np.zeros(len(rows)),
        **{name: column(name) for name in ("open", "high", "low", "close")},
    )
    return Export(
        klines=klines,
        prediction=column("Prediction").astype(np.int64),
        direction=column("Direction").astype(np.int64),
    )


def test_chart_is_the_exported_one_to_the_bar(export: Export) -> None:
    """Every prediction and every direction of 2,063 bars is TradingView's."""
    chart = read_chart(export.klines)
    np.testing.assert_array_equal(chart.prediction, export.prediction)
    np.testing.assert_array_equal(chart.direction, export.direction)
    assert len(np.unique(export.prediction)) > 8


def take_every_fourth_alone(patch: pytest.MonkeyPatch) -> None:
    """Keep what should be left out."""
    patch.setattr(neighbours, "may_vote", lambda bar: bar % 4 == 0)


def take_every_bar(patch: pytest.MonkeyPatch) -> None:
    """Leave out nothing."""
    patch.setattr(neighbours, "may_vote", lambda bar: bar >= 0)


def follow_the_move(patch: pytest.MonkeyPatch) -> None:
    """Take the label's sign as one would expect it."""
    right = rule.trailing_labels
    patch.setattr(rule, "trailing_labels", lambda close: -right(close))


def walk_from_the_newest(patch: pytest.MonkeyPatch) -> None:
    """Reverse the order of candidates."""
    right = neighbours._extend
    patch.setattr(neighbours, "_extend", lambda chain, d, labels: right(chain, d[::-1], labels[::-1]))


def keep_the_bar_high(patch: pytest.MonkeyPatch) -> None:
    """Do not fall back when the chain overflows."""
    patch.setattr(neighbours, "FALL_BACK", neighbours.NEIGHBOURS)


MUTANTS = [take_every_fourth_alone, take_every_bar, follow_the_move, walk_from_the_newest, keep_the_bar_high]


@pytest.mark.parametrize("mutate", MUTANTS)
def test_export_catches(
    mutate: Callable[[pytest.MonkeyPatch], None], export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each misreading of the rule changes predictions and directions."""
    mutate(monkeypatch)
    chart = read_chart(export.klines)
    assert (chart.prediction != export.prediction).mean() > 0.1
    assert (chart.direction != export.direction).any()


@pytest.mark.parametrize("name", ["CCI_LENGTH", "ADX_LENGTH", "WAVE_CHANNEL", "WAVE_AVERAGE", "WAVE_SIGNAL"])
def test_export_catches_a_wrong_length(name: str, export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its columns of features are empty, but exact predictions leave them little room: a ten-thousandth, by noise."""
    monkeypatch.setattr(indicators, name, getattr(indicators, name) + 1)
    assert (read_chart(export.klines).prediction != export.prediction).mean() > 0.05


def chart_by_hand(klines: Klines, first: IntArray) -> tuple[list[int], list[int]]:
    """Prediction and direction, bar by bar."""
    move = np.append(np.zeros(4), klines.close[4:] - klines.close[:-4])
    votes = votes_by_hand(pine_features(klines), -np.sign(move).astype(np.int64), first)
    is_open, direction = is_moving(klines), [0]
    for bar, vote in enumerate(votes):
        direction.append(int(np.sign(vote)) if vote and is_open[bar] else direction[-1])
    return votes, direction[1:]


def test_chart_is_that_of_the_loop_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 100 candidates on 260 bars: predictions begin at bar 159, tied to the last one, 259."""
    monkeypatch.setattr(rule, "CANDIDATE_BARS", 100)
    chart = read_chart(SHORT)
    votes, direction = chart_by_hand(SHORT, np.full(260, 159))
    assert chart.prediction.tolist() == votes
    assert chart.direction.tolist() == direction
    assert not chart.prediction[:159].any()
    assert set(direction) == {-1, 0, 1}


def test_positions_are_those_of_the_loop_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """In trading the start rolls: each bar asks the 60 before it and itself, none of the warm-up."""
    monkeypatch.setattr(rule, "CANDIDATE_BARS", 60)
    monkeypatch.setattr(rule, "WARM_UP_BARS", 80)
    _, direction = chart_by_hand(SHORT, np.maximum(80, np.arange(260) - 60))
    assert pine_positions(SHORT).tolist() == direction


@pytest.mark.parametrize("mutate", MUTANTS)
def test_loop_by_hand_catches(mutate: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same misreadings, where there is no export."""
    monkeypatch.setattr(rule, "CANDIDATE_BARS", 200)
    votes, _ = chart_by_hand(SHORT, np.full(260, 59))
    mutate(monkeypatch)
    assert (read_chart(SHORT).prediction != votes).mean() > 0.05


def test_positions_do_not_look_ahead_and_a_chart_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars that arrive later change no position, but what a chart shows of the past."""
    monkeypatch.setattr(rule, "CANDIDATE_BARS", 60)
    monkeypatch.setattr(rule, "WARM_UP_BARS", 40)
    early = SHORT.select(slice(0, 200))
    np.testing.assert_array_equal(pine_positions(early), pine_positions(SHORT)[:200])
    assert (read_chart(early).prediction != read_chart(SHORT).prediction[:200]).any()


def test_positions_begin_after_the_warm_up_and_need_no_full_history() -> None:
    """A short history has fewer candidates; bars of the warm-up alone are flat."""
    positions = pine_positions(SHORT)
    assert positions.dtype == np.int8
    assert not positions[:WARM_UP_BARS].any()
    assert positions[WARM_UP_BARS:].any()
    assert PINE_HISTORY_BARS == WARM_UP_BARS + CANDIDATE_BARS == 2200


def test_direction_is_held_until_the_next_open_signal() -> None:
    """Closed filters and votes that cancel out leave the direction; before the first signal there is none."""
    prediction, is_open = np.array([0, 4, 2, -6, -2, 0, 8]), np.array([True, False, True, False, True, True, True])
    assert held_direction(prediction, is_open).tolist() == [0, 0, 1, 1, -1, -1, 1]
