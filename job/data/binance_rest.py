"""Closed klines and funding from Binance's REST interface, through python-binance.

Paging is our own: the library's historical generator can ask for the same page for ever. Knows nothing of
storage. Prices are strings in Binance's answers and become the nearest float64.
"""

import asyncio
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from time import time
from types import TracebackType
from typing import Any, NoReturn, Self

import numpy as np
import requests

from job.data.binance_markets import MARKETS, BinanceMarket, MarketName
from job.data.funding_rates import funding_of_answer
from job.data.klines import Klines, check_klines
from job.data.outside_series import OutsideSeries
from job.data.patience import Patience, Setback, checked_base_url, host_of, setback_of, setback_of_error
from job.errors import ConfigError, DataError, NoDataError
from job.intervals import MINUTE_MS, interval_ms

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports names that its websockets has deprecated
    from binance.client import Client
    from binance.exceptions import BinanceAPIException, BinanceRequestException

REQUEST_TIMEOUT_S = 10.0
REFUSED_LOCATION = (403, 451)  # 403 is how the firewall before the same servers says it
UNKNOWN_SYMBOL = -1121
WEIGHT_SHARE = 0.5  # of the limit: other programs may use the same address
FUNDING_PAGE = 1_000  # settlements in one answer, of all markets
MAX_ANSWER_BYTES = 16 * 1024 * 1024  # the largest page of bars is a third of a megabyte
MAX_REDIRECTS = 3
LATEST_OPEN_MS = 10**14  # the year 5138
NUM_COLUMNS = 6  # open_time, open, high, low, close, volume; what follows is not used


class BinanceRest:
    """One market's klines and funding; use it as a context manager, or `close` it.

    Parameters
    ----------
    market : "perp" or "spot"
    base_url : str or None
        Another endpoint than Binance's own, e.g. ``https://data-api.binance.vision``.
    patience : Patience
        How often and how long failed requests are tried again.
    """

    def __init__(self, *, market: MarketName, base_url: str | None = None, patience: Patience | None = None) -> None:
        self._market = MARKETS[market]
        url = checked_base_url(base_url or self._market.rest_url, flag="--base-url")
        self._host = host_of(url)
        self._patience = patience or Patience()
        self._client = _open_client(self._market, url)
        self._used_weight = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the server."""
        self._client.close_connection()

    def closed_until_ms(self, interval: str) -> int:
        """Bars that open before this time, UTC ms, have closed by the server's clock."""
        return self._server_time_ms - self._server_time_ms % interval_ms(interval)

    def pages(self, symbol: str, interval: str, start_ms: int, end_ms: int) -> Iterator[Klines]:
        """Closed bars that open in [start_ms, end_ms), oldest first, a non-empty page at a time.

        Ends at the last bar that the server has, or when an answer brings nothing new: bars that are
        missing then are missing at Binance.

        Raises
        ------
        NoDataError
            Binance does not know the symbol, or refuses this location.
        DataError
            An answer holds bars that break a rule of `Klines`.
        ConfigError
            Binance refuses the request for another reason.
        ExchangeUnavailable
            No answer after bounded retries.
        """
        ask = self._client.get_klines if self._market.name == "spot" else self._client.futures_klines
        end_ms = min(end_ms, self.closed_until_ms(interval))
        while start_ms < end_ms:
            rows = self._ask(
                ask,
                symbol=symbol,
                interval=interval,
                startTime=start_ms,
                endTime=end_ms - 1,
                limit=self._market.page_bars,
            )
            where = f"Binance's answer for {symbol} {interval}"
            page = _to_klines(rows, interval, where=where).between(start_ms, end_ms)
            if not len(page):
                return
            yield page
            start_ms = int(page.available_at[-1])

    def funding(self, symbol: str, start_ms: int, end_ms: int) -> Iterator[OutsideSeries]:
        """Funding of a perpetual that was settled in [start_ms, end_ms), oldest first, a non-empty page at a time.

        Raises
        ------
        As `pages` does.
        """
        assert self._market.name == "perp", "spot markets have no funding"
        while start_ms < end_ms:
            answer = self._ask(
                self._client.futures_funding_rate,
                symbol=symbol,
                startTime=start_ms,
                endTime=end_ms - 1,
                limit=FUNDING_PAGE,
            )
            page = funding_of_answer(answer, where=f"Binance's funding of {symbol}").between(start_ms, end_ms)
            if not len(page):
                return
            yield page
            start_ms = int(page.event_time[-1]) + MINUTE_MS  # its own stamp may lie some milliseconds after its minute

    @cached_property
    def _server_time_ms(self) -> int:
        """The server's clock when it was first asked: a bar closed then is closed now."""
        ask = self._client.get_server_time if self._market.name == "spot" else self._client.futures_time
        answer = self._ask(ask)
        server_time = answer.get("serverTime") if isinstance(answer, dict) else None
        if not isinstance(server_time, int) or not 0 < server_time < LATEST_OPEN_MS:
            raise ConfigError(
                f"{self._host} does not answer like Binance: it states no time.", remedy="Correct --base-url."
            )
        return server_time

    def _ask(self, call: Callable[..., Any], **parameters: object) -> Any:
        """The decoded answer of one call of the client, after as many attempts as patience allows."""
        if self._used_weight >= WEIGHT_SHARE * self._market.weight_per_minute:
            self._patience.sleep(60.0 - time() % 60.0)  # the count starts anew with the minute

        def attempt() -> Any:
            try:
                answer = call(**parameters)
            except requests.RequestException as error:
                return setback_of_error(error)
            # AttributeError: the library's exception expects every error body to be a JSON object.
            except (BinanceAPIException, BinanceRequestException, AttributeError, RecursionError):
                return self._setback_or_raise(self._client.response, symbol=parameters.get("symbol"))
            used = self._client.response.headers.get("X-MBX-USED-WEIGHT-1M", "")
            self._used_weight = float(used) if used.isascii() and used.isdigit() else 0.0
            return answer

        return self._patience.ask(attempt, host=self._host)

    def _setback_or_raise(self, response: requests.Response, *, symbol: object) -> Setback:
        """Why a response without an answer may be followed by one; otherwise our error for it."""
        if response.ok:
            return Setback(reason="an answer that is not JSON")
        return setback_of(response) or self._refuse(response, symbol=symbol)

    def _refuse(self, response: requests.Response, *, symbol: object) -> NoReturn:
        status = response.status_code
        if status in REFUSED_LOCATION:
            raise NoDataError(
                f"Binance refuses requests from this location (HTTP {status} from {self._host}):",
                remedy="use another endpoint with --base-url, or the public files with --source archive.",
            )
        code, message = _error_body(response)
        if code == UNKNOWN_SYMBOL:
            other: MarketName = "perp" if self._market.name == "spot" else "spot"
            raise NoDataError(
                f"Binance's {self._market.name} market has no symbol {symbol}.",
                remedy=f"Check --symbol, or try --market {other} --venue binance-{other}.",
            )
        raise ConfigError(
            f"{self._host} refused the request with HTTP {status}{message and f' ({message})'}.",
            remedy="Check --base-url, --symbol and --interval.",
        )


