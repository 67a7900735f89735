"""Closed klines from Binance into Postgres: archive files for history, REST for the tail.

What is missing between the first bar and now is asked for once; what is stored is never asked for again. So a
run that died goes on where it stopped, and a gap is refilled as soon as Binance has its bars.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import structlog

from job.data.binance_archive import BinanceArchive
from job.data.binance_markets import MARKETS, MarketName
from job.data.binance_rest import BinanceRest
from job.data.kline_table import missing_spans, stored_span, write_klines
from job.data.klines import Klines, MarketKey
from job.data.patience import Patience
from job.data.postgres import Connection
from job.errors import ExchangeUnavailable, NoDataError, UsageError
from job.intervals import format_utc, interval_ms

Source: TypeAlias = Literal["auto", "archive", "rest"]
OnProgress: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Bars that are missing between stored ones: those that open in [start_ms, end_ms)."""

    start_ms: int
    end_ms: int
    num_bars: int


@dataclass(frozen=True, kw_only=True)
class CollectReport:
    """What one run added, and what is stored after it.

    Parameters
    ----------
    num_from_archive, num_from_rest : bars added, by source.
    first_open_ms, last_open_ms : the stored span, UTC ms.
    gaps : what is missing inside it although it was asked for.
    """

    key: MarketKey
    num_from_archive: int
    num_from_rest: int
    first_open_ms: int
    last_open_ms: int
    gaps: tuple[Gap, ...]


def collect_klines(
    connection: Connection,
    key: MarketKey,
    *,
    market: MarketName,
    source: Source,
    start_ms: int,
    now_ms: int,
    base_url: str | None = None,
    archive_url: str | None = None,
    on_progress: OnProgress | None = None,
    patience: Patience | None = None,
) -> CollectReport:
    """Store the closed bars from ``start_ms`` until now that are not stored yet; commit each page and file.

    Parameters
    ----------
    connection : Connection
        In autocommit mode, as `job.data.postgres.connect` opens it.
    source : "auto", "archive" or "rest"
        ``auto`` takes longer spans from the archive and the rest through REST.
    start_ms, now_ms : int
        First open time wanted, and the present by this machine's clock, UTC ms. REST is asked until the
        present by the server's clock.
    base_url, archive_url : str or None
        Other endpoints than Binance's own.
    on_progress : callable or None
        Called with the number of bars there, and the number between first bar and now; gaps that Binance
        itself has keep the first below the second.

    Raises
    ------
    NoDataError
        Binance has no such bars, or refuses this location. What was stored before stays.
    ExchangeUnavailable
        No answer after bounded retries. What was stored before stays.
    DataError
        Binance's bars break a rule, or differ from stored ones.
    """
    stored = stored_span(connection, key)
    step_ms = interval_ms(key.interval)
    start_ms = -(-start_ms // step_ms) * step_ms
    if start_ms + step_ms > now_ms:
        raise UsageError(f"No bar has closed since {format_utc(start_ms)} UTC.", remedy="Ask for more history.")
    run = _Run(
        connection=connection,
        key=key,
        start_ms=start_ms if stored is None else min(start_ms, stored.first_open_ms),
        on_progress=on_progress or (lambda done, total: None),
    )
    num_from_archive = num_from_rest = 0
    if source != "rest":
        least_bars = MARKETS[market].page_bars + 1 if source == "auto" else 1
        with BinanceArchive(market=market, now_ms=now_ms, base_url=archive_url, patience=patience) as archive:
            spans = run.missing(now_ms - now_ms % step_ms, least_bars=least_bars)
            pages = (page for start, end in spans for page in archive.files(key, start, end))
            num_from_archive = run.store(pages if source == "archive" else _until_refused(pages))
    if source != "archive":
        with BinanceRest(market=market, base_url=base_url, patience=patience) as rest:
            spans = run.missing(rest.closed_until_ms(key.interval))
            num_from_rest = run.store(
                page for start, end in spans for page in rest.pages(key.symbol, key.interval, start, end)
            )
    return run.report(num_from_archive=num_from_archive, num_from_rest=num_from_rest)


def _until_refused(pages: Iterator[Klines]) -> Iterator[Klines]:
    """The archive's bars, or as many as it gave before it failed: REST has them all."""
    try:
        yield from pages
    except (ExchangeUnavailable, NoDataError) as error:
        structlog.get_logger(__name__).warning("archive_unavailable", reason=error.message)


@dataclass(kw_only=True)
class _Run:
    """Where one run stands: what is stored of what is wanted."""

    connection: Connection
    key: MarketKey
    start_ms: int
    on_progress: OnProgress
    num_done: int = field(default=0, init=False)
    num_wanted: int = field(default=0, init=False)

    def missing(self, end_ms: int, *, least_bars: int = 1) -> list[tuple[int, int]]:
        """Spans of at least ``least_bars`` bars to ask for until ``end_ms``; sets the progress."""
        step_ms = interval_ms(self.key.interval)
        end_ms = max(end_ms, self.start_ms)
        spans = missing_spans(self.connection, self.key, self.start_ms, end_ms)
        self.num_wanted = (end_ms - self.start_ms) // step_ms
        self.num_done = self.num_wanted - sum((end - start) // step_ms for start, end in spans)
        self.on_progress(self.num_done, self.num_wanted)
        return [(start, end) for start, end in spans if (end - start) // step_ms >= least_bars]

    def store(self, pages: Iterable[Klines]) -> int:
        """Write each page as it arrives, in a transaction of its own; the number of bars added."""
        num_added = 0
        for page in pages:
            num_added += write_klines(self.connection, self.key, page)
            self.num_done += len(page)
            self.on_progress(self.num_done, self.num_wanted)
        return num_added

    def report(self, *, num_from_archive: int, num_from_rest: int) -> CollectReport:
        """The run's outcome, read back from the database."""
        stored = stored_span(self.connection, self.key)
        if stored is None:
            raise NoDataError(
                f"Binance has no bars of {self.key} since {format_utc(self.start_ms)} UTC.",
                remedy="Check --symbol, --interval and --market, or ask for more history.",
            )
        spans = missing_spans(self.connection, self.key, stored.first_open_ms, stored.last_open_ms)
        step_ms = interval_ms(self.key.interval)
        return CollectReport(
            key=self.key,
            num_from_archive=num_from_archive,
            num_from_rest=num_from_rest,
            first_open_ms=stored.first_open_ms,
            last_open_ms=stored.last_open_ms,
            gaps=tuple(Gap(start_ms=s, end_ms=e, num_bars=(e - s) // step_ms) for s, e in spans),
        )
