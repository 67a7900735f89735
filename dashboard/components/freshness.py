"""How fresh a page is: when the store was asked, and the tag of what it said."""

from datetime import UTC, datetime

from dash import html
from dash.development.base_component import Component


def freshness(read_at_ms: int, etag: str) -> Component:
    """``read 12 s ago``, counted on by a script, with the exact moment beneath."""
    moment = datetime.fromtimestamp(read_at_ms / 1000, tz=UTC)
    tag = etag.strip('"')[:12]
    return html.P(
        [
            "read ",
            html.Time(
                f"at {moment:%H:%M:%S} UTC",
                dateTime=moment.isoformat(timespec="seconds"),
                className="ago",
                title=f"{moment:%Y-%m-%d %H:%M:%S} UTC",
            ),
            f", ETag {tag}" if tag else "",
        ],
        className="muted freshness",
    )
