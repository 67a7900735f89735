from collections.abc import Iterator
from typing import Any

import pytest

from job.data import verified_download
from job.data.binance_archive import BinanceArchive, periods
from job.data.klines import Klines, MarketKey
from job.data.patience import Patience
from job.errors import ConfigError, DataError, ExchangeUnavailable, NoDataError
from job.intervals import DAY_MS, HOUR_MS
from tests.support.binance_server import BinanceServer, running_binance
from tests.support.klines import random_klines, without_bars
from tests.support.same_bars import assert_same_bars

KEY = MarketKey(venue="binance-perp", symbol="SOLUSDT", interval="1h")
MAY_20 = 1_747_699_200_000  # 2025-05-20 00:00 UTC
JULY_1 = 1_751_328_000_000
KLINES = random_klines(50 * 24, "1h", start_ms=MAY_20)  # until 9 July
NOW_MS = int(KLINES.available_at[-1]) + HOUR_MS // 2


@pytest.fixture
def server() -> Iterator[BinanceServer]:
    """Both markets, published until the end of yesterday."""
    with running_binance(
        now_ms=NOW_MS,
        published_until_ms=NOW_MS - NOW_MS % DAY_MS,
        markets={("spot", "SOLUSDT", "1h"): KLINES, ("perp", "SOLUSDT", "1h"): KLINES},
    ) as running:
        yield running


def _files(
    server: BinanceServer,
    *,
    start_ms: int = MAY_20,
    end_ms: int = NOW_MS,
    waits: list[float] | None = None,
    **settings: Any,
) -> list[Klines]:
    patience = Patience(sleep=[].append if waits is None else waits.append, draw=lambda: 0.0)
    arguments = {"market": "perp", "now_ms": NOW_MS, "base_url": server.url, "patience": patience, **settings}
    with BinanceArchive(**arguments) as archive:
        return list(archive.files(KEY, start_ms, end_ms))


def _stamps(server: BinanceServer) -> list[str]:
    """Stamps of the zip files that were asked for."""
    return [path.removesuffix(".zip").partition("-1h-")[2] for path in server.asked(".zip") if "SUM" not in path]


def test_known_months_and_days_are_listed() -> None:
    """Periods are UTC months and days, with their exact ends, in a leap year too."""
    assert [p.stamp for p in periods("monthly", MAY_20, JULY_1)] == ["2025-05", "2025-06"]
    assert [p.stamp for p in periods("monthly", MAY_20, JULY_1 + 1)] == ["2025-05", "2025-06", "2025-07"]
    february = 1_706_745_600_000
    days = periods("daily", february, february + 29 * DAY_MS)
    assert days[-1].stamp == "2024-02-29"
    assert all(day.end_ms - day.start_ms == DAY_MS for day in days)
    assert periods("daily", MAY_20, MAY_20) == []


@pytest.mark.parametrize(("market", "folder"), [("spot", "/data/spot/"), ("perp", "/data/futures/um/")])
def test_whole_months_are_monthly_and_the_rest_daily(server: BinanceServer, market: str, folder: str) -> None:
    """A span over three months takes two monthly files and the days of the third."""
    pages = _files(server, market=market)
    assert _stamps(server) == ["2025-05", "2025-06", *(f"2025-07-{day:02}" for day in range(1, 9))]
    assert all(path.startswith(folder) for path in server.requests)
    assert_same_bars(pages, KLINES.between(MAY_20, NOW_MS - NOW_MS % DAY_MS))


def test_the_files_form_does_not_matter(server: BinanceServer) -> None:
    """Files in ms and in µs, with and without header, give the same bars."""
    expected = KLINES.between(MAY_20, NOW_MS - NOW_MS % DAY_MS)
    for server.has_header in (True, False):
        for server.is_microseconds in (True, False):
            assert_same_bars(_files(server), expected)


def test_only_the_asked_span_comes_out(server: BinanceServer) -> None:
    """Bounds are half-open, inside a month and inside a day; a short span asks for its days alone."""
    start_ms, end_ms = MAY_20 + 5 * HOUR_MS, MAY_20 + 29 * HOUR_MS
    assert_same_bars(_files(server, start_ms=start_ms, end_ms=end_ms), KLINES.between(start_ms, end_ms))
    assert _stamps(server) == ["2025-05-20", "2025-05-21"]
    start_ms, end_ms = MAY_20 + 5 * HOUR_MS, JULY_1 - 31 * HOUR_MS
    assert_same_bars(_files(server, start_ms=start_ms, end_ms=end_ms), KLINES.between(start_ms, end_ms))


def test_a_month_that_is_not_there_is_taken_by_days(server: BinanceServer) -> None:
    """Before a month is published, and where the archive lacks it, its days stand in."""
    server.monthly_until_ms = MAY_20
    assert_same_bars(_files(server), KLINES.between(MAY_20, NOW_MS - NOW_MS % DAY_MS))
    assert "2025-06-30" in _stamps(server)


