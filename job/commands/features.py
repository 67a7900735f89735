"""``lorentzian features``: feature rows for the klines that have none yet."""

from job import interruption
from job.data.postgres import connect
from job.data.schema import require_schema
from job.database import open_database
from job.errors import ExitCode
from job.feature_store import FeatureUpdate, update_features
from job.intervals import format_utc
from job.settings.commands import FeaturesCommand
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[FeaturesCommand]) -> ExitCode:
    """Bring the feature rows up to the last kline."""
    settings = loaded.settings
    with interruption.at_once(), open_database(settings.database) as conninfo, connect(conninfo) as connection:
        require_schema(connection)
        update = update_features(connection, settings.market, settings.features)
    print(sentence(update))
    return ExitCode.DONE


def sentence(update: FeatureUpdate) -> str:
    """What there is now."""
    return (
        f"Feature set {update.identity}: {update.num_columns} features, {update.num_added:,} new rows, "
        f"{format_utc(update.first_open_ms)} to {format_utc(update.last_open_ms)} UTC"
    )
