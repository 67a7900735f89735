"""What the image of the pages must do: be small, hold no trainer, and serve what the demo has stored."""

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.images.engine import Engine, memory
from tests.images.trainer import MEGABYTE, RUN, Check, installed, licensed, python

DASHBOARD = "localhost/lorentzian-trainer-dashboard:check"
LARGEST_MB = 320  # above its base
NOT_WANTED = {"torch", "psycopg", "psycopg-binary", "pandas", "pyarrow", "pip", "scipy", "scikit-learn", "matplotlib"}
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Served:
    """The pages of a running container."""

    container: str
    port: int

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of one answer; 0 where nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        except OSError:
            return 0, ""
        finally:
            connection.close()


@contextmanager
def serving(engine: Engine) -> Iterator[Served]:
    """The dashboard over the results of the demo, which it may not change."""
    # The health check knows one port. Its own image says so, and no other process of this machine should have it.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 8050))
    options = ("--network=host", f"--volume={engine.folder / 'results'}:/results:ro")
    arguments = ("dashboard", "--save-path=/results", "--host=127.0.0.1", "--metrics-port=0")
    with engine.started(DASHBOARD, *arguments, options=options) as container:
        yield Served(container=container, port=8050)


def holds_no_trainer(engine: Engine) -> str:
    """What trains, reads a database or installs is not in it."""
    found = {name.partition("==")[0] for name in installed(engine, DASHBOARD)}
    assert not found & NOT_WANTED, found & NOT_WANTED
    assert python(engine, DASHBOARD, "import pip").code == 1
    return f"{len(found)} packages"


def says_whose_work_it_is(engine: Engine) -> str:
    """The list of its own packages."""
    return f"{licensed(engine, DASHBOARD)} packages"


def serves_the_demo(engine: Engine) -> str:
    """Its pages answer, it knows the demo's run, its health check passes, and SIGTERM ends it with 0."""
    start = time.monotonic()
    with serving(engine) as served:
        while served.get("/readyz")[0] != 200:
            assert time.monotonic() - start < _PATIENCE_SECONDS, engine.logs(served.container)
            time.sleep(0.1)
        ready = time.monotonic() - start
        assert served.get("/healthz")[0] == 200
        status, page = served.get("/")
        assert (status, "<html" in page) == (200, True), (status, page[:500])
        engine.podman("healthcheck", "run", served.container)
        assert served.get(f"/run/{RUN}")[0] == 200
        used = (memory(served.container) or 0) / MEGABYTE
        code = engine.stop(served.container, seconds=30)
        assert code == 0, engine.logs(served.container)
    return f"ready after {ready:.1f} s, {used:,.0f} MB of memory"


CHECKS = (
    Check(claim="it holds nothing that trains", ask=holds_no_trainer),
    Check(claim="it says whose work is in it", ask=says_whose_work_it_is),
    Check(claim="it serves what the demo has stored", ask=serves_the_demo),
)
