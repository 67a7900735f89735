"""How fresh a page is: when the store was asked, the tag of what it said, and whether that was earlier."""

from datetime import UTC, datetime

from dash import html
from dash.development.base_component import Component

from dashboard.components import states


def freshness(read_at_ms: int, etag: str, *, stale_reason: str = "") -> list[Component]:
    """``read 12 s ago``, counted on by a script, with the exact moment beneath; a card where it is stale."""
    moment = datetime.fromtimestamp(read_at_ms / 1000, tz=UTC)
    tag = etag.strip('"')[:12]
    read = html.P(
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
    return [read, states.stale(stale_reason)] if stale_reason else [read]