def _open_client(market: BinanceMarket, url: str) -> Client:
    """The library's client, aimed at ``url``; nothing is sent yet."""
    loop = asyncio.new_event_loop()  # the client wants one for websockets, which are never used here
    asyncio.set_event_loop(loop)
    try:
        client = Client(ping=False, requests_params={"timeout": REQUEST_TIMEOUT_S})
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    client.session.max_redirects = MAX_REDIRECTS
    client.session.hooks["response"].append(_bound_body)
    if market.name == "spot":
        client.API_URL = url + market.rest_path
    else:
        client.FUTURES_URL = url + market.rest_path
    return client


@dataclass(frozen=True)
class _BoundedBody:
    """The body of a response, which must come to an end: the library reads it whole before anybody can look at it."""

    raw: Any

    def stream(self, amount: int, decode_content: bool = True) -> Iterator[bytes]:
        num_bytes = 0
        for piece in self.raw.stream(amount, decode_content=decode_content):
            num_bytes += len(piece)
            if num_bytes > MAX_ANSWER_BYTES:
                raise DataError(
                    f"An answer of the API is larger than {MAX_ANSWER_BYTES:,} bytes.", remedy="Check --base-url."
                )
            yield piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


def _bound_body(response: requests.Response, *_: object, **__: object) -> None:
    response.raw = _BoundedBody(response.raw)


def _error_body(response: requests.Response) -> tuple[int, str]:
    """Binance's code and message of an error, or 0 and nothing."""
    try:
        body = response.json()
        return int(body["code"]), " ".join(str(body["msg"]).split())[:200]
    except (ValueError, TypeError, KeyError):
        return 0, ""


def _to_klines(rows: object, interval: str, *, where: str) -> Klines:
    """Checked bars of an answer: a list of lists, times as integers, prices as strings."""
    try:
        if not isinstance(rows, list):
            raise TypeError("not a list")
        cells = [row[:NUM_COLUMNS] for row in rows]
        open_time = np.array([int(row[0]) for row in cells], dtype=np.int64)
        values = np.array([row[1:] for row in cells], dtype=np.float64).reshape(-1, NUM_COLUMNS - 1)
    except (TypeError, ValueError, LookupError, OverflowError) as error:
        raise DataError(f"{where} does not hold klines.", remedy="Check --base-url.") from error
    if ((open_time <= 0) | (open_time >= LATEST_OPEN_MS)).any():
        raise DataError(f"{where} holds a time that is not in milliseconds.", remedy="Check --base-url.")
    names = ("open", "high", "low", "close", "volume")
    columns = dict(zip(names, values.T.copy(), strict=True))
    return check_klines(Klines(interval=interval, open_time=open_time, **columns), where=where)
