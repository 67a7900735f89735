"""What the pages of one run share: tabs, freshness, what is wrong or missing, and charts that may not exist."""

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.components import states
from dashboard.components.chart_frame import chart_frame
from dashboard.components.freshness import freshness
from dashboard.components.run_tabs import run_tabs
from dashboard.figures.run_charts import RUN_CHARTS, built_chart
from dashboard.links import run_link
from dashboard.reading import Session
from job.errors import NoDataError
from job.report.numbers import count


def run_frame(session: Session, current: str) -> list[Component]:
    """The top of a run's page; ``current`` as in `run_tabs`."""
    read = freshness(session.read_at_ms, session.manifest_etag, stale_reason=session.stale_reason)
    parts = [run_tabs(session.run_id, current), *read]
    if session.result is None:
        return [*parts, _no_result(session)]
    parts += states.faults(session.result.faults)
    summary = session.result.summary
    if summary.num_done < summary.num_windows:
        reasons = [html.Li(f"window {index}: {reason}") for index, reason in summary.failed_windows.items()]
        parts.append(
            states.partial(
                f"{count(summary.num_done)} of {count(summary.num_windows)} windows; {count(len(reasons))} failed",
                "Every number is of those that finished. Nothing was filled in for the others.",
                html.Ul(reasons[:20]),
            )
        )
    return parts


def framed(name: str, session: Session, **chosen: str) -> Component:
    """One chart of the page, or a card that says why there is none.

    Parameters
    ----------
    chosen : what its controls were set to; empty text is the default.
    """
    chart = RUN_CHARTS[name]
    given = {key: value for key, value in chosen.items() if value}
    try:
        built = built_chart(name, session, given)
    except NoDataError as error:
        return states.undefined(chart.question, str(error))
    return chart_frame(name, built, controls=chart.controls, run_id=session.run_id, **given)


def _no_result(session: Session) -> Component:
    if session.plan.value.kind == "training":
        return states.state_card(
            "undefined",
            "A basic training has no joined tests",
            f"Its three files lie under runs/{session.run_id}/: model, metrics and loss curve. "
            "A walk-forward of the same settings has everything that stands here:",
            html.Pre(html.Code("lorentzian walkforward")),
        )
    return states.partial(
        f"Not finished: {count(len(session.plan.value.windows))} windows are planned, and nothing is judged before "
        "the end",
        html.Div(["How far it is: ", dcc.Link("Live", href=run_link(session.run_id, "live"))]),
        html.Div("Should every window be settled, this makes the result:"),
        html.Pre(html.Code(f"lorentzian finalize --run-id {session.run_id}")),
    )
