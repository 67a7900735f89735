"""What decides which model is in use, and how it is asked: never what it says of a bar."""

from typing import Literal, TypeAlias

from pydantic import Field

from job.intervals import INTERVAL_MS
from job.settings.group import Group, SymbolName, VenueName

PromoteWhen: TypeAlias = Literal["always", "weak", "evidence", "never"]
ExportFormat: TypeAlias = Literal["pt2", "torchscript"]


class ModelChoiceSettings(Group):
    """Which model is asked."""

    model: str = Field(
        "current",
        min_length=1,
        description=(
            "current: the promoted one of --symbol, --interval and --venue; or a run's final model; or a file or "
            "s3:// address that ends in .pt"
        ),
        json_schema_extra={"own_environment": True},
    )
    symbol: SymbolName = Field("SOLUSDT", description="market whose promoted model is asked")
    interval: str = Field("5m", description=f"length of its bars: {' '.join(INTERVAL_MS)}")
    venue: VenueName = Field("binance-perp", description="source of its bars, by name")


class PredictSettings(Group):
    """About which bars it is asked, and how much it tells."""

    at: str | None = Field(
        None, description="as if it were this time, UTC, such as 2025-12-01T08:00 (default: now): the newest bar then"
    )
    follow: bool = Field(
        False, description="wait for bars to appear in the database, and forecast each one, until it is stopped"
    )
    poll_seconds: float = Field(2.0, ge=0.05, le=3600, description="how often --follow looks for a new bar")
    neighbours: int = Field(8, ge=0, le=1000, description="how many of the past bars that voted are named")


class PromoteSettings(Group):
    """Which run's model is put in use, on whose word."""

    promoted_run: str | None = Field(
        None,
        description="finished run to promote (default: each market's newest, as a cron does)",
        json_schema_extra={"positional": "RUN"},
    )
    when: PromoteWhen | None = Field(
        None,
        description=(
            "least verdict that is promoted: weak or evidence; or always, or never (default: always for a run that is "
            "named, else never)"
        ),
    )
    by: str | None = Field(None, min_length=1, description="who decides (default: this user)")
    why: str = Field("", description="why, for whoever asks later")


class ExportSettings(Group):
    """What is exported, and as what."""

    format: ExportFormat = Field(
        "pt2",
        description=(
            "pt2: torch.export's; torchscript: older, also for C++. Probabilities are equal to 1e-6; trees (lightgbm, "
            "and a blend that weighs them) are refused"
        ),
    )
    out: str | None = Field(None, min_length=1, description="file to write (default: named after kind and model)")
