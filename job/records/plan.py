"""The plan of a run: what is trained, on which spans, from which data."""

from typing import Literal

from job.records.shapes import SCHEMA_VERSION, Record
from job.settings.group import flags_of
from job.settings.procedure import (
    CostSettings,
    FeatureSettings,
    LabelSettings,
    MarketSettings,
    ModelSettings,
    StrategySettings,
    WindowSettings,
)

RunKind = Literal["walkforward", "training"]


class ProcedureRecord(Record):
    """Everything that decides what is trained and how it is traded; nothing of where or how fast."""

    market: MarketSettings
    costs: CostSettings
    strategy: StrategySettings
    label: LabelSettings
    features: FeatureSettings
    windows: WindowSettings
    model: ModelSettings

    @property
    def flags(self) -> str:
        """What `lorentzian walkforward` must be told to try the same on other days; how many is left out."""
        usual = LabelSettings(label=self.label.label).horizon_bars(self.market.interval)
        at_default = ("horizon",) if self.label.horizon == usual else ()
        groups = (self.market, self.features, self.costs, self.strategy, self.label, self.model, self.windows)
        return "".join(flags_of(each, apart_from=("data_days", *at_default)) for each in groups)

    @property
    def collect_flags(self) -> str | None:
        """What `lorentzian collect` must be told for more days of its market; None where nobody has any."""
        return None if self.market.is_synthetic else self.market.flags


class WindowSpanRecord(Record):
    """One window of the plan, half-open spans of bar open times."""

    index: int
    train_start_ms: int
    test_start_ms: int
    test_end_ms: int


class PlanRecord(Record):
    """What every pod of a run works from; created once by whoever comes first, and never changed.

    ``peer_feature_sets`` are those of the other markets that it learns from, in the order of `job.rules.peers_of`.
    ``end_ms`` is where all that windows and the final model may read ends. Days that are locked away begin there, at
    ``holdout_start_ms``, which is None without any.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    kind: RunKind = "walkforward"
    run_id: str
    stamp: str
    created_at_ms: int
    procedure: ProcedureRecord
    feature_set: str
    feature_names: tuple[str, ...]
    peer_feature_sets: tuple[str, ...] = ()
    windows: tuple[WindowSpanRecord, ...]
    end_ms: int
    holdout_start_ms: int | None = None
    warnings: tuple[str, ...] = ()
    day_digests: dict[str, str]
    threads: int
    device: str
    versions: dict[str, str]
