"""``lorentzian collect``: klines of a market and its context from Binance into Postgres."""

from job import interruption
from job.attempt import now_ms
from job.command_settings import CollectCommand
from job.data.collect import CollectReport, OnProgress, collect_klines
from job.data.klines import MarketKey
from job.data.patience import Patience
from job.data.postgres import Connection, connect
from job.data.schema import require_schema
from job.database import open_database
from job.errors import ExitCode
from job.intervals import DAY_MS, floor_day, format_utc
from job.progress import Tracker, track
from job.settings import CollectSettings, MarketSettings, OutputSettings
from job.settings_sources import LoadedSettings


def run(loaded: LoadedSettings[CollectCommand]) -> ExitCode:
    """Collect the market and its context."""
    settings = loaded.settings
    with open_database(settings.database) as conninfo, connect(conninfo) as connection:
        require_schema(connection)
        collect(connection, settings.market, settings.collect, settings.output)
    return ExitCode.DONE


def collect(connection: Connection, market: MarketSettings, collect: CollectSettings, output: OutputSettings) -> None:
    """Fetch what is missing for every symbol, and say what there is now."""
    now = now_ms()
    for symbol in (market.symbol, *market.context_symbols):
        key = MarketKey(venue=market.venue, symbol=symbol, interval=market.interval)
        with track(f"collect {symbol}", output) as tracker:
            report = collect_klines(
                connection,
                key,
                market=market.market,
                source=collect.source,
                start_ms=floor_day(now) - collect.days * DAY_MS,
                now_ms=now,
                base_url=collect.base_url,
                archive_url=collect.archive_url,
                on_progress=_stoppable(tracker),
                patience=Patience(sleep=interruption.sleep),
            )
        print(_sentence(report))


def _stoppable(tracker: Tracker) -> OnProgress:
    """Progress that obeys a request to stop: it is told between two pages, each stored whole."""

    def advance(done: int, total: int) -> None:
        interruption.check()
        tracker.advance_to(done, total)

    return advance


def _sentence(report: CollectReport) -> str:
    span = f"{format_utc(report.first_open_ms)} to {format_utc(report.last_open_ms)} UTC"
    gaps = "".join(
        f"; Binance has no bars from {format_utc(gap.start_ms)} to {format_utc(gap.end_ms)}" for gap in report.gaps
    )
    fetched = f"{report.num_from_archive:,} from the archive, {report.num_from_rest:,} from the API"
    return f"{report.key}: {span}; new: {fetched}{gaps}"
