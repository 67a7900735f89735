"""Which groups of settings each command takes."""

from pydantic import Field

from job.settings.dashboard import DashboardSettings
from job.settings.group import Group
from job.settings.operation import (
    AuditSettings,
    CollectSettings,
    CompareSettings,
    ComputeSettings,
    ConfigSettings,
    DatabaseSettings,
    DemoSettings,
    ImportSettings,
    IndexSettings,
    JobSettings,
    ManifestSettings,
    MigrationSettings,
    NullWorldSettings,
    OutputSettings,
    PruneSettings,
    ReportSettings,
    RunSettings,
    SavePathSettings,
    StatusSettings,
    StoreSettings,
    SweepSettings,
    TelemetrySettings,
    WaitSettings,
    WorkerSettings,
)
from job.settings.prediction import ExportSettings, ModelChoiceSettings, PredictSettings, PromoteSettings
from job.settings.procedure import (
    CostSettings,
    FeatureSettings,
    LabelSettings,
    MarketSettings,
    MarketsSettings,
    ModelSettings,
    SplitSettings,
    StrategySettings,
    TrainModelSettings,
    WindowSettings,
)


class CommandSettings(Group):
    """The settings of one command: one field a group."""

    output: OutputSettings = Field(default_factory=OutputSettings)


class DatabaseCommand(CommandSettings):
    """What every command shares that needs klines, features, or a place for them."""

    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)


class MigrateCommand(DatabaseCommand):
    """Settings of `lorentzian migrate`."""

    migration: MigrationSettings = Field(default_factory=MigrationSettings)


class ImportCommand(DatabaseCommand):
    """Settings of `lorentzian import`."""

    files: ImportSettings = Field(default_factory=ImportSettings)


class CollectCommand(DatabaseCommand):
    """Settings of `lorentzian collect`."""

    market: MarketsSettings = Field(default_factory=MarketsSettings)
    collect: CollectSettings = Field(default_factory=CollectSettings)


class FeaturesCommand(DatabaseCommand):
    """What every command shares that is about features of one market."""

    market: MarketSettings = Field(default_factory=MarketSettings)
    features: FeatureSettings = Field(default_factory=FeatureSettings)


class FeatureRowsCommand(FeaturesCommand):
    """Settings of `lorentzian features`."""

    market: MarketsSettings = Field(default_factory=MarketsSettings)


class ProcedureCommand(FeaturesCommand):
    """What every command that trains shares."""

    costs: CostSettings = Field(default_factory=CostSettings)
    strategy: StrategySettings = Field(default_factory=StrategySettings)
    label: LabelSettings = Field(default_factory=LabelSettings)
    model: ModelSettings = Field(default_factory=ModelSettings)
    compute: ComputeSettings = Field(default_factory=ComputeSettings)
    run: RunSettings = Field(default_factory=RunSettings)
    job: JobSettings = Field(default_factory=JobSettings)


class TrainCommand(ProcedureCommand):
    """Settings of `lorentzian train`."""

    split: SplitSettings = Field(default_factory=SplitSettings)
    model: TrainModelSettings = Field(default_factory=TrainModelSettings)


class PlanCommand(ProcedureCommand):
    """What every command that works on a walk-forward shares."""

    windows: WindowSettings = Field(default_factory=WindowSettings)


class ShownPlanCommand(PlanCommand):
    """Settings of `lorentzian plan`."""

    manifest: ManifestSettings = Field(default_factory=ManifestSettings)


class WalkforwardCommand(PlanCommand):
    """What one walk-forward takes."""

    compute: WorkerSettings = Field(default_factory=WorkerSettings)
    worlds: NullWorldSettings = Field(default_factory=NullWorldSettings)


class WalkforwardsCommand(WalkforwardCommand):
    """Settings of `lorentzian walkforward`: as many runs as markets."""

    market: MarketsSettings = Field(default_factory=MarketsSettings)


class WindowCommand(PlanCommand):
    """Settings of `lorentzian window`."""

    index: IndexSettings = Field(default_factory=IndexSettings)


class AuditCommand(PlanCommand):
    """Settings of `lorentzian audit`: those of the walk-forward that it examines."""

    audit: AuditSettings = Field(default_factory=AuditSettings)


class StoredRunCommand(CommandSettings):
    """Settings of the commands that read a run that exists."""

    run: RunSettings = Field(default_factory=RunSettings)


class StatusCommand(StoredRunCommand):
    """Settings of `lorentzian status`."""

    status: StatusSettings = Field(default_factory=StatusSettings)


class ReportCommand(StoredRunCommand):
    """Settings of `lorentzian report`."""

    report: ReportSettings = Field(default_factory=ReportSettings)


class PruneCommand(DatabaseCommand):
    """Settings of `lorentzian prune`."""

    prune: PruneSettings = Field(default_factory=PruneSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)


class CompareCommand(CommandSettings):
    """Settings of `lorentzian compare`."""

    compare: CompareSettings = Field(default_factory=CompareSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)


class FinalizeCommand(StoredRunCommand):
    """Settings of `lorentzian finalize`."""

    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)
    compute: ComputeSettings = Field(default_factory=ComputeSettings)
    sweep: SweepSettings = Field(default_factory=SweepSettings)


class DoctorCommand(FeaturesCommand):
    """Settings of `lorentzian doctor`."""

    wait: WaitSettings = Field(default_factory=WaitSettings)
    compute: ComputeSettings = Field(default_factory=ComputeSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)


class DemoCommand(DatabaseCommand):
    """Settings of `lorentzian demo`: the rest is the guide's walk-forward."""

    demo: DemoSettings = Field(default_factory=DemoSettings)
    market: MarketSettings = Field(default_factory=MarketSettings)
    compute: WorkerSettings = Field(default_factory=WorkerSettings)


class PredictCommand(DatabaseCommand):
    """Settings of `lorentzian predict`."""

    store: SavePathSettings = Field(default_factory=SavePathSettings)
    model: ModelChoiceSettings = Field(default_factory=ModelChoiceSettings)
    predict: PredictSettings = Field(default_factory=PredictSettings)


class PromoteCommand(CommandSettings):
    """Settings of `lorentzian promote`."""

    promote: PromoteSettings = Field(default_factory=PromoteSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)


class ExportCommand(CommandSettings):
    """Settings of `lorentzian export`."""

    store: SavePathSettings = Field(default_factory=SavePathSettings)
    model: ModelChoiceSettings = Field(default_factory=ModelChoiceSettings)
    export: ExportSettings = Field(default_factory=ExportSettings)


class DashboardCommand(CommandSettings):
    """Settings of `lorentzian dashboard`."""

    store: StoreSettings = Field(default_factory=StoreSettings)
    dashboard: DashboardSettings = Field(default_factory=DashboardSettings)


class ConfigCommand(CommandSettings):
    """Settings of `lorentzian config`."""

    shown: ConfigSettings = Field(default_factory=ConfigSettings)
