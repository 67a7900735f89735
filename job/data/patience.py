"""Asking a server again, a bounded number of times, as politely as it demands. Knows HTTP, not klines."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import requests

from job import interruption
from job.errors import ConfigError, ExchangeUnavailable

Answer = TypeVar("Answer")

RATE_LIMITED = 429
BANNED = 418  # Binance's word for those who went on after 429
REQUEST_TIMEOUT = 408
RATE_WINDOW_S = 60.0  # limits are counted by the minute


@dataclass(frozen=True, kw_only=True)
class Setback:
    """An attempt that failed, and may succeed later.

    Parameters
    ----------
    reason : for people, without addresses.
    wait_s : what the server asked for, in seconds; None leaves it to us.
    """

    reason: str
    wait_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often and how long to try.

    Parameters
    ----------
    max_attempts : attempts in all.
    first_wait_s : wait after the first failure; it doubles with every further one.
    longest_wait_s : a server that asks for more is not waited for. Binance's shortest ban is 120 s.
    sleep, draw : waiting, and a number in [0, 1) that spreads the waits of many clients.
    """

    max_attempts: int = 6
    first_wait_s: float = 1.0
    longest_wait_s: float = 150.0
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = random.random

    def ask(self, attempt: Callable[[], Answer | Setback], *, host: str) -> Answer:
        """The first answer of ``attempt`` that is no `Setback`.

        Raises
        ------
        ExchangeUnavailable
            After the last attempt, or at once when the server asks for too long a wait.
        """
        reason = ""
        for number in range(1, self.max_attempts + 1):
            with interruption.at_once():  # who stops does not wait for a server that says nothing
                answer = attempt()
            if not isinstance(answer, Setback):
                return answer
            reason = answer.reason
            if answer.wait_s is not None and answer.wait_s > self.longest_wait_s:
                minutes = int(-(-answer.wait_s // 60))
                raise ExchangeUnavailable(
                    f"{host} does not serve this address for another {minutes} minutes ({reason}).",
                    remedy="Run the same command after that: it goes on from the last stored bar.",
                )
            if number < self.max_attempts:
                self.sleep(self._wait_s(answer, number))
        raise ExchangeUnavailable(
            f"{host} failed {self.max_attempts} times in a row ({reason}).",
            remedy="Run the same command later: it goes on from the last stored bar.",
        )

    def _wait_s(self, setback: Setback, number: int) -> float:
        """Never less than the server asked for; otherwise between half and all of the doubled wait."""
        if setback.wait_s is not None:
            return setback.wait_s + self.draw()
        doubled_s = self.first_wait_s * 2.0 ** (number - 1)
        return min(self.longest_wait_s, doubled_s) * (1 + self.draw()) / 2


def setback_of(response: requests.Response) -> Setback | None:
    """Why a response that carries no answer may be followed by one that does, or None."""
    status = response.status_code
    if status in (RATE_LIMITED, BANNED):
        asked = response.headers.get("Retry-After", "")
        return Setback(
            reason="too many requests" if status == RATE_LIMITED else "banned for too many requests",
            wait_s=float(asked) if asked.isascii() and asked.isdigit() else RATE_WINDOW_S,
        )
    if status >= 500 or status == REQUEST_TIMEOUT:
        return Setback(reason=f"HTTP {status}")
    return None


def setback_of_error(error: requests.RequestException) -> Setback:
    """Why a request that got no response may get one later."""
    if isinstance(error, requests.exceptions.SSLError):
        return Setback(reason="no trusted TLS connection")
    if isinstance(error, requests.Timeout):
        return Setback(reason="no answer in time")
    if isinstance(error, requests.ConnectionError):
        return Setback(reason="no connection")
    return Setback(reason=f"a broken answer, {type(error).__name__}")


def checked_base_url(url: str, *, flag: str) -> str:
    """``url`` without a final slash; `ConfigError` unless it is an http(s) address of a host."""
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        raise ConfigError(f"The value of {flag} is no http or https address.", remedy=f"Correct {flag}.")
    return url.rstrip("/")


def host_of(url: str) -> str:
    """The host of ``url`` alone: an address may hold a password."""
    return urlsplit(url).hostname or ""
