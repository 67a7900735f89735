"""What an audit looks at: the user's bars, stored rows and newest window, read once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import psycopg
import torch

from job.audit.future import TARGET
from job.data.feature_rows import FeatureRows
from job.data.feature_table import read_features
from job.data.kline_table import read_klines
from job.data.klines import Klines
from job.features.definition import MAX_LOOKBACK_MS, FeatureSet
from job.features.registry import feature_set
from job.intervals import DAY_MS
from job.records import PlanRecord
from job.rules import market_key
from job.run.plan import windows_of
from job.windows import Window


@dataclass(frozen=True, kw_only=True)
class AuditSubject:
    """Data and settings under examination.

    Parameters
    ----------
    plan : what the settings and the stored data make; nobody publishes it.
    device : where networks train.
    definition : the feature set, as the code defines it today.
    markets : bars of the planned days and of their warm-up, the target under `TARGET`; nothing that is locked away.
    stored : rows of the newest window, as the database has them.
    """

    plan: PlanRecord
    device: torch.device
    definition: FeatureSet
    markets: Mapping[str, Klines]
    stored: FeatureRows

    @property
    def target(self) -> Klines:
        """Bars of the market that is traded."""
        return self.markets[TARGET]

    @property
    def window(self) -> Window:
        """The newest window."""
        return windows_of(self.plan)[-1]


def read_subject(connection: psycopg.Connection, plan: PlanRecord, *, device: torch.device) -> AuditSubject:
    """Read bars of every market, and the newest window's rows."""
    market, key = plan.procedure.market, market_key(plan.procedure)
    window = windows_of(plan)[-1]
    start_ms = plan.windows[0].train_start_ms - MAX_LOOKBACK_MS - DAY_MS
    markets = {
        name: read_klines(connection, replace(key, symbol=symbol), start_ms=start_ms, end_ms=plan.end_ms)
        for name, symbol in [(TARGET, market.symbol), *((s, s) for s in market.context_symbols)]
    }
    stored = read_features(connection, key, plan.feature_set, start_ms=window.span.start_ms, end_ms=window.span.end_ms)
    definition = feature_set(plan.procedure.features.features, market.interval, market.context_symbols)
    return AuditSubject(plan=plan, device=device, definition=definition, markets=markets, stored=stored)
