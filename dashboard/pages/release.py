"""The model in use for one market: its forecasts since the release, the only test that nobody could choose by."""

from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.chart import Table
from dashboard.components import states
from dashboard.components.attributes import aria
from dashboard.components.cards import NumberCard, number_cards
from dashboard.components.chart_frame import chart_frame
from dashboard.components.freshness import freshness
from dashboard.components.table_grid import plain_table
from dashboard.figures.release import account_chart, calibration_chart
from dashboard.figures.run_parts import UNDEFINED, written
from dashboard.links import link, run_link
from dashboard.page import Page
from dashboard.pages.releases import STATE_WORDS
from dashboard.repository import Repository
from job.artifacts.keys import ModelKeys
from job.errors import NoDataError
from job.evaluation.reasons import reason_words
from job.intervals import format_utc, interval_ms
from job.records import CurrentModelRecord, SinceReleaseRecord
from job.report.metric_words import words_of
from job.report.numbers import count, loss, percent, share
from job.report.window_progress import duration

MEASURES = ("total_return", "sharpe_ratio", "max_drawdown", "n_trades", "win_rate", "exposure", "log_loss", "auc")
# A forecast comes with every bar; after so many without one, nobody predicts any more.
SILENT_BARS = 3


def layout(repository: Repository, *, venue: str, symbol: str, interval: str) -> list[Component]:
    """State, numbers, account, forecasts and drift; or the command that begins all of it."""
    market = ModelKeys(venue=venue, symbol=symbol, interval=interval)
    current = _current(repository, market)
    reading = repository.since_release(market)
    parts: list[Component] = [html.P(dcc.Link("All models in use", href=link("/release")))]
    command = f"lorentzian predict --venue {venue} --symbol {symbol} --interval {interval}"
    command += f" --save-path {repository.location}"
    if reading is None:
        nothing = states.empty("No forecast yet", "The model is in use, and nobody has asked it anything:", command)
        return [*parts, nothing, *_promotion(current)]
    record = reading.value
    parts += freshness(reading.read_at_ms, reading.etag, stale_reason=reading.stale_reason)
    parts += _cautions(record, current, repository.now_ms(), command)
    where: dict[str, Any] = {"venue": venue, "symbol": symbol, "interval": interval}
    return [
        *parts,
        _state(record),
        number_cards(release_cards(record)),
        chart_frame("release-account", account_chart(record), **where),
        html.H2("Beside its tests", className="chart-question"),
        plain_table(measures_table(record), label="Since the release, and in the tests of its run"),
        chart_frame("release-calibration", calibration_chart(record), **where),
        *_drift(record),
        *_abstentions(record),
        *_promotion(current),
    ]


def _current(repository: Repository, market: ModelKeys) -> CurrentModelRecord:
    """The model in use; a name becomes a key only where a listing has it."""
    current = repository.current_model(market) if repository.is_released(market) else None
    if current is None:
        raise NoDataError(
            f"No model is in use for {market.symbol} {market.interval} of {market.venue}.",
            remedy="Choose one of In use.",
        )
    return current.value


def release_cards(record: SinceReleaseRecord) -> list[NumberCard]:
    """Each number with what it rests on; the name is its field in the record."""
    band, drift = record.band, record.drift
    expected = "undefined" if band is None else f"{percent(band.low[-1] - 1)} to {percent(band.high[-1] - 1)}"
    abstained = sum(record.abstentions.values())
    return [
        NumberCard(
            name="equity",
            label="net return since the release",
            value=percent(record.equity[-1] - 1) if record.equity else f"{UNDEFINED}: no bar has closed",
            note=f"expected {expected}; n = {count(len(record.day_ms))} days; flat 0",
        ),
        NumberCard(
            name="num_forecasts",
            label="forecasts",
            value=count(record.num_forecasts),
            note=f"over {count(record.num_bars)} bars; {count(abstained)} times it had a reason to want nothing",
        ),
        NumberCard(
            name="num_late",
            label="too late to follow",
            value=count(record.num_late),
            note="signals written after the next bar had closed",
        ),
        NumberCard(
            name="drift.percentile",
            label="drift of the market",
            value=f"{UNDEFINED}: not measured yet" if drift is None else written(drift.percentile, share),
            note="of its run's windows had moved less from what the model was trained on",
        ),
    ]


