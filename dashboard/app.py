"""The dashboard as one object: pages, charts, guards and probes over a store. Nothing is read until somebody looks."""

from functools import cache
from pathlib import Path
from typing import Any

import dash
from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from dashboard.access import log_access
from dashboard.auth import password_of, require_password
from dashboard.chart_callbacks import ChartBook, add_chart_callbacks, add_csv
from dashboard.clientside import add_clientside
from dashboard.compression import compress_answers
from dashboard.figures.catalogue import CHARTS
from dashboard.health import ALIVE, READY, add_health
from dashboard.links import PREFIX_KEY
from dashboard.navigation import PAGES, register_callbacks
from dashboard.refusals import refuse_what_cannot_be
from dashboard.repository import Repository
from dashboard.router import add_router, page_at
from dashboard.scripts import needed_scripts
from dashboard.security import secure_headers
from dashboard.shell import INDEX, shell
from job.artifacts.store import ObjectStore
from job.settings.dashboard import DashboardSettings

VENDOR = Path(__file__).parent / "vendor"
PLOTLY = "plotly-cartesian.min.js"
YEAR_SECONDS = 365 * 24 * 3600
MB = 1_000_000


class App(dash.Dash):
    """Dash that does not tell visitors which Python it runs on, and has a page load no more than it needs."""

    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = super()._config()
        return config | {"python_version": ""}

    def interpolate_index(self, **parts: str) -> str:  # type: ignore[override]  # Dash names what it gives
        """The HTML around the page of the address that is asked for."""
        prefix: str = self.config.requests_pathname_prefix
        page = page_at(PAGES, f"/{request.path.removeprefix(prefix).strip('/')}")
        scripts = needed_scripts(parts["scripts"], () if page is None else page.needs, prefix=prefix)
        html: str = super().interpolate_index(**parts | {"scripts": scripts})
        return html


def create_app(settings: DashboardSettings, store: ObjectStore) -> dash.Dash:
    """Build it.

    Parameters
    ----------
    settings : checked; where it listens is the server's business.
    store : what is shown.

    Raises
    ------
    ConfigError
        Where the password cannot be read.
    """
    repository = Repository(store, max_bytes=settings.cache_mb * MB)
    server = Flask("dashboard")
    server.config |= {
        PREFIX_KEY: settings.url_prefix,
        "SEND_FILE_MAX_AGE_DEFAULT": YEAR_SECONDS,  # asset addresses change with their content
        "MAX_CONTENT_LENGTH": MB,
    }
    _guard(server, settings)
    add_health(server, repository)
    _serve_small_plotly(server, settings.url_prefix)
    app = App(
        "dashboard",
        server=server,  # type: ignore[arg-type]  # a Flask is what its own documentation passes
        url_base_pathname=settings.url_prefix,
        assets_folder=str(Path(__file__).parent / "assets"),
        index_string=INDEX,
        title="Lorentzian",
        update_title="",
        suppress_callback_exceptions=True,
        serve_locally=True,
        enable_mcp=False,
        add_log_handler=False,
    )
    secure_headers(server, app.csp_hashes)
    refuse_what_cannot_be(server, app, prefix=settings.url_prefix)
    book = ChartBook(repository, CHARTS)
    add_csv(server, book, prefix=settings.url_prefix)
    add_router(app, PAGES, repository)
    add_chart_callbacks(app, book)
    add_clientside(app)
    register_callbacks(app, repository)
    app.layout = lambda: shell(PAGES)
    compress_answers(server)
    return app


def _guard(server: Flask, settings: DashboardSettings) -> None:
    if settings.proxy_hops:
        hops = settings.proxy_hops
        server.wsgi_app = ProxyFix(server.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    log_access(server)
    password = password_of(settings)
    if password is not None:
        require_password(server, user=settings.auth_user, password=password, open_paths=(ALIVE, READY))


def _serve_small_plotly(server: Flask, prefix: str) -> None:
    """Answer for plotly's whole bundle with the part that draws what is drawn here, a third of its size."""
    address = f"{prefix}_dash-component-suites/plotly/package_data/plotly."

    @server.before_request
    def _small() -> Response | None:
        if not (request.path.startswith(address) and request.path.endswith(".js")):
            return None
        response = Response(_bundle(), mimetype="text/javascript")
        response.cache_control.max_age = YEAR_SECONDS
        return response


@cache
def _bundle() -> bytes:
    return (VENDOR / PLOTLY).read_bytes()
