"""Tests of how the demo ends; what it runs is tested end to end."""

import pytest

from job.commands import demo
from job.errors import UsageError
from job.settings.commands import DemoCommand
from job.settings.operation import DemoSettings, OutputSettings
from job.settings.sources import LoadedSettings


def test_demo_goes_on_as_the_dashboard_of_its_results() -> None:
    """The same program, the demo's save path, and its way to speak."""
    settings = DemoCommand(
        demo=DemoSettings(save_path="s3://b/p", serve=True), output=OutputSettings(log_format="json", quiet=True)
    )
    assert demo.dashboard_command(settings, ["python", "-m", "job"]) == [
        *("python", "-m", "job", "dashboard"),
        *("--save-path", "s3://b/p", "--log-format", "json", "--quiet"),
    ]


@pytest.mark.parametrize(
    ("files", "typed", "refused"),
    [
        ((), {"symbol": "--symbol"}, "--symbol would change nothing: the synthetic worlds"),
        ((), {"venue": "--venue", "market": "--market"}, "--venue and --market would"),
        (("a.csv",), {"interval": "--interval"}, "--interval would change nothing: the files"),
        (("a.csv",), {"symbol": "--symbol"}, None),
        ((), {"symbol": "LORENTZIAN_SYMBOL"}, None),  # is said to all commands
    ],
)
def test_demo_refuses_a_market_that_it_would_not_run(
    files: tuple[str, ...], typed: dict[str, str], refused: str | None
) -> None:
    """Whoever names a market would take another one's result for it."""
    settings = DemoCommand(demo=DemoSettings(klines=files, serve=True, prepare=True))  # refused in any case
    with pytest.raises(UsageError) as caught:
        demo.run(LoadedSettings(settings=settings, sources=typed))
    assert ("would change nothing" in caught.value.message) == (refused is not None)
    assert (refused or "") in caught.value.message


def test_demo_serves_nothing_where_nothing_runs() -> None:
    """Said before any work is done."""
    settings = DemoCommand(demo=DemoSettings(prepare=True, serve=True))
    with pytest.raises(UsageError, match="nothing to serve"):
        demo.run(LoadedSettings(settings=settings, sources={}))
