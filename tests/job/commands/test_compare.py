"""The compare command: paired by window and by day, and refused where there is nothing to compare."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from job.commands import compare
from job.errors import ConfigError, DataError, ExitCode, NoDataError, UsageError
from job.report.comparability import why_not_comparable
from job.report.comparison import Comparison, compare_runs
from job.report.stored_run import open_stored_run
from job.settings.commands import CompareCommand
from job.settings.operation import CompareSettings, StoreSettings
from job.settings.sources import LoadedSettings
from tests.support.runs import TRADED, ExampleRun, example_run
from tests.support.stored_runs import store_run

NUM_WINDOWS = 9


def run_compare(folder: Path, *names: str) -> ExitCode:
    """The command on a folder."""
    settings = CompareCommand(store=StoreSettings(save_path=str(folder)), compare=CompareSettings(compared_runs=names))
    return compare.run(LoadedSettings(settings=settings, sources={}))


def flipped(run: ExampleRun) -> ExampleRun:
    """The run of a model that wants and forecasts the opposite; its windows' records stay as they were."""
    series = tuple(
        replace(
            each,
            position=each.position | {TRADED: -each.position[TRADED]},
            probability=each.probability | {TRADED: 1 - each.probability[TRADED]},
        )
        for each in run.series
    )
    return replace(run, series=series)


def changed(run: ExampleRun, group: str, **values: Any) -> ExampleRun:
    """The run under other settings."""
    settings = getattr(run.plan.procedure, group).model_copy(update=values)
    procedure = run.plan.procedure.model_copy(update={group: settings})
    return replace(run, plan=run.plan.model_copy(update={"procedure": procedure}))


def compared(folder: Path, first: ExampleRun, second: ExampleRun) -> Comparison:
    """What two runs come to."""
    store_run(first, folder, run_id="a", is_finished=False)
    store = store_run(second, folder, run_id="b", is_finished=False)
    found = compare_runs(open_stored_run(store, "a"), open_stored_run(store, "b"))
    assert found is not None
    return found


def test_a_run_less_itself_is_nothing(tmp_path: Path) -> None:
    """Every difference and both its bounds are zero."""
    run = example_run(NUM_WINDOWS)
    found = compared(tmp_path, run, run)
    assert (len(found.pairs), found.missing, found.num_days) == (NUM_WINDOWS, (), 7 * NUM_WINDOWS)
    difference = found.difference
    assert difference.log_loss is not None
    for estimate in (difference.daily_return, difference.sharpe_ratio, difference.log_loss):
        assert (estimate.value.value, estimate.interval.low, estimate.interval.high) == (0, 0, 0)


def test_comparison_is_antisymmetric_and_sees_the_better(tmp_path: Path) -> None:
    """A model that follows a planted edge forecasts better than its opposite, and the reverse is the mirror image."""
    run = example_run(NUM_WINDOWS)
    (tmp_path / "forth").mkdir()
    (tmp_path / "back").mkdir()
    forth = compared(tmp_path / "forth", run, flipped(run)).difference
    back = compared(tmp_path / "back", flipped(run), run).difference
    assert forth.daily_return.value.rank > 0
    assert forth.log_loss is not None and forth.log_loss.is_below_zero
    for own, other in ((forth.daily_return, back.daily_return), (forth.sharpe_ratio, back.sharpe_ratio)):
        assert own.value.value == pytest.approx(-other.value.rank)
        assert own.interval.low == pytest.approx(-(other.interval.high or 0))


def test_comparison_pairs_what_both_have(tmp_path: Path) -> None:
    """A window that one lacks is left out and named; the rest is paired."""
    run = example_run(NUM_WINDOWS)
    without = replace(run, windows=run.windows[1:], series=run.series[1:])
    found = compared(tmp_path, run, without)
    assert found.missing == (0,)
    assert [pair.index for pair in found.pairs] == list(range(1, NUM_WINDOWS))
    assert found.num_days == 7 * (NUM_WINDOWS - 1)


