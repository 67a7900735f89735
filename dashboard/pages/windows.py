"""The windows of a session: whether the result is one lucky window's."""

from dash import html
from dash.development.base_component import Component

from dashboard.chart import Control
from dashboard.components import states
from dashboard.components.chart_frame import chart_frame
from dashboard.figures import losses
from dashboard.figures.one_window import told_of_one_window
from dashboard.figures.run_charts import built_chart
from dashboard.page import Page
from dashboard.pages.session_frame import framed, run_frame
from dashboard.pages.windows_table import windows_grid
from dashboard.reading import Session
from dashboard.repository import Repository
from job.errors import NoDataError


def layout(repository: Repository, *, run_id: str, metric: str = "", part: str = "") -> list[Component]:
    """How the windows were cut, what each chose and found, and whether one of them made it all."""
    session = repository.session(run_id)
    frame, plan = run_frame(session, "windows"), framed("gantt", session)
    if session.result is None:
        return [*frame, plan]
    windows = () if session.result.windows is None else session.result.windows.windows
    return [
        *frame,
        *_answer(session),
        plan,
        framed("dumbbell", session, metric=metric),
        *(framed(name, session) for name in ("strip", "without", "share")),
        html.H2("Window by window", className="chart-question"),
        html.P(
            "Enter, or a click on its number, opens a window: price, forecasts and positions bar by bar.",
            className="muted",
        ),
        windows_grid(session, windows, repository.window_runs(run_id)),
        _losses(session, part),
    ]


def _answer(session: Session) -> list[Component]:
    """The page's question answered in words; nothing where the run has no curves, which the charts' cards say."""
    try:
        return [html.P(told_of_one_window(session), className="verdict-line")]
    except NoDataError:
        return []


def _losses(session: Session, part: str) -> Component:
    """Small multiples, a screen of windows at a time."""
    try:
        num = losses.num_parts(session)
    except NoDataError as error:
        return states.undefined(losses.QUESTION, str(error))
    if num == 1:
        return framed("losses", session)
    choices = tuple((str(number), str(number)) for number in range(1, num + 1))
    chart = built_chart("losses", session, {"part": part} if part else {})
    control = Control(key="part", label=f"{losses.PER_PART} windows a screen", choices=choices)
    return chart_frame("losses", chart, controls=(control,), run_id=session.run_id, **({"part": part} if part else {}))


PAGE = Page(
    path="/run/<run_id>/windows",
    title="Windows",
    question="Is it one lucky window?",
    layout=layout,
    needs=("grid", "plots"),
)
