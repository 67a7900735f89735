"""The top of a page over the index of runs: how fresh it is, and what is wrong with it."""

from dash.development.base_component import Component

from dashboard.components import states
from dashboard.components.freshness import freshness
from dashboard.reading import Reading, RunsIndex


def index_frame(reading: Reading[RunsIndex]) -> list[Component]:
    """When it was read, whether that was earlier, and a card for each object in it that could not be used."""
    read = freshness(reading.read_at_ms, reading.etag, stale_reason=reading.stale_reason)
    return [*read, *states.faults(reading.value.faults)]
