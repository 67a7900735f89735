"""The server: gunicorn around the app, its metrics on a port of their own, and a quiet end on SIGTERM."""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from job.artifacts.opening import open_store
from job.errors import ConfigError
from job.settings.dashboard import DashboardSettings

DRAIN_SECONDS = 10
# A worker that answers nothing for so long is replaced; no page takes a tenth of it.
WORKER_TIMEOUT_SECONDS = 60


def serve(settings: DashboardSettings, save_path: str) -> None:
    """Listen until somebody asks to stop.

    Raises
    ------
    ConfigError
        Where the address would be open to all, is taken, the password cannot be read, the store cannot be opened,
        or can be written although it must not.
    """
    shared = _metrics_folder() if settings.metrics_port else None
    try:
        _serve(settings, save_path)
    finally:
        if shared is not None:
            shutil.rmtree(shared, ignore_errors=True)


def _serve(settings: DashboardSettings, save_path: str) -> None:
    # Here, not above: the metrics' folder must be known before their library is loaded.
    from gunicorn.app.base import BaseApplication

    from dashboard.app import create_app
    from dashboard.auth import check_exposure, password_of
    from dashboard.readonly import check_readonly

    check_exposure(settings, password_of(settings))
    store = open_store(save_path)
    if settings.require_readonly:
        check_readonly(store)
    _check_port(settings.host, settings.port)
    if settings.metrics_port:
        _check_port(settings.host, settings.metrics_port)
    del store  # connections are not shared by processes: each worker opens its own

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in _options(settings, save_path).items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            return create_app(settings, open_store(save_path)).server

    try:
        Server().run()
    except SystemExit as ended:
        if ended.code not in (0, None):
            raise ConfigError(f"The server ended with {ended.code}.", remedy="Its log says why.") from ended


def _options(settings: DashboardSettings, save_path: str) -> dict[str, Any]:
    in_memory = Path("/dev/shm")
    return {
        "bind": f"{_bracketed(settings.host)}:{settings.port}",
        "workers": settings.web_workers,
        "threads": settings.web_threads,
        "worker_class": "gthread",
        "worker_tmp_dir": str(in_memory) if os.access(in_memory, os.W_OK) else None,
        "graceful_timeout": DRAIN_SECONDS,
        "timeout": WORKER_TIMEOUT_SECONDS,
        "control_socket_disable": True,  # it would write under HOME, which may be read-only
        "accesslog": None,  # `dashboard.access` writes one line a request
        "errorlog": "-",
        "loglevel": "warning",
        "proc_name": "lorentzian-dashboard",
        "limit_request_line": 8190,
        "when_ready": _ready(settings, save_path),
        "child_exit": _forget_worker,
    }


def _ready(settings: DashboardSettings, save_path: str) -> Callable[[Any], None]:
    def ready(_server: Any) -> None:
        if settings.metrics_port:
            _serve_metrics(settings.host, settings.metrics_port, save_path)
        address = f"http://{_bracketed(settings.host)}:{settings.port}{settings.url_prefix}"
        structlog.get_logger().info("dashboard_started", address=address, workers=settings.web_workers)
        if sys.stdout.isatty():
            print(f"Open {address} in a browser; Ctrl-C ends it.")

    return ready


def _serve_metrics(host: str, port: int, save_path: str) -> None:
    """Answer ``/metrics`` from a thread of the first process: for all workers together, and for the store."""
    from prometheus_client import CollectorRegistry, start_http_server
    from prometheus_client.multiprocess import MultiProcessCollector

    from dashboard.run_metrics import RunsCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    registry.register(RunsCollector(partial(open_store, save_path)))
    start_http_server(port, addr=host, registry=registry)


def _forget_worker(_server: Any, worker: Any) -> None:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)


def _metrics_folder() -> str:
    """Where workers share their counts; in memory where that can be."""
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = tempfile.mkdtemp(prefix="lorentzian-metrics-", dir=parent)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    return folder


def _check_port(host: str, port: int) -> None:
    """Say in one sentence that a port is taken, where gunicorn would try for a while and give up."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            reason = (error.strerror or "no such address").lower()
            raise ConfigError(
                f"The dashboard cannot listen on {_bracketed(host)}:{port}: {reason}.",
                remedy="Choose another --port, --metrics-port or --host.",
            ) from error


def _bracketed(host: str) -> str:
    return f"[{host.strip('[]')}]" if ":" in host else host
