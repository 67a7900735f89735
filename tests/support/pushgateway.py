"""A real Pushgateway for tests, on loopback, gone when the block ends."""

import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.seaweedfs import free_ports

START_SECONDS = 20.0


def pushgateway_executable() -> str | None:
    """Debian's, or the project's own; None when neither is installed."""
    return shutil.which("prometheus-pushgateway") or shutil.which("pushgateway")


@contextmanager
def pushgateway() -> Iterator[str]:
    """The address of a gateway that knows nothing yet."""
    executable = pushgateway_executable()
    if executable is None:
        raise FileNotFoundError("prometheus-pushgateway")
    (port,) = free_ports(1)
    command = [executable, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/-/ready")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
