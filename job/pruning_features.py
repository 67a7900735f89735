"""Feature rows that nothing will read again: no run that is kept, no model in use, no command at its defaults.

A changed indicator is another set, and so is another context: over the years sets pile up. Which runs there are is told
from one save path; whoever trains elsewhere on the same database computes the rows anew.
"""

from collections.abc import Collection

from job.data.feature_sets import StoredFeatures, stored_features
from job.data.postgres import Connection
from job.feature_store import feature_record
from job.intervals import DAY_MS, INTERVAL_MS
from job.records import PlanRecord
from job.rules import market_key, stored_rows_of
from job.settings.procedure import FeatureSettings, MarketSettings

# A set this young may belong to a run that is about to be planned.
YOUNG_FOR_MS = 7 * DAY_MS


def unused_features(connection: Connection, kept: Collection[PlanRecord], *, now_ms: int) -> list[StoredFeatures]:
    """Choose what may go; nothing is changed.

    Parameters
    ----------
    kept : plans of the runs that stay.
    now_ms : tells which sets are young.
    """
    used = {(market_key(market), identity) for plan in kept for market, identity in stored_rows_of(plan)}
    return [
        stored
        for stored in stored_features(connection)
        if (stored.key, stored.identity) not in used
        and now_ms - stored.registered_ms >= YOUNG_FOR_MS
        and not _is_usual(stored)
    ]


def _is_usual(stored: StoredFeatures) -> bool:
    """Whether the program's own defaults name this set; of bars that it does not know, they may."""
    if stored.key.interval not in INTERVAL_MS:
        return True
    market = MarketSettings(symbol=stored.key.symbol, interval=stored.key.interval, venue=stored.key.venue)
    return feature_record(market, FeatureSettings()).identity == stored.identity
