from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from job.data.collect_funding import FundingReport, collect_funding, store_new
from job.data.klines import MarketKey
from job.data.outside_series import OutsideSeries, funding_key
from job.data.patience import Patience
from job.data.postgres import Connection, connect
from job.data.series_table import read_series, write_series
from job.errors import DataError, ExchangeUnavailable, NoDataError
from job.intervals import HOUR_MS
from tests.support.binance_server import BinanceServer, running_binance

MARKET = MarketKey(venue="binance-perp", symbol="SOLUSDT", interval="5m")
KEY = funding_key(MARKET)
START_MS = 1_746_057_600_000  # 2025-05-01 00:00 UTC
# Every hour for more than a page, then every eight, as Binance changes it; some milliseconds late.
HOURS = [*range(1_300), *range(1_300, 1_500, 8)]
SETTLED = [(START_MS + hour * HOUR_MS + hour % 4, f"{1e-6 * (hour % 90 - 40):.8f}") for hour in HOURS]
NOW_MS = START_MS + 1_500 * HOUR_MS


@pytest.fixture
def server() -> Iterator[BinanceServer]:
    """REST until now, monthly files until the end of May."""
    with running_binance(
        now_ms=NOW_MS, markets={}, funding={"SOLUSDT": SETTLED}, published_until_ms=START_MS + 31 * 24 * HOUR_MS
    ) as running:
        yield running


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    """A connection to a fresh database."""
    with connect(database) as opened:
        yield opened


def _collect(connection: Connection, server: BinanceServer, **settings: Any) -> FundingReport:
    arguments: dict[str, Any] = {
        "source": "auto",
        "start_ms": START_MS,
        "now_ms": NOW_MS,
        "base_url": server.url,
        "archive_url": server.url,
        "patience": Patience(sleep=lambda seconds: None),
    }
    return collect_funding(connection, MARKET, **{**arguments, **settings})


def _stored(connection: Connection) -> OutsideSeries:
    return read_series(connection, KEY, start_ms=0, end_ms=2 * NOW_MS)


def _expected(num: int = len(SETTLED), first: int = 0) -> tuple[list[int], list[float]]:
    return (
        [START_MS + hour * HOUR_MS for hour in HOURS[first:num]],
        [float(rate) for _, rate in SETTLED[first:num]],
    )


def test_every_settlement_is_stored_once(connection: Connection, server: BinanceServer) -> None:
    """Page by page, at whatever hours they are; a second run asks again and adds nothing."""
    report = _collect(connection, server)
    found = _stored(connection)
    assert (found.event_time.tolist(), found.value.tolist()) == _expected()
    assert (report.num_added, report.num_stored) == (len(SETTLED), len(SETTLED))
    assert (report.first_ms, report.last_ms) == (START_MS, START_MS + HOURS[-1] * HOUR_MS)
    assert [request.count("limit=1000") for request in server.asked("fundingRate")] == [1, 1, 1]
    again = _collect(connection, server)
    assert (again.num_added, again.num_stored) == (0, len(SETTLED))


def test_archive_has_whole_months_alone(connection: Connection, server: BinanceServer) -> None:
    """Files until the last month that is over; REST then adds the rest, and nothing twice."""
    in_may = sum(hour < 31 * 24 for hour in HOURS)
    report = _collect(connection, server, source="archive")
    assert (_stored(connection).event_time.tolist(), _stored(connection).value.tolist()) == _expected(in_may)
    assert report.num_added == in_may
    assert not server.asked("/fapi/")
    assert _collect(connection, server, source="rest").num_added == len(SETTLED) - in_may
    assert (_stored(connection).event_time.tolist(), _stored(connection).value.tolist()) == _expected()


def test_what_is_stored_stays_and_gaps_are_filled(connection: Connection, server: BinanceServer) -> None:
    """An event that somebody stored with a stamp and a value of his own is the same settlement, and is left alone."""
    own = OutsideSeries(
        event_time=np.array([START_MS + 10 * HOUR_MS + 900]),
        available_at=np.array([START_MS + 10 * HOUR_MS + 900]),
        value=np.array([0.01]),
    )
    write_series(connection, KEY, own)
    assert _collect(connection, server).num_added == len(SETTLED) - 1
    found = _stored(connection)
    assert len(found) == len(SETTLED)
    assert found.value[10] == 0.01
    assert store_new(connection, KEY, found) == 0


def test_span_is_half_open_and_may_be_empty(connection: Connection, server: BinanceServer) -> None:
    """From the first moment asked for until now; nothing there is said as nothing."""
    report = _collect(connection, server, start_ms=START_MS + 1, now_ms=START_MS + 3 * HOUR_MS)
    assert (report.num_added, report.first_ms) == (2, START_MS + HOUR_MS)
    with running_binance(now_ms=NOW_MS, markets={}) as empty:
        other = MarketKey(venue="other", symbol="SOLUSDT", interval="5m")
        report = collect_funding(connection, other, source="rest", start_ms=START_MS, now_ms=NOW_MS, base_url=empty.url)
    assert (report.num_added, report.num_stored, report.first_ms, report.last_ms) == (0, 0, None, None)


def test_failures_are_tried_again_but_not_for_ever(connection: Connection, server: BinanceServer) -> None:
    """A server that recovers is waited for; one that does not ends the run, and keeps the page that came first."""
    server.fail("fundingRate", times=2, status=503)
    server.fail("fundingRate", times=1, status=429, headers={"Retry-After": "7"})
    waits: list[float] = []
    _collect(connection, server, now_ms=START_MS + 5 * HOUR_MS, patience=Patience(sleep=waits.append))
    assert len(waits) == 3 and waits[2] >= 7
    server.fail(rf"startTime={START_MS + 1_000 * HOUR_MS - HOUR_MS + 60_000}", times=99, status=500)
    with pytest.raises(ExchangeUnavailable):
        _collect(connection, server)
    assert len(_stored(connection)) == 1_000
    server.faults.clear()
    assert _collect(connection, server).num_stored == len(SETTLED)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 451}, NoDataError),
        ({"body": b'{"code":0}'}, DataError),
        ({"body": b'[{"fundingTime":"x"}]'}, DataError),
    ],
)
def test_other_answers_are_errors_of_ours(
    connection: Connection, server: BinanceServer, answer: dict[str, Any], error: type[Exception]
) -> None:
    """A refused location, and JSON that is no funding."""
    server.fail("fundingRate", times=99, **answer)
    with pytest.raises(error):
        _collect(connection, server)
    assert len(_stored(connection)) == 0


def test_server_that_repeats_its_page_ends_the_run(connection: Connection, server: BinanceServer) -> None:
    """A page that brings nothing new is the last one."""
    server.repeats_page = True
    assert _collect(connection, server).num_added == 1_000


def test_damaged_archive_file_is_refused(connection: Connection, server: BinanceServer) -> None:
    """A file that matches its checksum and holds something else stores nothing."""
    server.edit_archive_text = lambda text: text.replace("calc_time", "time")
    with pytest.raises(DataError, match="no columns"):
        _collect(connection, server, source="archive")
    assert len(_stored(connection)) == 0
