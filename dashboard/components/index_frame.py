"""The top of a page over the index of runs: how fresh it is, and what is wrong with it."""

from dash.development.base_component import Component

from dashboard.components import states
from dashboard.components.freshness import freshness
from dashboard.reading import Reading, RunsIndex


def index_frame(reading: Reading[RunsIndex]) -> list[Component]:
    """When it was read, whether that was earlier, and a card for each object in it that could not be used."""
    stale = [states.stale(reading.stale_reason)] if reading.stale_reason else []
    return [freshness(reading.read_at_ms, reading.etag), *stale, *states.faults(reading.value.faults)]
