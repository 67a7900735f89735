"""The app for a WSGI server of one's own: ``gunicorn 'dashboard.wsgi:application()'``, settings from the environment.

`lorentzian dashboard` serves metrics too, and is what the image runs.
"""

import os

from flask import Flask

from dashboard.app import create_app
from dashboard.auth import check_exposure, password_of
from dashboard.readonly import check_readonly
from job.artifacts.opening import open_store
from job.cli import COMMANDS, settings_class
from job.logs import configure_logs
from job.settings.commands import DashboardCommand
from job.settings.sources import load_settings


def application() -> Flask:
    """The Flask app; errors as in `dashboard.server.serve`."""
    loaded = load_settings(
        DashboardCommand,
        command_name="dashboard",
        commands={name: settings_class(name) for name in COMMANDS},
        flags={},
        environment=os.environ,
        config_file=os.environ.get("LORENTZIAN_CONFIG"),
    )
    settings, output = loaded.settings.dashboard, loaded.settings.output
    configure_logs(log_format=output.log_format, verbose=output.verbose, quiet=output.quiet)
    check_exposure(settings, password_of(settings))
    store = open_store(loaded.settings.store.save_path)
    if settings.require_readonly:
        check_readonly(store)
    server: Flask = create_app(settings, store).server
    return server
