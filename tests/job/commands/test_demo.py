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


def test_demo_serves_nothing_where_nothing_runs() -> None:
    """Said before any work is done."""
    settings = DemoCommand(demo=DemoSettings(prepare=True, serve=True))
    with pytest.raises(UsageError, match="nothing to serve"):
        demo.run(LoadedSettings(settings=settings, sources={}))
