"""A real Pushgateway for tests, on loopback, gone when the block ends."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.seaweedfs import free_ports
from tests.support.waiting import answers, wait_until

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
            wait_until(lambda: answers(f"http://127.0.0.1:{port}/-/ready"), timeout_s=START_SECONDS)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
