"""A stand-in for Binance on 127.0.0.1: klines over REST, the server's clock, and the public archive.

It keeps what makes the real one hard: pages with a limit, a last bar that is still open, weights, and whatever
`BinanceServer.fail` plans. Archive files and their checksums are made on demand from the bars it was given.
"""

import gzip
import hashlib
import io
import json
import re
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from job.data.klines import Klines
from job.intervals import interval_ms

REST_PATHS = {
    "/api/v3/klines": ("spot", 1000),
    "/fapi/v1/klines": ("perp", 1500),
}
ARCHIVE_PATH = re.compile(
    r"/data/(?P<market>spot|futures/um)/(?P<folder>monthly|daily)/klines/(?P<symbol>[^/]+)/(?P<interval>[^/]+)/"
    r"(?P=symbol)-(?P=interval)-(?P<stamp>\d{4}-\d{2}(-\d{2})?)\.zip(?P<checksum>\.CHECKSUM)?"
)
FUNDING_PATH = "/fapi/v1/fundingRate"
FUNDING_LIMIT = 1000
FUNDING_FILE = re.compile(
    r"/data/futures/um/monthly/fundingRate/(?P<symbol>[^/]+)/(?P=symbol)-fundingRate-(?P<stamp>\d{4}-\d{2})\.zip"
    r"(?P<checksum>\.CHECKSUM)?"
)
ARCHIVE_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)


@dataclass(kw_only=True)
class Fault:
    """An answer given instead of the right one to the next ``times`` requests that the pattern ``path`` meets."""

    path: str
    times: int
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    is_cut: bool = False


@dataclass(kw_only=True)
class BinanceServer:
    """What the server holds and how it behaves; tests change it while it runs.

    Parameters
    ----------
    now_ms : the server's clock, UTC ms; bars that open later do not exist yet.
    markets : bars by (market, symbol, interval).
    funding : time in ms and rate of each settlement, by symbol; REST stamps them as they are, files 5 ms later.
    published_until_ms : daily archive files exist for days that end by then, monthly ones for such months.
    has_header, is_microseconds : form of the archive files.
    repeats_page : every page is the first one again.
    used_weight : what the weight header says.
    """

    now_ms: int
    markets: dict[tuple[str, str, str], Klines]
    funding: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    published_until_ms: int = 0
    monthly_until_ms: int | None = None
    has_header: bool = True
    is_microseconds: bool = False
    repeats_page: bool = False
    used_weight: int = 1
    page_delay_s: float = 0.0
    edit_archive_text: Callable[[str], str] = lambda text: text
    url: str = ""
    requests: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def fail(self, path: str, *, times: int = 1, **answer: Any) -> None:
        """Plan a `Fault`; planned ones are used up in order."""
        self.faults.append(Fault(path=path, times=times, **answer))

    def asked(self, part: str) -> list[str]:
        """The requests so far that contain ``part``, oldest first."""
        return [request for request in self.requests if part in request]

    def next_fault(self, path: str) -> Fault | None:
        """The fault planned for this request, if any."""
        for fault in self.faults:
            if fault.times > 0 and re.search(fault.path, path):
                fault.times -= 1
                return fault
        return None

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, bytes]:
        """Status and body of a request that no fault meets."""
        if path in ("/api/v3/time", "/fapi/v1/time"):
            return 200, json.dumps({"serverTime": self.now_ms}).encode()
        if path in REST_PATHS:
            time.sleep(self.page_delay_s)
            return self._rest(*REST_PATHS[path], query)
        if path == FUNDING_PATH:
            return self._funding(query)
        match = ARCHIVE_PATH.fullmatch(path)
        data = self._archive(match) if match else None
        if match is None:
            match = FUNDING_FILE.fullmatch(path)
            data = self._funding_file(match) if match else None
        if match is None or data is None:
            return 404, b"<Error><Code>NoSuchKey</Code></Error>"
        if match["checksum"]:
            name = path.rpartition("/")[2].removesuffix(".CHECKSUM")
            return 200, f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode()
        return 200, data

    def _rest(self, market: str, largest_limit: int, query: dict[str, str]) -> tuple[int, bytes]:
        klines = self.markets.get((market, query["symbol"], query["interval"]))
        if klines is None:
            return 400, b'{"code":-1121,"msg":"Invalid symbol."}'
        limit = min(int(query.get("limit", 500)), largest_limit)
        start_ms = 0 if self.repeats_page else int(query.get("startTime", 0))
        end_ms = min(int(query.get("endTime", self.now_ms)), self.now_ms)
        page = klines.between(start_ms, end_ms + 1).select(slice(limit))
        return 200, json.dumps(list(_rows(page, 1))).encode()

    def _funding(self, query: dict[str, str]) -> tuple[int, bytes]:
        start_ms = 0 if self.repeats_page else int(query["startTime"])
        end_ms = min(int(query["endTime"]), self.now_ms)
        limit = min(int(query["limit"]), FUNDING_LIMIT)
        settled = [(t, r) for t, r in self.funding.get(query["symbol"], []) if start_ms <= t <= end_ms][:limit]
        rows = [
            {"symbol": query["symbol"], "fundingTime": time_ms, "fundingRate": rate, "markPrice": "1.0"}
            for time_ms, rate in settled
        ]
        return 200, json.dumps(rows).encode()

    def _funding_file(self, match: re.Match[str]) -> bytes | None:
        start_ms, end_ms = _month_bounds(match["stamp"])
        settled = [(t, r) for t, r in self.funding.get(match["symbol"], []) if start_ms <= t < end_ms]
        if not settled or end_ms > self.published_until_ms:
            return None
        return archive_zip(
            f"{match['symbol']}-fundingRate-{match['stamp']}.csv", self.edit_archive_text(funding_text(settled))
        )

    def _archive(self, match: re.Match[str]) -> bytes | None:
        market = "spot" if match["market"] == "spot" else "perp"
        klines = self.markets.get((market, match["symbol"], match["interval"]))
        start_ms, end_ms = _month_bounds(match["stamp"])
        until_ms = self.published_until_ms
        if match["folder"] == "monthly" and self.monthly_until_ms is not None:
            until_ms = self.monthly_until_ms
        if klines is None or end_ms > until_ms:
            return None
        held = klines.between(start_ms, end_ms)
        if not len(held):
            return None
        text = archive_text(held, has_header=self.has_header, is_microseconds=self.is_microseconds)
        name = f"{match['symbol']}-{match['interval']}-{match['stamp']}.csv"
        return archive_zip(name, self.edit_archive_text(text))


