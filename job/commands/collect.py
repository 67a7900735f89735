"""``lorentzian collect``: klines of a market and its context from Binance into Postgres."""

from job.collection import collect_market
from job.data.collect import CollectReport
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
        reports = collect_market(connection, settings.market, settings.collect, settings.output, now_ms=now_ms())
    for report in reports:
        print(_sentence(report))
    return ExitCode.DONE


def _sentence(report: CollectReport) -> str:
    span = f"{format_utc(report.first_open_ms)} to {format_utc(report.last_open_ms)} UTC"
    gaps = "".join(
        f"; Binance has no bars from {format_utc(gap.start_ms)} to {format_utc(gap.end_ms)}" for gap in report.gaps
    )
    fetched = f"{report.num_from_archive:,} from the archive, {report.num_from_rest:,} from the API"
    return f"{report.key}: {span}; new: {fetched}{gaps}"