def test_other_labels_have_no_common_log_loss(tmp_path: Path) -> None:
    """Forecasts of other questions are not compared; the accounts still are."""
    run = example_run(NUM_WINDOWS)
    other = replace(run, series=tuple(replace(each, up=1 - each.up) for each in run.series))
    assert compared(tmp_path, run, other).difference.log_loss is None


def test_compare_prints_windows_and_intervals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row a window, then the paired days, within 80 columns where the terminal has them."""
    run = example_run(NUM_WINDOWS)
    store_run(run, tmp_path, run_id="first")
    store_run(flipped(run), tmp_path, run_id="second")
    assert run_compare(tmp_path, "first", "second") is ExitCode.DONE
    out = capsys.readouterr().out
    rows = [line for line in out.splitlines() if line[:1].isdigit() and "2025-" in line]
    assert len(rows) == NUM_WINDOWS
    assert f"paired over {7 * NUM_WINDOWS} days" in out
    assert "below 0, A is better" in out
    assert "A: first" in out


@pytest.mark.parametrize(
    ("group", "values", "phrase"),
    [
        ("market", {"symbol": "BTCUSDT"}, r"symbol \(SYNUSDT and BTCUSDT\)"),
        ("market", {"venue": "other"}, r"venue"),
        ("market", {"market": "spot"}, r"market \(perp and spot\)"),
        ("costs", {"fee_bps": 1.0}, r"fee-bps \(5.0 and 1.0\)"),
    ],
)
def test_compare_refuses_other_markets_and_costs(
    tmp_path: Path, group: str, values: dict[str, Any], phrase: str
) -> None:
    """The usage error names what differs, and both values."""
    run = example_run(3)
    store_run(run, tmp_path, run_id="first")
    store_run(changed(run, group, **values), tmp_path, run_id="second")
    with pytest.raises(UsageError, match=phrase) as caught:
        run_compare(tmp_path, "first", "second")
    assert caught.value.exit_code is ExitCode.USAGE


def test_compare_refuses_other_spans_and_data() -> None:
    """Other test windows, or a day whose stored data changed, are named; other models and labels are welcome."""
    run, longer = example_run(3), example_run(5)
    assert "test windows (3 of 7 days" in "".join(why_not_comparable(run.plan, longer.plan))
    digests = dict.fromkeys(["2025-11-29", "2025-11-30"], "cc")
    other = run.plan.model_copy(update={"day_digests": digests})
    assert why_not_comparable(run.plan, other) == ["the stored data (first on 2025-11-29 UTC)"]
    other_columns = other.model_copy(update={"feature_set": "other-1"})
    assert why_not_comparable(run.plan, other_columns) == []
    for group, values in (("model", {"epochs": 3}), ("label", {"label": "fixed"}), ("windows", {"window_size": 20})):
        assert why_not_comparable(run.plan, changed(run, group, **values).plan) == []


def test_compare_refuses_bars_that_differ(tmp_path: Path) -> None:
    """Where the plans agree and the stored bars do not, the data are bad."""
    run = example_run(3)
    store_run(run, tmp_path, run_id="first")
    bars = replace(run.series[0].klines, close=run.series[0].klines.close * np.float64(1.001))
    store_run(replace(run, series=(replace(run.series[0], klines=bars), *run.series[1:])), tmp_path, run_id="second")
    with pytest.raises(DataError, match="the bars of window 0 differ"):
        run_compare(tmp_path, "first", "second")


def test_compare_needs_two_runs_that_exist_and_have_windows(tmp_path: Path) -> None:
    """One name, twice the same, an unknown one, and nothing in common: each its own error."""
    run = example_run(3)
    store_run(run, tmp_path, run_id="first")
    for names in (("first",), ("first", "first"), ("first", "first", "other")):
        with pytest.raises(UsageError, match="Two different runs"):
            run_compare(tmp_path, *names)
    with pytest.raises(ConfigError, match="no run other"):
        run_compare(tmp_path, "first", "other")
    store_run(replace(run, windows=(), series=()), tmp_path, run_id="empty", is_finished=False)
    with pytest.raises(NoDataError, match="no finished window in common"):
        run_compare(tmp_path, "first", "empty")
