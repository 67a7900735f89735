"""Log set-up: one JSON line per event in a pod, short text in a terminal.

Logs go to stderr, results to stdout.
"""

import logging
import os
import sys
from typing import Any, Literal, TextIO, cast

import structlog


class _Stderr:
    """Stderr as it is when a line is written: while a progress bar is drawn, lines go above it."""

    def write(self, text: str) -> None:
        sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def is_interactive(stream: Any = None) -> bool:
    """Whether a person watches: a terminal, and no Kubernetes around it."""
    stream = sys.stderr if stream is None else stream
    return bool(stream.isatty()) and "KUBERNETES_SERVICE_HOST" not in os.environ


def configure_logs(*, log_format: Literal["auto", "text", "json"], verbose: bool, quiet: bool) -> None:
    """Set up structlog for this process, once, from the entry point."""
    level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    is_text = log_format == "text" or (log_format == "auto" and is_interactive())
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=is_interactive() and "NO_COLOR" not in os.environ)
        if is_text
        else structlog.processors.JSONRenderer(sort_keys=False)
    )
    # It warns, in words of its own, of each rollback that a query left in its middle cannot have; the server does it.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if is_text else "iso", utc=not is_text),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Stderr())),
    )
