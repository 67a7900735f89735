"""``lorentzian features``: feature rows for the klines that have none yet, of one market after the other."""

from functools import partial

from job import interruption
from job.commands.several import for_each_market
from job.data.postgres import Connection, connect
from job.data.schema import require_schema
from job.database import open_database
from job.errors import ExitCode
from job.feature_store import FeatureUpdate, update_features
from job.intervals import format_utc
from job.progress import track
from job.settings.commands import FeatureRowsCommand
from job.settings.procedure import MarketSettings
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[FeatureRowsCommand]) -> ExitCode:
    """Bring the feature rows up to the last kline."""
    settings = loaded.settings
    with interruption.at_once(), open_database(settings.database) as conninfo, connect(conninfo) as connection:
        require_schema(connection)
        for_each_market(settings.market.each, partial(_update, connection, settings)).tell()
    return ExitCode.DONE


def _update(connection: Connection, settings: FeatureRowsCommand, market: MarketSettings) -> str:
    with track(f"features of {market.symbol}", settings.output) as tracker:
        update = update_features(connection, market, settings.features)
        tracker.advance_to(1, 1)
    print(sentence(update))
    return f"{update.num_added:,} new rows, to {format_utc(update.last_open_ms)} UTC"


def sentence(update: FeatureUpdate) -> str:
    """What there is now."""
    return (
        f"Feature set {update.identity}: {update.num_columns} features, {update.num_added:,} new rows, "
        f"{format_utc(update.first_open_ms)} to {format_utc(update.last_open_ms)} UTC"
    )
