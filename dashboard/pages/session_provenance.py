"""Where a session comes from: settings, versions and a digest of the data, to read and to take away. Pure."""

import base64
import hashlib
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.chart import Table
from dashboard.components.table_grid import plain_table
from dashboard.reading import Session
from job.artifacts.json_bytes import to_json_bytes
from job.intervals import YEAR_DAYS, format_utc
from job.records import PlanRecord
from job.report.numbers import bps, count

PROVENANCE_TEXT = "provenance-json"


def provenance(session: Session) -> Component:
    """Two tables, folded away until somebody asks, and the same as JSON."""
    plan = session.plan.value
    facts, settings = provenance_rows(plan), setting_rows(plan)
    data: dict[str, Any] = {
        "run_id": plan.run_id,
        "facts": {name: value for name, value in facts},
        "procedure": plan.procedure.model_dump(mode="json"),
        "manifest_etag": session.manifest_etag,
    }
    text = to_json_bytes(data).decode()
    address = "data:application/json;base64," + base64.b64encode(text.encode()).decode()
    return html.Section(
        [
            html.H2("Where it comes from", className="chart-question"),
            plain_table(Table(head=("what", "value"), rows=facts), label="Versions and data"),
            html.Details(
                [
                    html.Summary("Every setting"),
                    plain_table(Table(head=("setting", "value"), rows=settings), label="Settings"),
                ]
            ),
            html.Details(
                [
                    html.Summary("As JSON"),
                    html.Div(
                        [
                            dcc.Clipboard(target_id=PROVENANCE_TEXT, title="Copy as JSON"),
                            html.A("Download", href=address, download=f"{plan.run_id}.json", className="button-link"),
                        ],
                        className="control",
                    ),
                    html.Pre(html.Code(text), id=PROVENANCE_TEXT),
                ]
            ),
        ]
    )


def provenance_rows(plan: PlanRecord) -> list[tuple[str, str]]:
    """What it was made from and with."""
    days = sorted(plan.day_digests)
    return [
        ("run", plan.run_id),
        ("planned", f"{format_utc(plan.created_at_ms)} UTC"),
        ("data until", f"{format_utc(plan.end_ms)} UTC"),
        ("data read", f"{count(len(days))} days, {days[0]} to {days[-1]}" if days else "none"),
        ("data digest", hashlib.sha256(to_json_bytes(dict(plan.day_digests))).hexdigest()),
        ("feature set", f"{plan.feature_set}, {count(len(plan.feature_names))} features"),
        ("cost of a side", bps(plan.procedure.costs.fee_bps + plan.procedure.costs.slippage_bps)),
        ("a year has", f"{YEAR_DAYS} days of returns"),
        ("seed", str(plan.procedure.model.seed)),
        ("threads and device", f"{plan.threads}, {plan.device}"),
        ("schema", str(plan.schema_version)),
        *sorted(plan.versions.items()),
    ]


def setting_rows(plan: PlanRecord) -> list[tuple[str, str]]:
    """Everything that decides the result."""
    groups = plan.procedure.model_dump(mode="json")
    return [(f"{group}: {name}", _written(value)) for group in groups for name, value in groups[group].items()]


def _written(value: object) -> str:
    if value is None:
        return "default"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
