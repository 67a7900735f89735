"""One line for each request, with an id that error cards show too. Knows no page."""

import re
import secrets
import time

import structlog
from flask import Flask, Response, g, has_request_context, request

from dashboard.telemetry import REQUESTS

HEADER = "X-Request-ID"
_GOOD_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_QUIET = ("/healthz", "/readyz")


def log_access(server: Flask) -> None:
    """Give each request an id (a proxy's own, where it has one), time it, and log it when it is answered."""

    @server.before_request
    def _begin() -> None:
        given = request.headers.get(HEADER, "")
        g.request_id = given if _GOOD_ID.fullmatch(given) else secrets.token_hex(8)
        g.started = time.perf_counter()

    @server.after_request
    def _end(response: Response) -> Response:
        seconds = time.perf_counter() - g.get("started", time.perf_counter())
        # The rule, not the path: run ids must not become labels.
        route = request.url_rule.rule if request.url_rule is not None else "none"
        REQUESTS.labels(request.method, route, response.status_code).observe(seconds)
        response.headers[HEADER] = request_id()
        log = structlog.get_logger()
        (log.debug if request.path in _QUIET else log.info)(
            "request_served",
            request_id=request_id(),
            method=request.method,
            path=request.path[:500],
            status=response.status_code,
            milliseconds=round(1000 * seconds, 1),
            num_bytes=response.content_length,
            client=request.remote_addr,
        )
        return response


def request_id() -> str:
    """The id of the present request; a dash outside of one."""
    return str(g.get("request_id", "–")) if has_request_context() else "–"
