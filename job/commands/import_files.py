"""``lorentzian import``: klines and funding from files into Postgres, each file whole or not at all."""

from job import interruption
from job.data.collect_funding import store_new
from job.data.funding_files import FundingFile, read_funding_file, symbol_of_funding
from job.data.kline_files import KlineFile, read_kline_file
from job.data.kline_table import write_klines
from job.data.postgres import Connection, connect
from job.data.schema import require_schema
from job.database import open_database
from job.errors import ExitCode, UsageError
from job.intervals import format_utc
from job.progress import track
from job.settings.commands import ImportCommand
from job.settings.operation import ImportSettings
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[ImportCommand]) -> ExitCode:
    """Import every file that was named."""
    settings = loaded.settings
    if not settings.files.files:
        raise UsageError("No file was named.", remedy="Run `lorentzian import FILE...`.")
    num_files = len(settings.files.files)
    with track("import", settings.output) as tracker:
        # All are read before the first is written, so that a bad one stops the import with nothing stored.
        parsed = []
        for number, path in enumerate(settings.files.files, start=1):
            interruption.check()
            parsed.append(_read(path, settings.files))
            tracker.advance_to(number, 2 * num_files, note=f"read {path}")
        with open_database(settings.database) as conninfo, connect(conninfo) as connection:
            require_schema(connection)
            with connection.transaction():
                added = [_write(connection, file) for file in parsed]
        tracker.advance_to(2 * num_files, 2 * num_files, note="stored")
    for file, num_added in zip(parsed, added, strict=True):
        print(_sentence(file, num_added))
    return ExitCode.DONE


def _read(path: str, files: ImportSettings) -> KlineFile | FundingFile:
    if symbol_of_funding(path) is not None:
        return read_funding_file(path, symbol=files.symbol, venue=files.venue)
    return read_kline_file(path, symbol=files.symbol, interval=files.interval, venue=files.venue)


def _write(connection: Connection, file: KlineFile | FundingFile) -> int:
    if isinstance(file, FundingFile):
        return store_new(connection, file.key, file.funding)
    return write_klines(connection, file.key, file.klines)


def _sentence(file: KlineFile | FundingFile, num_added: int) -> str:
    times, what = (
        (file.funding.event_time, "settlements") if isinstance(file, FundingFile) else (file.klines.open_time, "bars")
    )
    span = f"{format_utc(int(times[0]))} to {format_utc(int(times[-1]))} UTC" if len(times) else "nothing yet"
    return f"{file.key}: {len(times):,} {what}, {num_added:,} of them new, {span}"
