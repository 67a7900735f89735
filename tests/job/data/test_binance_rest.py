import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from job.data.binance_markets import MARKETS
from job.data.binance_rest import BinanceRest
from job.data.klines import Klines
from job.data.patience import Patience
from job.errors import ConfigError, DataError, ExchangeUnavailable, JobError, NoDataError
from job.intervals import MINUTE_MS
from tests.support.binance_server import BinanceServer, running_binance
from tests.support.klines import START_MS, random_klines, without_bars
from tests.support.same_bars import assert_same_bars

STEP_MS = 5 * MINUTE_MS
NUM_BARS = 3_700
KLINES = random_klines(NUM_BARS)
HALF_OPEN_MS = 90_000  # the server's clock stands this far into the last bar


@pytest.fixture
def server() -> Iterator[BinanceServer]:
    """Both markets hold one series, whose last bar is still open."""
    with running_binance(
        now_ms=int(KLINES.open_time[-1]) + HALF_OPEN_MS,
        markets={("spot", "SOLUSDT", "5m"): KLINES, ("perp", "SOLUSDT", "5m"): KLINES},
    ) as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    """Every wait that a client made, in seconds."""
    return []


def _rest(server: BinanceServer, waits: list[float], **settings: Any) -> BinanceRest:
    patience = Patience(sleep=waits.append, draw=lambda: 0.5)
    return BinanceRest(**{"market": "perp", "base_url": server.url, "patience": patience, **settings})


def _collect(rest: BinanceRest, start_ms: int = START_MS, end_ms: int = 2**60) -> list[Klines]:
    with rest:
        return list(rest.pages("SOLUSDT", "5m", start_ms, end_ms))


@pytest.mark.parametrize(("market", "sizes"), [("spot", [1000] * 3 + [699]), ("perp", [1500, 1500, 699])])
def test_pages_are_every_closed_bar_once(
    server: BinanceServer, waits: list[float], market: str, sizes: list[int]
) -> None:
    """Both markets give the whole series in their own page size, without the bar that is open."""
    pages = _collect(_rest(server, waits, market=market))
    assert [len(page) for page in pages] == sizes
    assert_same_bars(pages, KLINES.select(slice(NUM_BARS - 1)))
    assert waits == []


def test_pages_hold_the_asked_span_alone(server: BinanceServer, waits: list[float]) -> None:
    """Bounds are half-open, and times between bars round inwards."""
    pages = _collect(_rest(server, waits), START_MS + 1, START_MS + 4 * STEP_MS)
    assert_same_bars(pages, KLINES.select(slice(1, 4)))
    assert _collect(_rest(server, waits), START_MS + STEP_MS, START_MS + STEP_MS) == []


@pytest.mark.parametrize(("clock_ms", "num_closed"), [(0, 9), (STEP_MS - 1, 9), (STEP_MS, 10)])
def test_closed_is_judged_by_the_servers_clock(
    server: BinanceServer, waits: list[float], clock_ms: int, num_closed: int
) -> None:
    """A bar counts from its close on by the server's time, whatever the end that was asked for."""
    server.now_ms = int(KLINES.open_time[9]) + clock_ms
    assert sum(map(len, _collect(_rest(server, waits)))) == num_closed


def test_a_gap_and_a_late_listing_are_passed_over(server: BinanceServer, waits: list[float]) -> None:
    """Paging goes on behind bars that the server does not have."""
    held = without_bars(KLINES, 1_200, 3_000)
    server.markets["perp", "SOLUSDT", "5m"] = held
    pages = _collect(_rest(server, waits), START_MS - 10**10)
    assert_same_bars(pages, held.select(slice(len(held) - 1)))


@pytest.mark.timeout(20)
def test_a_server_that_repeats_its_page_is_left(server: BinanceServer, waits: list[float]) -> None:
    """The same page for ever ends the paging after the second look at it."""
    server.repeats_page = True
    pages = _collect(_rest(server, waits))
    assert_same_bars(pages, KLINES.select(slice(1500)))
    assert len(server.asked("klines")) == 2


@pytest.mark.parametrize("status", [429, 418])
def test_retry_after_is_obeyed(server: BinanceServer, waits: list[float], status: int) -> None:
    """After 429 and 418 the client waits at least as long as it was told, then goes on."""
    server.fail("klines", status=status, headers={"Retry-After": "37"}, times=2)
    assert_same_bars(_collect(_rest(server, waits)), KLINES.select(slice(NUM_BARS - 1)))
    assert waits == [37.5, 37.5]


def test_a_limit_without_retry_after_waits_a_minute(server: BinanceServer, waits: list[float]) -> None:
    """Limits are counted by the minute, so that is the wait when none is stated."""
    server.fail("klines", status=429, headers={"Retry-After": "soon"})
    _collect(_rest(server, waits))
    assert waits == [60.5]


def test_a_long_ban_is_not_waited_for(server: BinanceServer, waits: list[float]) -> None:
    """A ban of hours ends the run at once, and says how long it lasts."""
    server.fail("klines", status=418, headers={"Retry-After": "7201"}, times=99)
    with pytest.raises(ExchangeUnavailable, match="another 121 minutes"):
        _collect(_rest(server, waits))
    assert waits == []
    assert len(server.asked("klines")) == 1


def test_a_heavy_weight_slows_down_before_the_limit(server: BinanceServer, waits: list[float]) -> None:
    """Half of the documented weight used is a pause to the next minute before each further request."""
    server.used_weight = MARKETS["perp"].weight_per_minute // 2
    _collect(_rest(server, waits))
    assert len(waits) == 3  # the clock was asked first
    assert all(0 < wait <= 60 for wait in waits)
    waits.clear()
    server.used_weight -= 1
    _collect(_rest(server, waits))
    assert waits == []


