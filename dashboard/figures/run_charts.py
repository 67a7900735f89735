"""Every chart of a run's pages by its name: its question, its builder, and the choices that it offers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from dashboard.chart import Builder, Chart, Control
from dashboard.figures import (
    calibration,
    costs,
    deflation,
    drawdowns,
    dumbbell,
    equity,
    gantt,
    losses,
    luck,
    months,
    one_window,
    regimes,
    rolling,
    trades,
)
from dashboard.figures.window_detail import window_detail_chart
from dashboard.reading import Session, Stored
from dashboard.repository import Repository

# The charts of the last few runs that were looked at: a finished run's never change.
MAX_BUILT = 64


@dataclass(frozen=True, kw_only=True)
class RunChart:
    """One chart of a session.

    Parameters
    ----------
    question : its title, also where it cannot be drawn.
    build : ``build(session, **choices) -> Chart``, pure; `NoDataError` where what it draws is absent.
    controls : the choices, whose keys are arguments of ``build``.
    arguments : other arguments of ``build``.
    """

    question: str
    build: Callable[..., Chart]
    controls: tuple[Control, ...] = ()
    arguments: tuple[str, ...] = ()


RUN_CHARTS: Mapping[str, RunChart] = {
    "equity": RunChart(question=equity.QUESTION, build=equity.equity_chart, controls=(equity.SCALE,)),
    "drawdowns": RunChart(question=drawdowns.QUESTION, build=drawdowns.drawdowns_chart),
    "months": RunChart(question=months.QUESTION, build=months.months_chart),
    "rolling": RunChart(question=rolling.QUESTION, build=rolling.rolling_chart),
    "trades": RunChart(question=trades.QUESTION, build=trades.trades_chart),
    "calibration": RunChart(question=calibration.QUESTION, build=calibration.calibration_chart),
    "sides": RunChart(question=calibration.SIDES_QUESTION, build=calibration.sides_chart),
    "costs": RunChart(question=costs.QUESTION, build=costs.costs_chart),
    "gantt": RunChart(question=gantt.QUESTION, build=gantt.gantt_chart),
    "dumbbell": RunChart(question=dumbbell.QUESTION, build=dumbbell.dumbbell_chart, controls=(dumbbell.METRIC,)),
    "strip": RunChart(question=one_window.STRIP_QUESTION, build=one_window.strip_chart),
    "without": RunChart(question=one_window.WITHOUT_QUESTION, build=one_window.without_chart),
    "share": RunChart(question=one_window.SHARE_QUESTION, build=one_window.share_chart),
    "losses": RunChart(question=losses.QUESTION, build=losses.losses_chart, arguments=("part",)),
    "deflation": RunChart(question=deflation.QUESTION, build=deflation.deflation_chart),
    "record": RunChart(question=deflation.RECORD_QUESTION, build=deflation.record_chart),
    "null_worlds": RunChart(question=luck.NULL_QUESTION, build=luck.null_worlds_chart),
    "regimes": RunChart(question=regimes.QUESTION, build=regimes.regimes_chart),
    "stress": RunChart(question=luck.STRESS_QUESTION, build=luck.stress_chart),
    "fan": RunChart(question=luck.FAN_QUESTION, build=luck.fan_chart),
    "drift": RunChart(question=luck.DRIFT_QUESTION, build=luck.drift_chart),
}


def built_chart(name: str, session: Session, given: Mapping[str, str]) -> Chart:
    """One chart of a session, from memory where it was built before; errors as of its builder.

    Parameters
    ----------
    given : arguments of the builder, none of them empty.
    """
    return _built(name, Stored.of(session), tuple(sorted(given.items())))


@lru_cache(maxsize=MAX_BUILT)
def _built(name: str, stored: Stored, given: tuple[tuple[str, str], ...]) -> Chart:
    return RUN_CHARTS[name].build(stored.session, **dict(given))


def run_chart_builders() -> dict[str, Builder]:
    """The same as builders over a repository, for tables, files and redrawing."""
    return {name: _over_repository(name, chart) for name, chart in RUN_CHARTS.items()} | {"window": _window}


def _window(repository: Repository, *, run_id: str, index: str) -> Chart:
    """One window bar by bar."""
    number = int(index)
    return window_detail_chart(repository.window(run_id, number), repository.window_series(run_id, number))


def _over_repository(name: str, chart: RunChart) -> Builder:
    keys = {*(control.key for control in chart.controls), *chart.arguments}

    def read(repository: Repository, *, run_id: str, scale: str = "", metric: str = "", part: str = "") -> Chart:
        given = {"scale": scale, "metric": metric, "part": part}
        chosen = {key: value for key, value in given.items() if value and key in keys}
        return built_chart(name, repository.session(run_id), chosen)

    return read