def test_a_day_that_is_not_there_is_left_out(server: BinanceServer) -> None:
    """Yesterday's file may come later, and a lost day does not end the walk."""
    server.published_until_ms -= DAY_MS
    held = without_bars(KLINES, 44 * 24, 45 * 24)
    server.markets["perp", "SOLUSDT", "1h"] = held
    assert_same_bars(_files(server), held.between(MAY_20, server.published_until_ms))


def test_months_before_the_listing_cost_two_requests(server: BinanceServer) -> None:
    """Where neither the month nor its last day exists, its days are not asked for one by one."""
    pages = _files(server, start_ms=MAY_20 - 139 * DAY_MS, end_ms=MAY_20 - 19 * DAY_MS)
    assert pages == []
    assert len(server.requests) == 4 * 2


def test_a_wrong_checksum_is_fetched_once_more(server: BinanceServer) -> None:
    """One bad download heals; a second one refuses the file by name."""
    day = {"start_ms": MAY_20, "end_ms": MAY_20 + DAY_MS}
    server.fail(r"\.zip$", body=b"damaged")
    assert_same_bars(_files(server, **day), KLINES.between(MAY_20, MAY_20 + DAY_MS))
    assert len(server.requests) == 4
    server.fail(".CHECKSUM", body=b"0" * 64 + b"  SOLUSDT-1h-2025-05-20.zip", times=99)
    server.requests.clear()
    with pytest.raises(DataError, match=r"SOLUSDT-1h-2025-05-20.zip from 127.0.0.1 does not match"):
        _files(server, **day)
    assert len(server.requests) == 4


def test_a_checksum_in_capitals_is_the_same(server: BinanceServer) -> None:
    """Hex digits are compared by value."""
    path = "data/futures/um/daily/klines/SOLUSDT/1h/SOLUSDT-1h-2025-05-20.zip"
    with running_binance(now_ms=0, markets={}) as other:
        downloads = verified_download.VerifiedDownloads(server.url, patience=Patience())
        checksum = downloads.checksum(path)
        downloads.close()
        assert checksum is not None
        other.fail(".CHECKSUM", body=checksum.upper().encode())
        downloads = verified_download.VerifiedDownloads(other.url, patience=Patience())
        assert downloads.checksum(path) == checksum
        downloads.close()


def test_a_page_that_is_no_checksum_is_a_setting(server: BinanceServer) -> None:
    """A captive portal that answers everything with a page is told from an archive."""
    server.fail("", body=b"<html>please log in</html>", times=99)
    with pytest.raises(ConfigError, match="--archive-url"):
        _files(server)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda text: text.replace("1747699200000", "1747699200001", 1), "line 2: .*off the 1h grid"),
        (lambda text: text.replace("1747699200000", "1747695600000", 1), "bars outside 2025-05-20"),
        (lambda text: "", "is empty"),
    ],
)
def test_a_file_with_wrong_bars_is_refused(server: BinanceServer, edit: Any, reason: str) -> None:
    """A matching checksum does not make bars right: file and reason are named, and the way round."""
    server.edit_archive_text = edit
    with pytest.raises(DataError, match=f"SOLUSDT-1h-2025-05-20.zip.*{reason}.*--source rest"):
        _files(server, start_ms=MAY_20, end_ms=MAY_20 + DAY_MS)


def test_a_storm_of_errors_is_outlasted(server: BinanceServer) -> None:
    """Errors, cut downloads and limits lose nothing; Retry-After is obeyed."""
    waits: list[float] = []
    server.fail(".zip", status=500)
    server.fail(".zip", status=429, headers={"Retry-After": "9"})
    server.fail(r"\.zip$", body=b"x" * 4000, is_cut=True)
    assert_same_bars(_files(server, waits=waits), KLINES.between(MAY_20, NOW_MS - NOW_MS % DAY_MS))
    assert waits == [0.5, 9.0, 0.5]
    server.fail(".zip", status=503, times=10**6)
    with pytest.raises(ExchangeUnavailable, match="HTTP 503"):
        _files(server)


def test_a_refused_location_is_not_retried(server: BinanceServer) -> None:
    """HTTP 451 and 403 end 66 at once with the ways out."""
    for status in (451, 403):
        server.requests.clear()
        server.fail(".zip", status=status)
        with pytest.raises(NoDataError, match=r"--archive-url.*--source rest"):
            _files(server)
        assert len(server.requests) == 1


def test_a_file_without_end_is_given_up(server: BinanceServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than the limit is ever held, for files and for checksums."""
    monkeypatch.setattr(verified_download, "MAX_FILE_BYTES", 100)
    with pytest.raises(DataError, match="larger than 100 bytes"):
        _files(server)
    server.fail(".CHECKSUM", body=b"0" * 5000)
    with pytest.raises(DataError, match="larger than 4,096 bytes"):
        _files(server)
