"""What the dashboard counts of its own work, by its Prometheus names; what the store says is in `run_metrics`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

from job.errors import JobError

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

REQUESTS = Histogram(
    "lorentzian_dashboard_request_seconds", "Time to answer a request.", ("method", "route", "status"), buckets=_SECONDS
)
STORE_READS = Histogram(
    "lorentzian_dashboard_store_read_seconds", "Time of a read of the store.", ("kind",), buckets=_SECONDS
)
STORE_ERRORS = Counter("lorentzian_dashboard_store_errors", "Reads of the store that failed.", ("kind", "error"))
CACHE_BYTES = Gauge(
    "lorentzian_dashboard_cache_bytes", "Parsed objects that are kept, estimated.", multiprocess_mode="livesum"
)


@contextmanager
def timed_read(kind: str) -> Iterator[None]:
    """Time one read of the store, and count it where it fails."""
    started = time.perf_counter()
    try:
        yield
    except JobError as error:
        STORE_ERRORS.labels(kind, type(error).__name__).inc()
        raise
    finally:
        STORE_READS.labels(kind).observe(time.perf_counter() - started)