def _month_bounds(stamp: str) -> tuple[int, int]:
    """First millisecond of the month or day of a file's name, and of the one after."""
    start = np.datetime64(stamp)
    first_ms, next_ms = (int(t.astype("datetime64[ms]").astype(np.int64)) for t in (start, start + 1))
    return first_ms, next_ms


def funding_text(settled: list[tuple[int, str]]) -> str:
    """Settlements in the three columns of an archive file."""
    lines = ["calc_time,funding_interval_hours,last_funding_rate"]
    return "\n".join(lines + [f"{time_ms + 5},8,{rate}" for time_ms, rate in settled]) + "\n"


def _rows(klines: Klines, unit: int) -> Iterator[list[object]]:
    """Rows in Binance's twelve columns; ``unit`` is the number of time units in a millisecond."""
    step_ms = interval_ms(klines.interval)
    columns = (klines.open, klines.high, klines.low, klines.close, klines.volume)
    for i, open_time in enumerate(klines.open_time.tolist()):
        values = [repr(float(column[i])) for column in columns]
        yield [open_time * unit, *values, (open_time + step_ms) * unit - 1, "0.0", 1, "0.0", "0.0", "0"]


def archive_text(klines: Klines, *, has_header: bool, is_microseconds: bool) -> str:
    """The bars in the twelve columns of an archive file."""
    lines = [",".join(map(str, row)) for row in _rows(klines, 1000 if is_microseconds else 1)]
    return "\n".join([ARCHIVE_HEADER] * has_header + lines) + "\n"


def archive_zip(name: str, text: str | bytes) -> bytes:
    """A zip that holds one file, with the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), text)
    return buffer.getvalue()


def csv_text(klines: Klines) -> str:
    """The bars in our own form."""
    lines = ["open_time,open,high,low,close,volume"]
    lines += [",".join(map(str, row[:6])) for row in _rows(klines, 1)]
    return "\n".join(lines) + "\n"


def csv_gz(klines: Klines) -> bytes:
    """The bars in our own form, compressed."""
    return gzip.compress(csv_text(klines).encode(), mtime=0)


@contextmanager
def running_binance(**settings: Any) -> Iterator[BinanceServer]:
    """A `BinanceServer` that answers at its ``url`` until the block ends."""
    state = BinanceServer(**settings)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else an answer in two writes waits 40 ms for its acknowledgement

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            state.requests.append(self.path)
            fault = state.next_fault(self.path)
            if fault is None:
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                status, body = state.answer(parts.path, query)
                fault = Fault(path="", times=0, status=status, body=body)
            time.sleep(fault.delay_s)
            self.send_response(fault.status)
            self.send_header("Content-Length", str(len(fault.body)))
            self.send_header("X-MBX-USED-WEIGHT-1M", str(state.used_weight))
            for name, value in fault.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(fault.body[: len(fault.body) // 2] if fault.is_cut else fault.body)
            self.close_connection |= fault.is_cut

        def log_message(self, format: str, *arguments: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
