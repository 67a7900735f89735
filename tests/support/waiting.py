"""Wait for something that another process does."""

import time
import urllib.request
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], *, timeout_s: float = 120.0) -> None:
    """Look again until it holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.05)


def answers(address: str) -> bool:
    """Whether a server is ready at this address."""
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except OSError:
        return False
    return True
