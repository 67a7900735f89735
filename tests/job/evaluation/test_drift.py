"""Percentiles among the windows before: known ranks, no look ahead, and few alarms without drift."""

import numpy as np
import pytest

from job.evaluation.drift import MIN_HISTORY, MIN_TO_JUDGE, UNUSUAL, is_unusual, num_judged, percentiles_of_history


def _percentiles(values: list[float]) -> list[float | None]:
    return [each.value for each in percentiles_of_history(values)]


def test_percentile_is_the_share_of_lower_ones_before() -> None:
    """The sixth of rising values is above five of six; a tie is not below."""
    assert _percentiles([1, 2, 3, 4, 5, 6, 3]) == [None] * 5 + [pytest.approx(5 / 6), pytest.approx(2 / 7)]


def test_percentile_sees_no_later_window() -> None:
    """What comes after a window changes nothing of it."""
    values = list(np.random.default_rng(0).random(30))
    assert _percentiles(values)[:20] == _percentiles(values[:20])


def test_window_without_a_value_is_no_history() -> None:
    """A hole has a reason, and the windows around it are judged as if it were not there."""
    known = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    found = percentiles_of_history([*known[:3], None, *known[3:]])
    assert found[3].reason == "too_short"
    assert found[-1] == percentiles_of_history(known)[-1]
    assert found[MIN_HISTORY].reason == "too_few_windows"


def test_warnings_are_rare_without_drift() -> None:
    """Of exchangeable windows at most one in twenty is called unusual, and of the first twenty none."""
    rng = np.random.default_rng(1)
    alarms = np.array([[is_unusual(p) for p in _percentiles(list(rng.random(60)))] for _ in range(200)])
    assert not alarms[:, :20].any()
    assert 0.02 < alarms[:, 20:].mean() <= 1 - UNUSUAL


def test_warning_comes_with_a_break() -> None:
    """A window far above a long history is unusual."""
    assert is_unusual(_percentiles([*np.linspace(0.4, 0.6, 25), 0.9])[-1])
    assert not is_unusual(None)


def test_window_is_judged_where_it_could_be_unusual() -> None:
    """Even the largest so far is not unusual before it has the history, and is with it; holes are none."""
    rising: list[float | None] = [float(value) for value in range(MIN_TO_JUDGE + 3)]
    could_be = [is_unusual(each.value) for each in percentiles_of_history(rising)]
    assert could_be == [False] * MIN_TO_JUDGE + [True] * 3
    assert [num_judged(rising), num_judged(rising[:MIN_TO_JUDGE]), num_judged([])] == [3, 0, 0]
    assert num_judged([None, *rising[:5], None, *rising[5:]]) == 3
