"""Is it alive, and can it answer? Outside of passwords and prefixes, for whoever runs it."""

from flask import Flask, Response, jsonify

from dashboard.repository import Repository
from dashboard.telemetry import CACHE_BYTES
from job.errors import JobError
from job.intervals import MINUTE_MS

ALIVE, READY = "/healthz", "/readyz"
# A store that is away for less than this is a hiccup: what is known is shown, marked as such.
READY_FOR_MS = 5 * MINUTE_MS


def add_health(server: Flask, repository: Repository) -> None:
    """Answer ``/healthz`` (this process) and ``/readyz`` (the index can be read, or was lately)."""

    @server.get(ALIVE)
    def _alive() -> Response:
        return jsonify(status="alive")

    @server.get(READY)
    def _ready() -> tuple[Response, int]:
        reason = why_not_ready(repository)
        return jsonify(status="not ready" if reason else "ready", reason=reason), 503 if reason else 200


def why_not_ready(repository: Repository) -> str:
    """One sentence, or empty."""
    try:
        reading = repository.stored_index()
    except JobError as error:
        return error.message
    CACHE_BYTES.set(repository.objects.cache.num_bytes)
    if reading is None:
        return ""
    age_ms = repository.now_ms() - reading.read_at_ms
    return reading.stale_reason if reading.stale_reason and age_ms > READY_FOR_MS else ""
