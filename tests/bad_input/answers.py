"""Answers of somebody who is not Binance, or is Binance on a bad day: REST and archive, over real HTTP."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from job.data.binance_archive import BinanceArchive
from job.data.binance_rest import BinanceRest
from job.data.klines import MarketKey
from job.data.patience import Patience
from job.errors import ConfigError, DataError, ExchangeUnavailable, JobError, NoDataError
from job.intervals import DAY_MS, floor_day
from tests.bad_input.registry import MEBIBYTE, BadInput
from tests.support.binance_server import BinanceServer, running_binance
from tests.support.klines import START_MS, random_klines

Feed = Callable[[Path], object]
KLINES = random_klines(600)
NOW_MS = int(KLINES.open_time[-1]) + 1_000
KEY = MarketKey(venue="binance-perp", symbol="SOLUSDT", interval="5m")
PATIENCE = Patience(max_attempts=2, sleep=lambda seconds: None, draw=lambda: 0.5)
LONG_MESSAGE = json.dumps({"code": 1, "msg": "x" * MEBIBYTE}).encode()
ROW = [START_MS, "1", "1", "1", "1", "1", START_MS + 299_999, "0", 1, "0", "0", "0"]


def _running(plan: Callable[[BinanceServer], None], use: Callable[[BinanceServer], object]) -> Feed:
    def feed(_: Path) -> object:
        with running_binance(
            now_ms=NOW_MS, markets={("perp", "SOLUSDT", "5m"): KLINES}, published_until_ms=floor_day(NOW_MS)
        ) as server:
            plan(server)
            return use(server)

    return feed


def _page(server: BinanceServer) -> object:
    with BinanceRest(market="perp", base_url=server.url, patience=PATIENCE) as rest:
        return list(rest.pages("SOLUSDT", "5m", START_MS, START_MS + DAY_MS))


def _file(server: BinanceServer) -> object:
    with BinanceArchive(market="perp", now_ms=NOW_MS, base_url=server.url, patience=PATIENCE) as archive:
        return list(archive.files(KEY, START_MS, START_MS + DAY_MS))


def rest(name: str, outcome: type[JobError], words: str, **answer: Any) -> BadInput:
    """The answer to every request for bars."""
    plan = _running(lambda server: server.fail("klines", times=99, **answer), _page)
    return BadInput(kind="answer (REST)", name=name, feed=plan, outcome=outcome, words=words)


def bars(name: str, words: str, *rows: object) -> BadInput:
    """Rows that are no bars."""
    return rest(name, DataError, words, body=json.dumps(rows).encode())


def clock(name: str, body: bytes, outcome: type[JobError] = ConfigError, words: str = "states no time") -> BadInput:
    """The answer to the question for the time."""
    plan = _running(lambda server: server.fail("time", times=9, body=body), _page)
    return BadInput(kind="answer (REST)", name=name, feed=plan, outcome=outcome, words=words)


def archive(name: str, outcome: type[JobError], words: str, *, path: str = r"\.zip$", **answer: Any) -> BadInput:
    """The answer to every request for a file, or for its checksum."""
    plan = _running(lambda server: server.fail(path, times=9, **answer), _file)
    return BadInput(kind="answer (archive)", name=name, feed=plan, outcome=outcome, words=words)


INPUTS = (
    rest("a page of a proxy", ExchangeUnavailable, "an answer that is not JSON", body=b"<html>"),
    rest("cut in the middle", ExchangeUnavailable, "failed 2 times", body=json.dumps([ROW] * 50).encode(), is_cut=True),
    rest("says gzip and is none", ExchangeUnavailable, "failed 2", body=b"xx", headers={"Content-Encoding": "gzip"}),
    rest("20 megabytes", DataError, "is larger than", body=b" " * (20 * MEBIBYTE)),
    rest("nothing", DataError, "does not hold klines", body=b""),
    rest("an object", DataError, "does not hold klines", body=b'{"code": 0}'),
    rest("text", DataError, "does not hold klines", body=b'"bars"'),
    rest("nested 100,000 deep", ExchangeUnavailable, "not JSON", body=b"[" * 100_000),
    bars("rows that are numbers", "does not hold klines", 1, 2),
    bars("rows too short", "does not hold klines", ROW[:4]),
    bars("text for a price", "does not hold klines", [START_MS, "high", "1", "1", "1", "1"]),
    bars("null for a price", "not a finite number", [START_MS, None, "1", "1", "1", "1"]),
    bars("a list for a price", "does not hold klines", [START_MS, ["1"], "1", "1", "1", "1"]),
    bars("NaN", "not a finite number", [START_MS, "nan", "1", "1", "1", "1"]),
    bars("a negative price", "not above zero", [START_MS, "-1", "1", "1", "1", "1"]),
    bars("high below low", "high is below low", [START_MS, "2", "1", "3", "2", "1"]),
    bars("microseconds", "not in milliseconds", [START_MS * 1_000, "1", "1", "1", "1", "1"]),
    bars("a stamp of 30 digits", "does not hold klines", [10**30, "1", "1", "1", "1", "1"]),
    bars("off the grid", "off the 5m grid", [START_MS + 1, "1", "1", "1", "1", "1"]),
    bars("the same bar twice", "occurs twice", ROW, ROW),
    bars("bars backwards", "goes backwards", [START_MS + 300_000, *ROW[1:]], ROW),
    rest("400, a refusal in HTML", ConfigError, "HTTP 400", status=400, body=b"<html>"),
    rest("400, no such symbol", NoDataError, "has no symbol", status=400, body=b'{"code":-1121,"msg":"no"}'),
    rest(
        "400, a message of a megabyte",
        ConfigError,
        "HTTP 400",
        status=400,
        body=b'{"code":1,"msg":"' + b"x" * MEBIBYTE + b'"}',
    ),
    rest("403", NoDataError, "refuses requests from this location", status=403),
    rest("418 for two hours", ExchangeUnavailable, "121 minutes", status=418, headers={"Retry-After": "7201"}),
    rest("429", ExchangeUnavailable, "too many requests", status=429),
    rest("429 until the end of time", ExchangeUnavailable, "minutes", status=429, headers={"Retry-After": "9" * 30}),
    rest("429 with a negative wait", ExchangeUnavailable, "too many", status=429, headers={"Retry-After": "-5"}),
    rest("451", NoDataError, "refuses requests from this location", status=451),
    rest("503 in a list", ExchangeUnavailable, "HTTP 503", status=503, body=b"[]"),
    rest("302 in a circle", ExchangeUnavailable, "failed", status=302, headers={"Location": "/fapi/v1/klines"}),
    rest("302 to a file", ExchangeUnavailable, "failed", status=302, headers={"Location": "file:///etc/passwd"}),
    clock("a clock of text", b'{"serverTime": "now"}'),
    clock("a clock in microseconds", b'{"serverTime": 1735689600000000000}'),
    clock("a list for the clock", b"[]"),
    archive("a page of a proxy for a file", DataError, "does not match its published checksum", body=b"<html>"),
    archive("cut in the middle", ExchangeUnavailable, "failed 2 times", body=b"x" * 100_000, is_cut=True),
    archive("a checksum of text", ConfigError, "a checksum file holds none", path=r"CHECKSUM$", body=b"<html>"),
    archive("a checksum of a megabyte", DataError, "is larger than", path=r"CHECKSUM$", body=b"0" * MEBIBYTE),
    archive("403", NoDataError, "refuses requests from this location", path=r"CHECKSUM$", status=403),
    archive("418", ExchangeUnavailable, "banned", path=r"CHECKSUM$", status=418),
    archive("500", ExchangeUnavailable, "HTTP 500", path=r"CHECKSUM$", status=500),
)
