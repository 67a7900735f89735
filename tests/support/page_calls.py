"""What a browser posts to the dashboard, as the bodies of its requests."""

import json
from typing import Any


def page_call(path: str, search: str = "") -> bytes:
    """Show the page of an address."""
    return _body(
        "page.children",
        {"id": "page", "property": "children"},
        inputs=[
            {"id": "url", "property": "pathname", "value": path},
            {"id": "url", "property": "search", "value": search},
            {"id": "retry", "property": "n_clicks"},
        ],
        changed="url.pathname",
    )


def zoom_call(chart: str, arguments: str, *, start: str, end: str) -> bytes:
    """Draw a chart without choices again for the stretch that somebody looks at."""
    own = {"type": "chart", "chart": chart, "arguments": arguments}
    every = own | {"chart": ["MATCH"], "arguments": ["MATCH"]}
    return _body(
        f"{_written(every)}.figure",
        {"id": own, "property": "figure"},
        inputs=[
            {"id": own, "property": "relayoutData", "value": {"xaxis.range[0]": start, "xaxis.range[1]": end}},
            [],
        ],
        state=[[], {"id": own, "property": "id", "value": own}],
        changed=f"{_written(own)}.relayoutData",
    )


def _written(component: dict[str, Any]) -> str:
    return json.dumps(component, sort_keys=True, separators=(",", ":"))


def _body(output: str, outputs: dict[str, Any], *, changed: str, **parts: Any) -> bytes:
    return json.dumps({"output": output, "outputs": outputs, "changedPropIds": [changed], **parts}).encode()
