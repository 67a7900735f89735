"""The ids of components that callbacks and scripts know."""

URL = "url"
PAGE = "page"
HEADING = "heading"
RETRY = "retry"
ANNOUNCER = "announcer"
HELP = "help"
HELP_BUTTON = "help-button"
COPY_LINK = "copy-link"
TICK = "tick"
RUNS_GRID = "runs-grid"
RUNS_FILTER = "runs-filter"
COMPARE_BUTTON = "compare-button"
LIVE_CONTENT = "live-content"
LIVE_INTERVAL = "live-interval"
RUN_CHOICE = "run-choice"

# Pattern-matching: a chart's parts, and the arguments that it was built with.
CHART = "chart"
CHART_TABLE = "chart-table"
CHART_TABLE_BUTTON = "chart-table-button"
CHART_PNG = "chart-png"
CHART_CONTROL = "chart-control"


def of_chart(kind: str, name: str, arguments: str) -> dict[str, str]:
    """The id of one part of a chart; ``arguments`` is the builder's query string."""
    return {"type": kind, "chart": name, "arguments": arguments}


def of_control(name: str, arguments: str, key: str) -> dict[str, str]:
    """The id of one of a chart's choices."""
    return {"type": CHART_CONTROL, "chart": name, "arguments": arguments, "key": key}
