"""What decides where, how wide and how loudly it runs, and which runs a command is about: never a result."""

import re
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from job.settings.group import DATABASE, RUN, Address, FileNames, Group, SymbolName, VenueName, split_commas

# What Kubernetes sets from a label or annotation that is not there.
_EMPTY = BeforeValidator(lambda value: None if value == "" else value)
_DURATION = re.compile(r"(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,5})s)?")

Need: TypeAlias = Literal["database", "schema", "klines", "features", "store"]


class ComputeSettings(Group):
    """Where and how wide it runs; never changes a result on one CPU type."""

    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto takes a usable GPU, else the CPU")
    threads: int = Field(1, ge=1, le=256, description="threads of each training process")


class WorkerSettings(ComputeSettings):
    """`walkforward` runs windows side by side."""

    workers: int | None = Field(
        None, ge=1, le=256, description="windows at once (default: one a processor that this process may use)"
    )


class SavePathSettings(Group):
    """Where results lie."""

    save_path: str = Field("models/trained", min_length=1, description="folder, or s3://bucket/prefix")

    @property
    def is_within_process(self) -> bool:
        """Whether it depends on where a process was started: what a pod writes there, no other pod sees."""
        return not self.save_path.startswith(("/", "s3://"))


class StoreSettings(SavePathSettings):
    """Where results go, and where trials are counted."""

    ledger: str | None = Field(
        None, description="another place for the ledger of trials, for teams with several save paths"
    )


class RunSettings(StoreSettings):
    """Which run this is."""

    run_id: str | None = Field(
        None,
        pattern=RUN,
        description="name of the run (default, of one to train: from settings and data, so the same command resumes)",
    )


class JobSettings(Group):
    """The Kubernetes Job that a pod belongs to, as its manifest passes it on from the downward API."""

    job_name: Annotated[str | None, _EMPTY] = Field(
        None,
        pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$",
        description="name of the Kubernetes Job; with its uid it names the run",
    )
    job_uid: Annotated[str | None, _EMPTY] = Field(
        None, pattern=r"^[0-9a-f][0-9a-f-]{7,62}$", description="uid of the Kubernetes Job"
    )
    cron_job: Annotated[str | None, _EMPTY] = Field(
        None,
        pattern=r"^[a-z0-9]([a-z0-9.-]{0,50}[a-z0-9])?$",
        description="name of the CronJob that made the Job; its schedule's time then names the run",
    )


class IndexSettings(Group):
    """Which window a pod runs, and how its Job counts."""

    index: int | None = Field(
        None,
        ge=0,
        description="window to run; Kubernetes sets it for each pod of an Indexed Job",
        json_schema_extra={"environment": "JOB_COMPLETION_INDEX"},
    )
    attempts: int = Field(3, ge=1, le=100, description="starts that a window is given before it counts as failed")
    completions: Annotated[int | None, _EMPTY] = Field(
        None, ge=1, description="completions of the Kubernetes Job; refused where they are not the plan's windows"
    )
    index_failures: Annotated[int | None, _EMPTY] = Field(
        None, ge=0, description="failures of this index that Kubernetes has counted (default: those that are stored)"
    )


class ManifestSettings(Group):
    """How a plan is shown."""

    manifest: bool = Field(False, description="print the Kubernetes Job that runs these windows; asks no database")
    image: str | None = Field(
        None, min_length=1, description="image that the Job runs (default: lorentzian-trainer, of this version)"
    )
    parallelism: int | None = Field(None, ge=1, description="pods of the Job at once (default: all windows)")
    service_account: str = Field(
        "lorentzian-trainer",
        pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$",
        description="service account of the Job's pods; `k8s/base` makes this one, and `default` is always there",
    )


class DatabaseSettings(Group):
    """Where klines and features are.

    Unset, libpq's own ``PG*`` names are used; without them, the embedded server.
    """

    database_url: SecretStr | None = Field(
        None,
        description="postgresql://user:password@host/database",
        json_schema_extra={"environment": "DATABASE_URL"},
    )
    database_password_file: str | None = Field(
        None, description="file that holds the database password, such as a mounted secret"
    )
    database_retry_seconds: float = Field(
        30.0, ge=0, le=3600, description="how long a start waits for a database that is away, before it ends with 75"
    )
    embedded_database: str = Field(
        "binance",
        pattern=DATABASE,
        description="the embedded server's database; `demo` names those that it puts its bars into",
    )


class MigrationSettings(Group):
    """What a migration sets up beside the tables."""

    roles: bool = Field(
        False,
        description="also make the database roles of collector and trainer, and give each exactly its rights",
    )


class CollectSettings(Group):
    """Where klines come from."""

    source: Literal["auto", "archive", "rest"] = Field(
        "auto", description="archive: public files; rest: the API; auto: files for history, API for the rest"
    )
    days: int = Field(200, ge=1, le=10_000, description="days of history to have")
    funding: bool = Field(True, description="of a perpetual also what longs pay shorts, for the traded market")
    base_url: Address | None = Field(None, description="another address of Binance's API")
    archive_url: Address | None = Field(None, description="another address of the archive")


