"""``lorentzian dashboard``: look at runs in a browser."""

from importlib import import_module

from job.errors import ExitCode
from job.settings.commands import DashboardCommand
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[DashboardCommand]) -> ExitCode:
    """Serve the pages until somebody asks to stop."""
    # By name and late: the job knows nothing of the page, and most installations do not have it.
    serve = import_module("dashboard.server").serve
    serve(loaded.settings.dashboard, loaded.settings.store.save_path)
    return ExitCode.DONE
