"""``lorentzian collect``: klines of a market and its context, and its funding, from Binance into Postgres."""

from job.collection import collect_funding_of, collect_market
from job.data.collect import CollectReport
from job.data.collect_funding import FundingReport
from job.data.postgres import connect
from job.data.schema import require_schema
from job.database import open_database
from job.errors import ExitCode
from job.intervals import format_utc
from job.run.attempt import now_ms
from job.settings.commands import CollectCommand
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[CollectCommand]) -> ExitCode:
    """Collect the market and its context."""
    settings = loaded.settings
    with open_database(settings.database) as conninfo, connect(conninfo) as connection:
        require_schema(connection)
        now = now_ms()
        for report in collect_market(connection, settings.market, settings.collect, settings.output, now_ms=now):
            print(_sentence(report))
        funding = collect_funding_of(connection, settings.market, settings.collect, settings.output, now_ms=now)
    if funding is not None:
        print(_funding_sentence(funding))
    return ExitCode.DONE


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
