"""About: which program this is, what it reads, how its cache does, and whose work it stands on."""

import platform
from importlib.metadata import PackageNotFoundError, metadata, version

from dash import html
from dash.development.base_component import Component

from dashboard.chart import Table
from dashboard.components.help import help_content
from dashboard.components.table_grid import plain_table
from dashboard.health import why_not_ready
from dashboard.page import Page
from dashboard.repository import Repository
from job.records import SCHEMA_VERSION
from job.report.numbers import count, share

# What the pages are made with; licences as the packages themselves state them.
PACKAGES = (
    "dash",
    "plotly",
    "dash-mantine-components",
    "dash-ag-grid",
    "flask",
    "flask-compress",
    "gunicorn",
    "numpy",
    "tsdownsample",
    "pydantic",
    "prometheus-client",
    "structlog",
    "boto3",
)
OWN = "lorentzian-trainer"


def layout(repository: Repository) -> list[Component]:
    """Versions, store, cache, licences, and the definitions of the help drawer."""
    ready = why_not_ready(repository)
    cache = repository.objects.cache
    rows = [
        ("program", _version(OWN)),
        ("stored schema", f"version {SCHEMA_VERSION}"),
        ("store", repository.location),
        ("index", ready or "can be read"),
        ("kept in memory", f"{count(cache.num_objects)} objects, about {cache.num_bytes / 1e6:,.1f} MB"),
        ("answered from memory", _hit_rate(repository)),
        ("Python", platform.python_version()),
    ]
    licences = [(name, _version(name), _licence(name)) for name in PACKAGES]
    bundle = ("plotly.js (cartesian bundle)", _version("plotly"), "MIT")
    return [
        plain_table(Table(head=("what", "now"), rows=rows), label="This dashboard"),
        html.P(
            "It reads the store and nothing else: no database, no cluster, no model is ever opened, and nothing is "
            "written."
        ),
        html.H2("What it is made with"),
        plain_table(Table(head=("package", "version", "licence"), rows=[*licences, bundle]), label="Licences"),
        html.H2("What the numbers mean"),
        *help_content(),
    ]


def _hit_rate(repository: Repository) -> str:
    counts = repository.objects.counts
    asked = counts.num_known + counts.num_fetched
    return f"{share(counts.num_known / asked)} of {count(asked)} reads" if asked else "nothing was read yet"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _licence(name: str) -> str:
    try:
        stated = metadata(name)
    except PackageNotFoundError:
        return "–"
    fields = stated.json
    expression, classifiers = fields.get("license_expression"), fields.get("classifier") or []
    named = [name.rpartition("::")[2].strip() for name in classifiers if name.startswith("License")]
    first_line = str(fields.get("license") or "–").splitlines()[0]
    return str(expression or ", ".join(named) or first_line)[:60]


PAGE = Page(
    path="/about", title="About", question="What is this, and what does it read?", layout=layout, in_navigation=True
)
