"""From the log's events to metrics: what is measured of a command is what the command reports."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from job.intervals import SECOND_MS
from job.telemetry import metrics
from job.telemetry.readings import Readings

VERDICTS = ("no evidence", "weak", "evidence")

Event = Mapping[str, Any]


class Listener:
    """Hears every event, and keeps ``readings`` up to date."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._heard: Mapping[str, Callable[[Event], None]] = {
            "stage_ended": self._stage_ended,
            "epoch_ended": self._epoch_ended,
            "window_ended": self._window_ended,
            "run_finalized": self._run_finalized,
            "store_request_retried": self._request_retried,
            "klines_collected": self._klines_collected,
            "features_updated": self._features_updated,
        }

    def __call__(self, event: Event) -> None:
        """Hear one event."""
        hear = self._heard.get(str(event["event"]))
        if hear is None:
            return
        try:
            hear(event)
        except Exception as error:  # noqa: BLE001 - what measures a command must never end it
            structlog.get_logger().warning("event_not_measured", of=event["event"], reason=repr(error))

    def _stage_ended(self, event: Event) -> None:
        window = event.get("window_index")
        self._readings.add(metrics.STAGE_SECONDS, event["seconds"], stage=event["stage"], window=window)

    def _epoch_ended(self, event: Event) -> None:
        labels = {"fit": event["part"], "window": event.get("window_index")}
        self._readings.add(metrics.EPOCHS, 1, **labels)
        self._readings.set(metrics.LOSS, event["loss"], **labels)

    def _window_ended(self, event: Event) -> None:
        window, readings = event.get("window_index"), self._readings
        readings.add(metrics.WINDOWS_ENDED, 1, exit_code=event["exit_code"])
        readings.set(metrics.ATTEMPT, event["attempt"], window=window)
        readings.add(metrics.REQUESTS, event["num_requests"], window=window)
        readings.add(metrics.BYTES, event["bytes_read"], direction="read", window=window)
        readings.add(metrics.BYTES, event["bytes_written"], direction="written", window=window)
        for kind, name in (("train", "num_train_rows"), ("test", "num_test_bars")):
            if name in event:
                readings.set(metrics.ROWS, event[name], kind=kind, window=window)

    def _run_finalized(self, event: Event) -> None:
        market = {name: event[name] for name in metrics.MARKET}
        self._readings.forget(metrics.RUN_METRICS, of=market)  # what was defined before may be undefined now
        self._readings.set(metrics.FINALIZED, time.time(), **market)
        for verdict in VERDICTS:
            self._readings.set(metrics.VERDICT, verdict == event["verdict"], **market, verdict=verdict)
        for state in ("done", "failed"):
            self._readings.set(metrics.RUN_WINDOWS, event[f"num_{state}"], **market, state=state)
        for name, metric in metrics.RUN_FIGURES.items():
            if event[name] is not None:
                self._readings.set(metric, event[name], **market)

    def _request_retried(self, _event: Event) -> None:
        self._readings.add(metrics.RETRIES, 1, of="store")

    def _klines_collected(self, event: Event) -> None:
        symbol = event["symbol"]
        for source in ("archive", "rest"):
            self._readings.add(metrics.KLINES, event[f"from_{source}"], kline_symbol=symbol, source=source)
        self._readings.set(metrics.NEWEST_KLINE, event["last_open_ms"] / SECOND_MS, kline_symbol=symbol)

    def _features_updated(self, event: Event) -> None:
        symbol = event["symbol"]
        self._readings.add(metrics.FEATURE_ROWS, event["num_added"], kline_symbol=symbol)
        self._readings.set(metrics.NEWEST_ROW, event["last_open_ms"] / SECOND_MS, kline_symbol=symbol)
