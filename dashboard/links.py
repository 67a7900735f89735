"""Addresses inside the dashboard, under whatever path a proxy serves it."""

from urllib.parse import quote, urlencode

from flask import current_app, has_app_context

PREFIX_KEY = "LORENTZIAN_URL_PREFIX"


def link(path: str, **query: str) -> str:
    """The address of ``path``, which begins with a slash, with a query of what is not empty."""
    prefix = current_app.config.get(PREFIX_KEY, "/") if has_app_context() else "/"
    asked = {name: value for name, value in query.items() if value}
    return prefix.rstrip("/") + path + (f"?{urlencode(asked)}" if asked else "")


def release_link(venue: str, symbol: str, interval: str) -> str:
    """The address of the page of a market's model in use."""
    return link("/release/" + "/".join(quote(part, safe="") for part in (venue, symbol, interval)))


def run_link(run_id: str, page: str = "", **query: str) -> str:
    """The address of a run's page: session, ``windows``, ``honesty`` or ``live``."""
    tail = f"/{page}" if page else ""
    return link(f"/run/{quote(run_id, safe='')}{tail}", **query)