def measures_table(record: SinceReleaseRecord) -> Table:
    """The same numbers since the release and in the tests."""
    rows = []
    for name in MEASURES:
        words = words_of(name)
        told = (written(each.get(name), words.form) for each in (record.measures, record.expected))
        rows.append((words.label, *told))
    return Table(head=("number", "since the release", "in the tests"), rows=rows)


def _state(record: SinceReleaseRecord) -> Component:
    body = [html.P([html.Strong(STATE_WORDS[record.state]), ": ", record.sentence])]
    if record.is_alert:
        body.append(
            html.P(
                "Nothing is switched off by itself: promote an earlier run to go back, or train anew. "
                "About one model in twenty leaves the band by chance."
            )
        )
    return html.Section(body, **aria(label="State"))


def _cautions(record: SinceReleaseRecord, current: CurrentModelRecord, now_ms: int, command: str) -> list[Component]:
    """What stands between the page and the present."""
    cards = []
    if current.promoted_at_ms != record.released_at_ms:
        cards.append(
            states.partial(
                "Another model is in use by now",
                f"What stands here is of run {record.run_id}. Ask the new one:",
                html.Pre(html.Code(command)),
            )
        )
    newest = record.last_open_ms
    silence_ms = now_ms - record.updated_at_ms
    if silence_ms > SILENT_BARS * interval_ms(record.interval):
        told = "no bar" if newest is None else f"the bar of {format_utc(newest)} UTC"
        cards.append(
            states.state_card(
                "stale",
                f"Nobody has asked for a forecast for {duration(silence_ms)}",
                f"The newest was of {told}. With new bars in the database:",
                html.Pre(html.Code(command)),
                colour="yellow",
            )
        )
    return cards


def _drift(record: SinceReleaseRecord) -> list[Component]:
    title = html.H2("Is the market still the one it learned from?", className="chart-question")
    drift = record.drift
    if drift is None:
        when = "it is measured once a day, after as many days as its run's windows test"
        return [title, states.undefined("Drift", when)]
    rows = [
        ("how well a classifier tells them apart, AUC", written(drift.auc, loss)),
        ("share of the run's windows that had moved less", written(drift.percentile, share)),
        ("features that moved most", ", ".join(drift.drifting_features) or "none"),
        ("measured", f"{format_utc(drift.day_ms)} UTC"),
    ]
    return [title, plain_table(Table(head=("what", "value"), rows=rows), label="Drift of features")]


def _abstentions(record: SinceReleaseRecord) -> list[Component]:
    if not record.abstentions:
        return []
    rows = [(reason_words(reason), count(number)) for reason, number in record.abstentions.items()]
    title = html.H2("Why it wanted nothing", className="chart-question")
    return [title, plain_table(Table(head=("reason", "bars"), rows=rows), label="Why it wanted nothing")]


def _promotion(current: CurrentModelRecord) -> list[Component]:
    title = html.H2("Where it comes from", className="chart-question")
    previous = current.previous
    rows = [
        ("run", current.run_id),
        ("verdict when it was promoted", current.verdict),
        ("in use since", f"{format_utc(current.promoted_at_ms)} UTC"),
        ("promoted by", current.promoted_by),
        ("why", current.why or "not said"),
        ("model", current.model_key),
        ("feature set", current.feature_set),
        ("before it", "none" if previous is None else previous.run_id),
    ]
    seen = html.P(dcc.Link("What its tests found", href=run_link(current.run_id)))
    return [title, plain_table(Table(head=("what", "value"), rows=rows), label="The promotion"), seen]


PAGE = Page(
    path="/release/<venue>/<symbol>/<interval>",
    title="Since release",
    question="Does the model in use do what its tests led to expect?",
    layout=layout,
    needs=("plots",),
)
