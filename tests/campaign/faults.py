"""Where a process dies: armed in that process, before it runs its command.

A fault strikes once, at a place that is counted in the process itself, so that it can stand between any two writes:
before a write to the store, in the middle of an upload, or before a statement to the database.
"""

import http.client
import itertools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from tests.support.warm_commands import Preparation

Place: TypeAlias = Literal["write", "upload", "statement"]
WRITES = ("put", "create", "replace", "delete")
SEND_S = 0.02  # so that the half that was sent is on its way
_REQUEST_LINES = (b"GET ", b"PUT ", b"DELETE ", b"HEAD ", b"POST ")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A signal that a process sends itself.

    Parameters
    ----------
    place : before a write to the store, after half of an upload's bytes, or before a statement to the database.
    number : which of them, from 1.
    key : only writes of keys with this ending count.
    number_of_signal : SIGKILL or SIGTERM.
    """

    place: Place
    number: int
    key: str = ""
    number_of_signal: int = signal.SIGKILL

    @property
    def preparation(self) -> Preparation:
        """What the launcher is asked for."""
        return Preparation(module=__name__, function="arm", arguments=asdict(self))


def arm(*, place: Place, number: int, key: str, number_of_signal: int) -> None:
    """Let this process strike itself at the ``number``-th place of its kind."""
    count, lock = itertools.count(1), threading.Lock()

    def reached(what: str) -> None:
        with lock:
            is_due = what.endswith(key) and next(count) == number
        if is_due:
            _strike(place, what, number_of_signal)

    {"write": _watch_writes, "upload": _watch_uploads, "statement": _watch_statements}[place](reached)


def _strike(place: str, what: str, number: int) -> None:
    line = {"event": "struck", "level": "info", "timestamp": "", "place": place, "what": what}
    print(json.dumps(line), file=sys.stderr, flush=True)
    os.kill(os.getpid(), number)


def _watch_writes(reached: Callable[[str], None]) -> None:
    """Count what the two stores write; a write that is made of another is one."""
    from job.artifacts.folder import LocalStore
    from job.artifacts.s3 import S3Store

    inside = threading.local()

    def watched(write: Callable[..., Any]) -> Callable[..., Any]:
        def writes(store: object, key: str, *arguments: Any, **named: Any) -> Any:
            # A restart steps over the attempts before it, which differ in number: the first look alone counts.
            is_step = "/attempts/" in key and write.__name__ == "create" and not key.endswith("/1.json")
            if getattr(inside, "is_writing", False) or is_step:
                return write(store, key, *arguments, **named)
            reached(key)
            inside.is_writing = True
            try:
                return write(store, key, *arguments, **named)
            finally:
                inside.is_writing = False

        return writes

    for kind in (LocalStore, S3Store):
        for name in WRITES:
            setattr(kind, name, watched(getattr(kind, name)))


def _watch_uploads(reached: Callable[[str], None]) -> None:
    """Count bodies that are sent, and let half of one go before the count."""
    send = http.client.HTTPConnection.send

    def sends(connection: http.client.HTTPConnection, data: Any) -> None:
        body = data.read() if hasattr(data, "read") else bytes(data)
        if not body or body.startswith(_REQUEST_LINES):
            send(connection, body)
            return
        half = len(body) // 2
        send(connection, body[:half])
        time.sleep(SEND_S)
        reached("")
        send(connection, body[half:])

    http.client.HTTPConnection.send = sends  # type: ignore[method-assign, assignment]


def _watch_statements(reached: Callable[[str], None]) -> None:
    """Count statements, COPYs and what they send, and the ends of transactions."""
    import psycopg

    def watch(kind: Any, name: str, words: str) -> None:
        acts = getattr(kind, name)

        def watched(self: object, *arguments: Any, **named: Any) -> Any:
            reached(words)
            return acts(self, *arguments, **named)

        setattr(kind, name, watched)

    watch(psycopg.Cursor, "execute", "execute")
    watch(psycopg.Cursor, "copy", "copy")
    watch(psycopg.Copy, "write", "write")
    watch(psycopg.Transaction, "__exit__", "commit")
