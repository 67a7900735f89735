"""What a command says of itself to Prometheus, from its start to its end; nothing unless one of the ways out is set."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

from job.errors import ConfigError, ExitCode, exit_code_of
from job.logs import Listener
from job.settings.commands import CommandSettings
from job.settings.operation import TelemetrySettings


class Telemetry:
    """Hears the events of one command, and sends what they come to.

    Parameters
    ----------
    command : its name.
    settings : of the command; one that has no ``telemetry`` is not watched.

    Raises
    ------
    ConfigError
        For an address that no Pushgateway can have.
    """

    def __init__(self, command: str, settings: CommandSettings) -> None:
        self._settings = getattr(settings, "telemetry", TelemetrySettings())
        self.listeners: tuple[Listener, ...] = ()
        if not any(self._settings.model_dump().values()):
            return
        from job.telemetry.listener import Listener as Hearing  # loads prometheus_client, which few runs need
        from job.telemetry.readings import Readings

        _check_address(self._settings.metrics_push)
        self._group = _group(settings)
        self._job = getattr(getattr(settings, "job", None), "cron_job", None) or f"lorentzian-{command}"
        self._readings = Readings()
        self.listeners = (Hearing(self._readings),)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Serve while the block runs; when it has ended, tell how. Logs must be set up."""
        if not self.listeners:
            yield
            return
        from job.telemetry.metrics import JOB_METRICS, RUN_METRICS, STARTED
        from job.telemetry.ways_out import served

        started = time.time()
        self._readings.set(STARTED, started)
        error: BaseException | None = None
        with ExitStack() as port:
            if self._settings.metrics_port:
                everything = self._readings.registry((*JOB_METRICS, *RUN_METRICS), named=self._group)
                port.enter_context(served(everything, self._settings.metrics_port))
            try:
                yield
            except BaseException as left_by:
                error = left_by
                raise
            finally:
                self._end(exit_code_of(error), started)

    def _end(self, code: ExitCode, started: float) -> None:
        from job.telemetry.metrics import (
            DURATION,
            ENDED,
            EXIT_CODE,
            FINALIZED,
            JOB_METRICS,
            MARKET,
            RUN_METRICS,
            SUCCEEDED,
        )
        from job.telemetry.ways_out import push, write_file

        ended, is_success, readings = time.time(), code is ExitCode.DONE, self._readings
        for metric, value in ((ENDED, ended), (DURATION, ended - started), (EXIT_CODE, float(code))):
            readings.set(metric, value)
        if is_success:
            readings.set(SUCCEEDED, ended)
        gateway, path = self._settings.metrics_push, self._settings.metrics_textfile
        if path:
            everything = readings.registry((*JOB_METRICS, *RUN_METRICS), named=self._group)
            write_file(path, everything, is_success=is_success)
        if gateway:
            own = readings.registry(JOB_METRICS)
            push(gateway, own, job=self._job, group=self._group, is_success=is_success)
            for market, _ in readings.samples(FINALIZED):  # a group of its own: it is no window's
                group = {name: market[name] for name in MARKET}
                push(
                    gateway,
                    readings.registry(RUN_METRICS, of=group),
                    job="lorentzian-run",
                    group=group,
                    is_success=True,
                )


def _group(settings: CommandSettings) -> dict[str, str]:
    """What the command is about, as far as its settings say: market and window."""
    market, index = getattr(settings, "market", None), getattr(getattr(settings, "index", None), "index", None)
    group = {} if market is None else {"venue": market.venue, "symbol": market.symbol, "interval": market.interval}
    return group if index is None else group | {"window": str(index)}


def _check_address(gateway: str | None) -> None:
    """Refuse at the start what would only be met at the end."""
    parts = None if gateway is None else urlsplit(gateway)
    if parts is not None and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ConfigError(
            "The address of --metrics-push is no http:// or https:// address.",
            remedy="Give one such as http://pushgateway:9091.",
        )
