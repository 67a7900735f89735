"""The models in use, market by market, and which of them still do what their tests led to expect."""

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.components import states
from dashboard.components.attributes import aria
from dashboard.components.freshness import freshness
from dashboard.links import release_link
from dashboard.page import Page
from dashboard.reading import Fault
from dashboard.repository import Repository
from job.artifacts.keys import ModelKeys
from job.errors import DataError
from job.intervals import format_utc
from job.records import SinceReleaseRecord
from job.report.numbers import DASH, count, percent

STATE_WORDS = {
    "inside": "✔ as expected",
    "below": "▼ below what was expected",
    "above": "▲ above what was expected",
    "unknown": "○ too early to tell",
}
HEAD = ("market", "state", "since the release", "expected, 95 %", "days", "in use since, UTC", "verdict then", "run")
# Each market is a read of its own.
MAX_MARKETS = 100


def layout(repository: Repository) -> list[Component]:
    """A row a market, those outside of what was expected first."""
    markets = repository.released_markets()
    parts = freshness(repository.now_ms(), "")
    if not markets:
        return [
            *parts,
            states.empty(
                "No model is in use",
                f"Nothing is promoted under {repository.location}. A finished run's model is put in use, asked for "
                "forecasts, and then watched here:",
                f"lorentzian promote RUN --save-path {repository.location}\n"
                f"lorentzian predict --save-path {repository.location}",
            ),
        ]
    rows, faults = [], []
    for market in markets[:MAX_MARKETS]:
        try:
            reading = repository.since_release(market)
            rows.append(_row(market, None if reading is None else reading.value))
        except DataError as error:
            faults.append(Fault.of(market.since_release, error))
    if len(markets) > MAX_MARKETS:
        parts.append(states.partial(f"The first {MAX_MARKETS} of {count(len(markets))} markets are shown"))
    rows.sort(key=lambda row: row[1] in (STATE_WORDS["inside"], STATE_WORDS["unknown"]))
    return [*parts, *states.faults(tuple(faults)), _table(rows)]


def _row(market: ModelKeys, record: SinceReleaseRecord | None) -> tuple[Component | str, ...]:
    name = f"{market.symbol} {market.interval} ({market.venue})"
    link = dcc.Link(name, href=release_link(market.venue, market.symbol, market.interval))
    if record is None:
        return (link, "○ no forecast yet", *[DASH] * (len(HEAD) - 2))
    band = record.band
    expected = DASH if band is None else f"{percent(band.low[-1] - 1)} to {percent(band.high[-1] - 1)}"
    return (
        link,
        STATE_WORDS[record.state],
        percent(record.equity[-1] - 1) if record.equity else DASH,
        expected,
        count(len(record.day_ms)),
        format_utc(record.released_at_ms),
        record.verdict,
        record.run_id,
    )


def _table(rows: list[tuple[Component | str, ...]]) -> Component:
    head = html.Thead(html.Tr([html.Th(name, scope="col") for name in HEAD]))
    body = [html.Tr([html.Th(row[0], scope="row"), *(html.Td(cell) for cell in row[1:])]) for row in rows]
    return html.Div(
        html.Table(
            [html.Caption("Models in use", className="visually-hidden"), head, html.Tbody(body)], className="plain"
        ),
        className="scroll",
        tabIndex=0,
        role="region",
        **aria(label="Models in use"),
    )


PAGE = Page(
    path="/release",
    title="In use",
    question="Which models are in use, and do they do what their tests led to expect?",
    layout=layout,
    in_navigation=True,
)