def test_a_storm_of_errors_is_outlasted(server: BinanceServer, waits: list[float]) -> None:
    """Five failures of different kinds in a row lose nothing, and the waits double."""
    server.fail("klines", status=502, body=b"<html>")
    server.fail("klines", status=500, body=b"[]")
    server.fail("klines", status=200, body=b"not json")
    server.fail("klines", body=json.dumps([[0] * 12] * 50).encode(), is_cut=True)
    server.fail("klines", status=503, body=b'{"code":-1001,"msg":"busy"}')
    assert_same_bars(_collect(_rest(server, waits)), KLINES.select(slice(NUM_BARS - 1)))
    assert waits == [0.75, 1.5, 3.0, 6.0, 12.0]


def test_retries_are_bounded(server: BinanceServer, waits: list[float]) -> None:
    """A server that stays away ends in one error after the last attempt."""
    server.fail("klines", status=500, times=10**6)
    with pytest.raises(ExchangeUnavailable, match="failed 6 times in a row \\(HTTP 500\\)"):
        _collect(_rest(server, waits))
    assert len(server.asked("klines")) == 6
    assert len(waits) == 5


def test_silence_is_a_timeout(server: BinanceServer, waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that does not come is given up and asked for again."""
    monkeypatch.setattr("job.data.binance_rest.REQUEST_TIMEOUT_S", 0.2)
    server.fail("time", delay_s=0.6)
    assert_same_bars(_collect(_rest(server, waits)), KLINES.select(slice(NUM_BARS - 1)))
    assert waits[:1] == [0.75]  # a busy machine may be as silent once more


def test_no_server_is_unavailable(server: BinanceServer, waits: list[float]) -> None:
    """A refused connection ends 75 after retries; the address's password is not shown."""
    with pytest.raises(ExchangeUnavailable, match="no connection") as caught:
        _collect(_rest(server, waits, base_url="http://user:secret@127.0.0.1:9"))
    assert caught.value.exit_code == 75
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("path", ["time", "klines"])
def test_a_refused_location_is_one_sentence_and_no_retry(server: BinanceServer, waits: list[float], path: str) -> None:
    """HTTP 451 ends 66 at once and names both ways out."""
    server.fail(path, status=451, body=b"<html>", times=99)
    with pytest.raises(NoDataError) as caught:
        _collect(_rest(server, waits))
    assert caught.value.exit_code == 66
    assert "451" in str(caught.value)
    assert "--base-url" in str(caught.value)
    assert "--source archive" in str(caught.value)
    assert str(caught.value).count(". ") == 0
    assert len(server.asked(path)) == 1
    assert waits == []


def test_an_unknown_symbol_is_named(server: BinanceServer, waits: list[float]) -> None:
    """Code -1121 ends 66 with the symbol and the other market."""
    with _rest(server, waits) as rest, pytest.raises(NoDataError, match=r"SOLUSDX.*--market spot"):
        list(rest.pages("SOLUSDX", "5m", START_MS, 2**60))
    assert waits == []


def test_any_other_refusal_is_a_setting(server: BinanceServer, waits: list[float]) -> None:
    """A request that Binance calls wrong is not repeated, and its message is shown."""
    server.fail("klines", status=400, body=b'{"code":-1120,"msg":"Invalid interval."}')
    with pytest.raises(ConfigError, match=r"HTTP 400 \(Invalid interval.\)"):
        _collect(_rest(server, waits))
    server.fail("time", status=404, body=b"null")
    with pytest.raises(ConfigError, match="HTTP 404"):
        _collect(_rest(server, waits))
    server.fail("time", body=b"[]")
    with pytest.raises(ConfigError, match="states no time"):
        _collect(_rest(server, waits))
    for url in ("ftp://x", "binance", "http://", "http://[", "http://x:port"):
        with pytest.raises(ConfigError, match="--base-url"):
            _rest(server, waits, base_url=url)


def test_bars_that_break_a_rule_are_refused(server: BinanceServer, waits: list[float]) -> None:
    """A page with one impossible bar is not given out."""
    row: list[Any] = [START_MS, "1", "2", "1", "1", "3"]
    for spoiled in ([row[0], "1", "0.5", "1", "1", "3"], [row[0] + 1, *row[1:]], [row[0] * 1000, *row[1:]]):
        server.fail("klines", body=json.dumps([row, spoiled]).encode())
        with pytest.raises(DataError):
            _collect(_rest(server, waits))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=7), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.one_of(JSON.map(json.dumps).map(str.encode), st.binary(max_size=40)), status=st.sampled_from([200, 400]))
def test_any_answer_ends_in_our_errors(server: BinanceServer, waits: list[float], body: bytes, status: int) -> None:
    """Whatever a server says, nothing but bars or our own error comes out."""
    server.fail("klines", status=status, body=body)
    try:
        pages = _collect(_rest(server, waits), START_MS, START_MS + 3 * STEP_MS)
    except JobError:
        return
    assert all(len(page) for page in pages)


def test_the_client_leaves_nothing_behind(server: BinanceServer, waits: list[float]) -> None:
    """No thread and no event loop stays when the client is closed."""
    before = threading.active_count()
    with _rest(server, waits) as rest:
        assert rest.closed_until_ms("5m") == int(KLINES.open_time[-1])
        assert isinstance(rest._client.session, requests.Session)
        assert rest._client.loop.is_closed()
    assert threading.active_count() <= before + 1  # the stand-in's own for a connection
