"""``lorentzian collect``: klines of markets and their context, and their funding, from Binance into Postgres."""

from job.collection import collect_funding_of, collect_market
from job.commands.several import for_each_market
from job.data.collect import CollectReport
from job.data.collect_funding import FundingReport
from job.data.postgres import Connection, connect
from job.data.schema import require_schema
from job.database import open_database
from job.errors import ExitCode
from job.intervals import format_utc
from job.run.attempt import now_ms
from job.settings.commands import CollectCommand
from job.settings.procedure import MarketSettings
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[CollectCommand]) -> ExitCode:
    """Collect the markets and their context."""
    settings = loaded.settings
    with open_database(settings.database) as conninfo, connect(conninfo) as connection:
        require_schema(connection)
        collection = _Collection(connection, settings)
        for_each_market(settings.market.each, collection.add).tell()
    return ExitCode.DONE


class _Collection:
    """One market after the other; what several look at is fetched once."""

    def __init__(self, connection: Connection, settings: CollectCommand) -> None:
        self._connection, self._settings = connection, settings
        self._now_ms = now_ms()
        self._done: set[str] = set()

    def add(self, market: MarketSettings) -> str:
        settings = self._settings
        missing = market.model_copy(update={"context": tuple(s for s in market.context if s not in self._done)})
        reports = collect_market(self._connection, missing, settings.collect, settings.output, now_ms=self._now_ms)
        for report in reports:
            print(_sentence(report))
            self._done.add(report.key.symbol)
        funding = collect_funding_of(self._connection, market, settings.collect, settings.output, now_ms=self._now_ms)
        if funding is not None:
            print(_funding_sentence(funding))
        own = reports[0]
        return f"{own.num_from_archive + own.num_from_rest:,} new bars, to {format_utc(own.last_open_ms)} UTC"


def _sentence(report: CollectReport) -> str:
    span = f"{format_utc(report.first_open_ms)} to {format_utc(report.last_open_ms)} UTC"
    gaps = "".join(
        f"; Binance has no bars from {format_utc(gap.start_ms)} to {format_utc(gap.end_ms)}" for gap in report.gaps
    )
    fetched = f"{report.num_from_archive:,} from the archive, {report.num_from_rest:,} from the API"
    return f"{report.key}: {span}; new: {fetched}{gaps}"


def _funding_sentence(report: FundingReport) -> str:
    if report.first_ms is None or report.last_ms is None:
        return f"{report.key}: none of these days"
    span = f"{format_utc(report.first_ms)} to {format_utc(report.last_ms)} UTC"
    return f"{report.key}: {span}; {report.num_stored:,} settlements, {report.num_added:,} of them new"
