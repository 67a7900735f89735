"""A connection whose server may not fall silent for ever.

A peer that has vanished is noticed by keepalives. A server or a proxy that is still there and says nothing any more is
not: libpq would wait for it as long as the process lives, and heartbeats would call that working.
"""

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg

Result = TypeVar("Result")

# The slowest statement of this program, a digest of years of bars, answers in seconds.
SILENT_SECONDS = 300.0


class ServerSilent(psycopg.OperationalError):
    """The server is there, and has said nothing for too long."""


class WatchedConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that is closed once the server has been silent for `SILENT_SECONDS` in the middle of something."""

    def wait(self, gen: Generator[Any, Any, Result], *how: Any, **named: Any) -> Result:
        """See `psycopg.Connection.wait`, through which everything that is asked of the server goes.

        Raises
        ------
        ServerSilent
            Where no byte has moved for too long.
        """
        try:
            wanted = next(gen)
        except StopIteration as ended:  # it had come already, as most rows of a COPY have: nothing is waited for
            result: Result = ended.value
            return result
        try:
            return super().wait(_watched(gen, wanted), *how, **named)
        except ServerSilent:
            self.pgconn.finish()  # nothing that a closing block would still ask of it is answered either
            raise


def _watched(gen: Generator[Any, Any, Result], wanted: Any) -> Generator[Any, Any, Result]:
    """The steps after the first, of which none may be waited for too long; an answer of 0: nothing is ready yet."""
    try:
        silent_since = time.monotonic()
        while True:
            ready = yield wanted
            if ready:
                silent_since = time.monotonic()
            elif time.monotonic() - silent_since >= SILENT_SECONDS:
                raise ServerSilent(f"it was silent for {SILENT_SECONDS:g} s")
            wanted = gen.send(ready)
    except StopIteration as ended:
        result: Result = ended.value
        return result