class ImportSettings(Group):
    """What the files hold; read from their names where they follow Binance's pattern."""

    files: FileNames = Field((), description="CSV, CSV.gz, or archive zips", json_schema_extra={"positional": "FILE"})
    symbol: SymbolName | None = Field(None, description="market of the files")
    interval: str | None = Field(None, description="bar length of the files")
    venue: VenueName = Field("binance-perp", description="name of the source of the bars")


class DemoSettings(StoreSettings):
    """What the demo shows."""

    world: Literal["edge", "noise", "both"] = Field(
        "both", description="synthetic market: with a planted edge, without any, or both"
    )
    klines: FileNames = Field((), description="run on these kline files instead")
    live: bool = Field(False, description="run on fresh klines from Binance instead")
    prepare: bool = Field(
        False, description="only put the synthetic worlds into the database, for other commands to use"
    )
    serve: bool = Field(False, description="then show what it found in the dashboard, until Ctrl-C")
    save_path: str = Field("models/demo", min_length=1, description="folder, or s3://bucket/prefix")


class NullWorldSettings(Group):
    """How the whole procedure is tried where there is nothing to find."""

    null_worlds: int = Field(
        0,
        ge=0,
        le=1000,
        description="also run on so many shuffled markets in which nothing can be forecast, each as long as the run",
    )


class ReportSettings(Group):
    """Which result is shown, and what is asked of it."""

    reported_run: str | None = Field(
        None, description="run to report (default: the newest one)", json_schema_extra={"positional": "RUN"}
    )
    require: Literal["weak", "evidence"] | None = Field(
        None, description="end with exit code 4 where the verdict is less than that"
    )
    html: str | None = Field(None, description="also write the page to this file")
    all: bool = Field(
        False, description="rank the newest run of every procedure instead, each held against the luck of all of them"
    )


class StatusSettings(Group):
    """What is asked of a run's progress."""

    require: Literal["complete"] | None = Field(None, description="end with exit code 4 where a window is not done")


class PruneSettings(Group):
    """What is kept, of runs and of feature rows."""

    keep_last: int = Field(
        20, ge=1, le=100_000, description="runs with a result to keep of each market and kind, the newest"
    )
    keep_promoted: bool = Field(
        True,
        description="keep the run whose model was in use before the present one too; the one in use always stays",
    )
    feature_sets: bool = Field(
        False, description="also delete feature rows that no run left, and no command at its defaults, would read"
    )
    dry_run: bool = Field(False, description="only show what would be deleted")


class CompareSettings(Group):
    """Which runs are compared."""

    compared_runs: FileNames = Field((), description="two runs", json_schema_extra={"positional": "RUN"})


class SweepSettings(Group):
    """Which runs are finalized."""

    all: bool = Field(False, description="every run whose windows are all done, failed or lost")
    open_holdout: bool = Field(
        False, description="then let the final model forecast and trade the days locked away; the first time counts"
    )


class AuditSettings(Group):
    """How far an audit goes."""

    deep: bool = Field(False, description="also train again and again, and search for leaks: minutes, not seconds")


class WaitSettings(Group):
    """What is waited for, and how long."""

    need: Annotated[tuple[Need, ...], BeforeValidator(split_commas)] = Field(
        (), description=f"what must be there, comma separated: {' '.join(get_args(Need))} (default: check everything)"
    )
    wait: str = Field("0s", description="how long to wait for what is needed, such as 90s, 15m or 1h30m")

    @field_validator("wait")
    @classmethod
    def _wait_is_a_duration(cls, value: str) -> str:
        if not value or _DURATION.fullmatch(value) is None:
            raise ValueError("is not a duration such as 90s, 15m or 1h30m")
        return value

    @property
    def wait_seconds(self) -> int:
        """The duration in seconds."""
        found = _DURATION.fullmatch(self.wait)
        assert found is not None
        hours, minutes, seconds = (int(number or 0) for number in found.groups())
        return (hours * 60 + minutes) * 60 + seconds


class ConfigSettings(Group):
    """What is shown."""

    command: str = Field(
        "walkforward",
        description="command whose settings are shown",
        json_schema_extra={"positional": "COMMAND"},
    )


class TelemetrySettings(Group):
    """Where the program says how it goes, for Prometheus; none of it can make a command fail."""

    metrics_port: int = Field(0, ge=0, le=65_535, description="port of /metrics, 0 for none")
    metrics_push: Address | None = Field(
        None, description="address of a Pushgateway that is told, once, how the command ended"
    )
    metrics_textfile: str | None = Field(
        None,
        min_length=1,
        description="file for node exporter's textfile collector, written when the command has ended",
    )


class OutputSettings(Group):
    """How the program speaks."""

    log_format: Literal["auto", "text", "json"] = Field("auto", description="auto: text in a terminal, else JSON")
    progress: bool = Field(True, description="draw progress bars in a terminal")
    verbose: bool = Field(False, description="log more")
    quiet: bool = Field(False, description="log warnings and errors only, draw no bars")
    debug: bool = Field(False, description="show tracebacks")
