"""Stores to look at, apps over them, and a store that counts what it is asked and can be away."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dash
from werkzeug.serving import make_server

from dashboard.app import create_app
from dashboard.repository import Repository
from job.artifacts.folder import LocalStore
from job.artifacts.store import MAX_OBJECT_BYTES, ObjectInfo, StoredObject
from job.errors import JobError
from job.settings.dashboard import DashboardSettings
from tests.support.releases import since_release, write_release
from tests.support.runs import example_run
from tests.support.stored_runs import store_run

CACHE_BYTES = 50_000_000
FINISHED, OTHER, RUNNING = "finished-run", "other-run", "running-run"


def write_runs(folder: Path) -> LocalStore:
    """Two finished runs over the same days (one lacks a window), one that is running, and a model in use."""
    store_run(example_run(4), folder, run_id=FINISHED)
    store_run(example_run(4, failed=(1,)), folder, run_id=OTHER)
    write_release(LocalStore(folder), since_release())
    return store_run(example_run(2), folder, run_id=RUNNING, is_finished=False)


@contextmanager
def served(store: LocalStore) -> Iterator[str]:
    """The app over a store, served until the block ends; its address."""
    server = make_server("127.0.0.1", 0, app_over(store).server, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(kw_only=True)
class WatchedStore:
    """Another store's reads, noted by key; raises ``error`` instead while it is set. It cannot write."""

    store: LocalStore
    reads: list[str] = field(default_factory=list)
    num_transferred: int = 0
    error: JobError | None = None

    @property
    def location(self) -> str:
        """The other store's."""
        return self.store.location

    def get(self, key: str, *, max_bytes: int = MAX_OBJECT_BYTES) -> StoredObject | None:
        """Read, and note it."""
        self._note(key)
        self.num_transferred += 1
        return self.store.get(key, max_bytes=max_bytes)

    def reread(self, key: str, known: StoredObject, *, max_bytes: int = MAX_OBJECT_BYTES) -> StoredObject | None:
        """Read again, and note it; what has not changed is not transferred."""
        self._note(key)
        present = self.store.reread(key, known, max_bytes=max_bytes)
        self.num_transferred += present is not known
        return present

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """List, and note it."""
        self._note(f"list {prefix}")
        return self.store.list(prefix)

    def _note(self, what: str) -> None:
        self.reads.append(what)
        if self.error is not None:
            raise self.error


@dataclass(kw_only=True)
class Clock:
    """A clock that stands still until it is set."""

    time_ms: int = 1_764_600_000_000

    def __call__(self) -> int:
        """The time that it was set to."""
        return self.time_ms


def watched_repository(store: LocalStore, clock: Clock | None = None) -> tuple[Repository, WatchedStore]:
    """A fresh repository, and the store that it reads through."""
    watched = WatchedStore(store=store)
    return Repository(watched, max_bytes=CACHE_BYTES, clock=clock or Clock()), watched  # type: ignore[arg-type]


def app_over(store: LocalStore, **settings: Any) -> dash.Dash:
    """The app over a store, with settings that differ from the defaults."""
    return create_app(DashboardSettings(**settings), store)


def text_of(component: Any) -> str:
    """All text in a component, and in what it holds."""
    if component is None or isinstance(component, bool):
        return ""
    if isinstance(component, (str, int, float)):
        return str(component)
    if isinstance(component, (list, tuple)):
        return " ".join(map(text_of, component))
    parts = [getattr(component, name, None) for name in ("title", "children", "label")]
    return " ".join(text_of(part) for part in parts if part is not None)


def classes_in(component: Any) -> set[str]:
    """All class names in a component, and in what it holds."""
    if isinstance(component, (list, tuple)):
        return set().union(*map(classes_in, component)) if component else set()
    own = set(str(getattr(component, "className", "") or "").split())
    children = getattr(component, "children", None)
    return own if children is None or isinstance(children, (str, int, float)) else own | classes_in(children)
