"""Which groups of settings each command takes."""

from job.settings import (
    CollectSettings,
    ComputeSettings,
    ConfigSettings,
    CostSettings,
    DatabaseSettings,
    DemoSettings,
    FeatureSettings,
    Group,
    ImportSettings,
    IndexSettings,
    LabelSettings,
    MarketSettings,
    ModelSettings,
    OutputSettings,
    RunSettings,
    SplitSettings,
    StoreSettings,
    SweepSettings,
    TrainModelSettings,
    WindowSettings,
    WorkerSettings,
)


class CommandSettings(Group):
    """The settings of one command: one field a group."""

    output: OutputSettings = OutputSettings()


class MigrateCommand(CommandSettings):
    """Settings of `lorentzian migrate`."""

    database: DatabaseSettings = DatabaseSettings()


class ImportCommand(MigrateCommand):
    """Settings of `lorentzian import`."""

    files: ImportSettings = ImportSettings()


class CollectCommand(MigrateCommand):
    """Settings of `lorentzian collect`."""

    market: MarketSettings = MarketSettings()
    collect: CollectSettings = CollectSettings()


class FeaturesCommand(MigrateCommand):
    """Settings of `lorentzian features`."""

    market: MarketSettings = MarketSettings()
    features: FeatureSettings = FeatureSettings()


class ProcedureCommand(FeaturesCommand):
    """What every command that trains shares."""

    costs: CostSettings = CostSettings()
    label: LabelSettings = LabelSettings()
    model: ModelSettings = ModelSettings()
    compute: ComputeSettings = ComputeSettings()
    run: RunSettings = RunSettings()


class TrainCommand(ProcedureCommand):
    """Settings of `lorentzian train`."""

    split: SplitSettings = SplitSettings()
    model: TrainModelSettings = TrainModelSettings()


class PlanCommand(ProcedureCommand):
    """Settings of `lorentzian plan`, and of every command that works on a walk-forward."""

    windows: WindowSettings = WindowSettings()


class WalkforwardCommand(PlanCommand):
    """Settings of `lorentzian walkforward`."""

    compute: WorkerSettings = WorkerSettings()


class WindowCommand(PlanCommand):
    """Settings of `lorentzian window`."""

    index: IndexSettings = IndexSettings()


class StoredRunCommand(CommandSettings):
    """Settings of the commands that read a run that exists."""

    run: RunSettings = RunSettings()


class FinalizeCommand(StoredRunCommand):
    """Settings of `lorentzian finalize`."""

    database: DatabaseSettings = DatabaseSettings()
    compute: ComputeSettings = ComputeSettings()
    sweep: SweepSettings = SweepSettings()


class DoctorCommand(MigrateCommand):
    """Settings of `lorentzian doctor`."""

    compute: ComputeSettings = ComputeSettings()
    store: StoreSettings = StoreSettings()


class DemoCommand(MigrateCommand):
    """Settings of `lorentzian demo`: the rest is the guide's walk-forward."""

    demo: DemoSettings = DemoSettings()
    market: MarketSettings = MarketSettings()
    compute: WorkerSettings = WorkerSettings()


class ConfigCommand(CommandSettings):
    """Settings of `lorentzian config`."""

    shown: ConfigSettings = ConfigSettings()
