from typing import Any

import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from job.telemetry import metrics
from job.telemetry.listener import Listener
from job.telemetry.readings import Readings
from tests.support.metric_text import Sample, parsed_metrics, sample

MARKET = {"venue": "binance-perp", "symbol": "SOLUSDT", "interval": "5m"}
FINALIZED: dict[str, Any] = {
    **MARKET,
    "event": "run_finalized",
    "verdict": "no evidence",
    "num_done": 20,
    "num_failed": 1,
    "num_trials": 3,
    "sharpe_ratio": -2.8,
    "sharpe_low": -4.7,
    "sharpe_high": -0.7,
    "dsr": None,
    "total_return": -0.3,
    "max_drawdown": 0.4,
    "break_even_bps": None,
}


def heard(*events: dict[str, Any], **named: str) -> dict[Sample, float]:
    """What these events come to."""
    readings = Readings()
    listener = Listener(readings)
    for event in events:
        listener(event)
    registry = readings.registry((*metrics.JOB_METRICS, *metrics.RUN_METRICS), named=named)
    return parsed_metrics(generate_latest(registry).decode())


def test_nothing_is_exported_before_it_is_known() -> None:
    """A loss that nobody has reported is not 0: it is absent."""
    assert heard() == {}


def test_epochs_are_counted_and_the_last_loss_stands() -> None:
    """By window and fit; the market, which no event says, is on every sample."""
    epochs = [
        {"event": "epoch_ended", "part": 0, "epoch": number, "loss": 1 - number / 4, "window_index": 3}
        for number in range(3)
    ]
    labels = {"fit": "0", "window": "3", "symbol": "SOLUSDT"}
    assert heard(*epochs, symbol="SOLUSDT") == {
        sample("lorentzian_epochs_total", **labels): 3,
        sample("lorentzian_training_loss", **labels): 0.5,
    }


def test_stages_add_up() -> None:
    """A stage that came twice took both times; one outside of windows has no window."""
    found = heard(
        {"event": "stage_ended", "stage": "read", "seconds": 1.5, "window_index": 0},
        {"event": "stage_ended", "stage": "read", "seconds": 2.0, "window_index": 0},
        {"event": "stage_ended", "stage": "report", "seconds": 4.0},
    )
    assert found == {
        sample("lorentzian_stage_seconds_total", stage="read", window="0"): 3.5,
        sample("lorentzian_stage_seconds_total", stage="report"): 4.0,
    }


def test_run_is_told_without_what_is_undefined() -> None:
    """One verdict of three is 1; a ratio that does not exist has no sample, even where an earlier run had one."""
    found = heard({**FINALIZED, "dsr": 0.5}, FINALIZED)
    verdicts = {
        word: found[sample("lorentzian_run_verdict", verdict=word, **MARKET)]
        for word in ("no evidence", "weak", "evidence")
    }
    assert verdicts == {"no evidence": 1, "weak": 0, "evidence": 0}
    assert found[sample("lorentzian_run_windows", state="failed", **MARKET)] == 1
    assert found[sample("lorentzian_run_sharpe_ratio_low", **MARKET)] == -4.7
    assert not {name for name, _ in found} & {"lorentzian_run_deflated_sharpe_ratio", "lorentzian_run_break_even_bps"}


def test_event_that_cannot_be_measured_is_a_warning() -> None:
    """What measures a command never ends it."""
    with capture_logs() as lines:
        assert heard({"event": "stage_ended"}) == {}
    assert [(line["event"], line["of"]) for line in lines] == [("event_not_measured", "stage_ended")]


@pytest.mark.parametrize("metric", [*metrics.JOB_METRICS, *metrics.RUN_METRICS], ids=lambda metric: metric.name)
def test_names_follow_prometheus(metric: metrics.Metric) -> None:
    """Ours by their prefix, base units, and no ending that the client would add again."""
    assert metric.name.startswith("lorentzian_")
    assert not metric.name.endswith(("_total", "_ms", "_count", "_sum"))
    assert metric.help.endswith(".")
