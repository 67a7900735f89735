"""Log set-up: one JSON line per event in a pod, short text in a terminal.

Logs go to stderr, results to stdout. Every event, whatever its level, is also told to the listeners of this process,
before it is decided whether a line is written: what is measured of a run is what the run reports.
"""

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal, TextIO, TypeAlias, cast

import structlog

# Is told an event with all that is bound to it; must not change it, nor raise.
Listener: TypeAlias = Callable[[Mapping[str, Any]], None]


FIRST_MOMENT_MS = 1_000_000_000_000  # the year 2001: what counts less milliseconds is a duration

_LEVELS = logging.getLevelNamesMapping()
# What every event says before anybody hears it.
_ABOUT = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.format_exc_info,
)


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


def configure_logs(
    *, log_format: Literal["auto", "text", "json"], verbose: bool, quiet: bool, listeners: Sequence[Listener] = ()
) -> None:
    """Set up structlog for this process, once, from the entry point."""
    level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    is_text = log_format == "text" or (log_format == "auto" and is_interactive())
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=is_interactive() and "NO_COLOR" not in os.environ, sort_keys=False)
        if is_text
        else structlog.processors.JSONRenderer(sort_keys=False)
    )
    # It warns, in words of its own, of each rollback that a query left in its middle cannot have; the server does it.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            *_ABOUT,
            _Told(tuple(listeners), level),
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if is_text else "iso", utc=not is_text),
            *([_short] if is_text else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if listeners else level),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Stderr())),
    )


def _short(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Numbers as people read them: four digits, and a moment in milliseconds as its UTC time."""
    for key, value in event.items():
        if isinstance(value, float):
            event[key] = float(f"{value:.4g}")
        elif key.endswith("_ms") and isinstance(value, int) and value >= FIRST_MOMENT_MS:
            event[key] = datetime.fromtimestamp(value / 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M")
    return event


def hand_over_logs(listener: Listener) -> None:
    """Set up structlog for a worker process, which writes no line itself: every event is the listener's."""
    structlog.configure(
        processors=[*_ABOUT, _Told((listener,), logging.CRITICAL + 1)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
    )


def same_names() -> Callable[[], object]:
    """For the threads of a pool to begin with: their lines name the run and window that those of this thread name."""
    return partial(structlog.contextvars.bind_contextvars, **structlog.contextvars.get_contextvars())


class _Told:
    """Tells the listeners, and then drops what is below the level of the lines that are written."""

    def __init__(self, listeners: tuple[Listener, ...], level: int) -> None:
        self._listeners, self._level = listeners, level

    def __call__(self, _logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        for listener in self._listeners:
            listener(event)
        if _LEVELS[event["level"].upper()] < self._level:
            raise structlog.DropEvent
        return event
