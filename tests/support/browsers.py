"""Debian's Chromium, driven by Playwright; and what axe finds on a page."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def browser() -> Iterator[Any]:
    """A browser; skips where it, or what drives it, is absent."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=list(ARGUMENTS))
        yield opened
        opened.close()


def axe_source() -> str:
    """The text of axe-core, from the wheel that carries it."""
    found = find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-playwright-python is not installed")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def until(page: Any, expression: str, *, seconds: float = 60.0) -> None:
    """Wait for an expression to hold, asked from outside: the page itself may not evaluate text."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"never: {expression}"
        page.wait_for_timeout(50)


class WatchedPage:
    """A page, and all that went wrong on it: console, exceptions, refused scripts, and requests to others."""

    def __init__(self, opened: Any, address: str, *, width: int = 1280, theme: str = "light") -> None:
        context = opened.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
        self.page = context.new_page()
        self.faults: list[str] = []
        self._address = address
        self.page.on("console", lambda m: self.faults.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._check)

    def show(self, path: str) -> Any:
        """Open a path, and wait for its heading."""
        self.page.goto(self._address + path)
        self.page.wait_for_selector("#heading", timeout=60_000)
        self.page.wait_for_load_state("networkidle", timeout=60_000)
        return self.page

    def findings(self) -> list[str]:
        """What axe calls serious or critical."""
        self.page.evaluate(axe_source())
        found = self.page.evaluate("axe.run()")["violations"]
        return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found if each["impact"] in _BAD]

    def close(self) -> None:
        """Close it."""
        self.page.context.close()

    def _check(self, request: Any) -> None:
        if not request.url.startswith((self._address, "data:", "blob:")):
            self.faults.append(f"a request to {request.url}")


_BAD = ("serious", "critical")
