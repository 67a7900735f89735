"""Klines of a market and of its context, and its funding, from Binance, brought up to now."""

import structlog

from job import interruption
from job.data.collect import CollectReport, OnProgress, collect_klines
from job.data.collect_funding import FundingReport, collect_funding
from job.data.klines import MarketKey
from job.data.patience import Patience
from job.data.postgres import Connection
from job.errors import UsageError
from job.intervals import DAY_MS, floor_day
from job.progress import Tracker, track
from job.settings.operation import CollectSettings, OutputSettings
from job.settings.procedure import MarketSettings


def collect_market(
    connection: Connection, market: MarketSettings, collect: CollectSettings, output: OutputSettings, *, now_ms: int
) -> list[CollectReport]:
    """Fetch what is missing for the traded symbol and each of its context; a report for each.

    Raises
    ------
    UsageError
        Where the bars would join those of another market under its name, see `MarketSettings.venue`.
    """
    _refuse_foreign_venue(market)
    reports = []
    for symbol in (market.symbol, *market.context_symbols):
        key = MarketKey(venue=market.venue, symbol=symbol, interval=market.interval)
        with track(f"collect {symbol}", output) as tracker:
            report = collect_klines(
                connection,
                key,
                market=market.market,
                source=collect.source,
                start_ms=floor_day(now_ms) - collect.days * DAY_MS,
                now_ms=now_ms,
                base_url=collect.base_url,
                archive_url=collect.archive_url,
                on_progress=_stoppable(tracker),
                patience=Patience(sleep=interruption.sleep),
            )
        structlog.get_logger().info(
            "klines_collected",
            symbol=symbol,
            from_archive=report.num_from_archive,
            from_rest=report.num_from_rest,
            last_open_ms=report.last_open_ms,
        )
        reports.append(report)
    return reports


def collect_funding_of(
    connection: Connection, market: MarketSettings, collect: CollectSettings, output: OutputSettings, *, now_ms: int
) -> FundingReport | None:
    """Fetch the funding of the traded symbol that is missing; None where none is wanted, or the market has none."""
    if not collect.funding or market.market != "perp":
        return None
    with track(f"collect funding of {market.symbol}", output) as tracker:
        report = collect_funding(
            connection,
            MarketKey(venue=market.venue, symbol=market.symbol, interval=market.interval),
            source=collect.source,
            start_ms=floor_day(now_ms) - collect.days * DAY_MS,
            now_ms=now_ms,
            base_url=collect.base_url,
            archive_url=collect.archive_url,
            patience=Patience(sleep=interruption.sleep),
        )
        tracker.advance_to(1, 1)
    return report


def _refuse_foreign_venue(market: MarketSettings) -> None:
    """A series never mixes spot bars with a perpetual's, nor either with those of a synthetic world."""
    own = f"binance-{market.market}"
    if market.venue in {"binance-perp", "binance-spot"} - {own} or market.is_synthetic:
        raise UsageError(
            f"Binance's {market.market} bars cannot be stored under --venue {market.venue}, which names other bars.",
            remedy=f"Add --venue {own}, here and to the commands that read them, or check --market.",
        )


def _stoppable(tracker: Tracker) -> OnProgress:
    """Progress that obeys a request to stop: it is told between two pages, each stored whole."""

    def advance(done: int, total: int) -> None:
        interruption.check()
        tracker.advance_to(done, total)

    return advance
