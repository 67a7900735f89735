"""How metrics leave the process: a port while it runs; a push, and a file, when it has ended. None may make it fail.

A Pushgateway never forgets a group, so groups are named by what is bounded (job, market, window), never by a pod or a
run. One that succeeded replaces its whole group; one that failed leaves what it does not know, such as when the last
success was.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import structlog
from prometheus_client import (
    CollectorRegistry,
    push_to_gateway,
    pushadd_to_gateway,
    start_http_server,
    write_to_textfile,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from job.telemetry.metrics import SUCCEEDED
from job.telemetry.readings import Labels

PUSH_SECONDS = 5.0


@contextmanager
def served(registry: CollectorRegistry, port: int) -> Iterator[None]:
    """Answer ``/metrics`` on every address until the block ends; a port that is taken is a warning, no more."""
    everywhere = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # some clusters have IPv6 alone
    try:
        server, thread = start_http_server(port, addr=everywhere, registry=registry)
    except OSError as error:
        structlog.get_logger().warning("metrics_not_served", port=port, reason=error.strerror)
        yield
        return
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def push(gateway: str, registry: CollectorRegistry, *, job: str, group: Labels, is_success: bool) -> None:
    """Tell a Pushgateway; one that is away, or refuses, is a warning."""
    send = push_to_gateway if is_success else pushadd_to_gateway
    try:
        send(gateway, job, registry, grouping_key=dict(group), timeout=PUSH_SECONDS)
    except (OSError, HTTPException) as error:
        structlog.get_logger().warning(
            "metrics_not_pushed", job=job, **group, reason=str(error) or type(error).__name__
        )


def write_file(path: str, registry: CollectorRegistry, *, is_success: bool) -> None:
    """Write them in one step; what an earlier command said of its success stays where this one has failed."""
    try:
        if not is_success:
            registry.register(_Kept(_last_success(Path(path))))
        write_to_textfile(path, registry)
    except OSError as error:
        structlog.get_logger().warning("metrics_not_written", path=path, reason=error.strerror)


def _last_success(path: Path) -> list[Family]:
    """What the file says of the last success; nothing where it is absent or no file of metrics."""
    try:
        families = text_string_to_metric_families(path.read_text(encoding="utf-8"))
        return [family for family in families if family.name == SUCCEEDED.name]
    except (FileNotFoundError, ValueError):
        return []


class _Kept(Collector):
    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> list[Family]:
        """The families as they were read."""
        return self._families
