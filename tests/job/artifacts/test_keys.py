"""Keys are the contract's names, and nothing that leaves the store can be one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.artifacts.keys import (
    LEDGER_PREFIX,
    RUNS_INDEX,
    RunKeys,
    check_key,
    check_prefix,
    check_run_id,
    holdout_book,
)
from job.errors import ConfigError, ExitCode

STAMP = "20251231_113000"


def test_keys_are_the_promised_names() -> None:
    """The names that users, the dashboard and older runs rely on."""
    keys = RunKeys("demo-edge")
    assert [
        keys.plan,
        keys.series(3),
        keys.window_metrics(3),
        keys.window_manifest(3),
        keys.window_failure(3),
        keys.execution(3),
        keys.attempt(3, 1),
        keys.execution_of_windows,
        keys.null_world(3),
        keys.best_model_window(3),
        keys.best_model_final(STAMP),
        keys.window_metrics_csv(STAMP),
        keys.visualization("loss_curve"),
        keys.summary,
        keys.holdout,
        keys.report,
        keys.manifest,
        keys.trained_model(STAMP),
        keys.trained_metrics(STAMP),
        keys.loss_curve(STAMP),
    ] == [
        "runs/demo-edge/plan.json",
        "runs/demo-edge/windows/3/series.npz",
        "runs/demo-edge/windows/3/metrics.json",
        "runs/demo-edge/windows/3/manifest.json",
        "runs/demo-edge/windows/3/failure.json",
        "runs/demo-edge/windows/3/execution.json",
        "runs/demo-edge/windows/3/attempts/1.json",
        "runs/demo-edge/execution.json",
        "runs/demo-edge/null_worlds/3.json",
        "runs/demo-edge/best_model_window_3.pt",
        f"runs/demo-edge/best_model_final_{STAMP}.pt",
        f"runs/demo-edge/window_metrics_{STAMP}.csv",
        "runs/demo-edge/visualizations/loss_curve.png",
        "runs/demo-edge/summary.json",
        "runs/demo-edge/holdout.json",
        "runs/demo-edge/report.html",
        "runs/demo-edge/manifest.json",
        f"runs/demo-edge/lorentzian_classifier_{STAMP}.pt",
        f"runs/demo-edge/metrics_{STAMP}.json",
        f"runs/demo-edge/loss_curve_{STAMP}.png",
    ]
    assert (RUNS_INDEX, LEDGER_PREFIX) == ("runs-index.json", "ledger/")
    assert holdout_book("binance-perp-SOLUSDT-5m", "0a") == "holdout/binance-perp-SOLUSDT-5m/0a.json"


@pytest.mark.parametrize("run_id", ["a", "SOLUSDT-5m-20251231T1130-0123abcd", "1", "a" * 63, "a.b_c-d"])
def test_good_run_ids_pass(run_id: str) -> None:
    """1 to 63 letters, digits, dots, underscores and hyphens."""
    assert check_run_id(run_id) == run_id


@pytest.mark.parametrize("run_id", ["", "../x", ".hidden", "-flag", "a/b", "a b", "a\n", "ü", "a" * 64])
def test_bad_run_ids_are_a_setting_to_correct(run_id: str) -> None:
    """Nothing that could be a path, a flag or a page's markup names a run."""
    with pytest.raises(ConfigError, match="cannot name a run") as caught:
        RunKeys(run_id)
    assert caught.value.exit_code == ExitCode.CONFIG


def test_bad_parts_are_refused() -> None:
    """An index below zero, a picture that climbs, and a stamp that is not one are our own bugs."""
    keys = RunKeys("a")
    for call in (
        lambda: keys.series(-1),
        lambda: keys.best_model_window(-1),
        lambda: keys.visualization("../x"),
        lambda: keys.window_metrics_csv("2025-12-31"),
    ):
        with pytest.raises(ValueError):
            call()


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40) | st.lists(st.sampled_from(["a", "..", ".", "", "b.json"])).map("/".join))
def test_a_checked_key_stays_below_its_root(key: str) -> None:
    """Whatever text comes: it is refused, or its parts only lead down."""
    try:
        check_key(key)
    except ValueError:
        return
    assert not key.startswith("/")
    assert not set(key.split("/")) & {"", ".", ".."}
    assert check_prefix(key) == key
    assert check_prefix(key + "/") == key + "/"
