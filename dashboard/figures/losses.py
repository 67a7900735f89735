"""Does what training learns hold on the days after it? Loss by epoch, a small picture a window. Pure."""

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.chart import Chart, Table
from dashboard.figures.house_style import BLUE, GREY, VERMILION, new_figure
from dashboard.figures.run_parts import windows_of
from dashboard.figures.sentence import sentence_chart
from dashboard.reading import Session
from job.records import LossCurveRecord, WindowRecord
from job.report.numbers import count

QUESTION = "Does what training learns hold on the days after it?"
COIN_LOSS = math.log(2)
NUM_COLUMNS = 6
PER_PART = 24
LINES = {
    "training": {"color": BLUE, "width": 1.2},
    "validation": {"color": VERMILION, "width": 1.2, "dash": "4px,2px"},
}
ROW_HEIGHT = 130


def losses_chart(session: Session, *, part: str = "") -> Chart:
    """Training and validation of each window's forward blocks on the same axes, and the epoch that was kept.

    Parameters
    ----------
    part : which windows, from 1: 24 fit on a screen.
    """
    trained = [window for window in windows_of(session) if _blocks(window)]
    num_parts = max(1, -(-len(trained) // PER_PART))
    number = min(max(1, int(part)), num_parts) if part.isdecimal() else 1
    shown = trained[(number - 1) * PER_PART : number * PER_PART]
    note = "Mean log-loss by epoch, 0 is untrained; two forward blocks a window. Baseline: a coin, 0.6931, dotted."
    if not shown:
        return sentence_chart(question=QUESTION, note=note, reason="this model is not trained in epochs")
    figure = _grid([f"window {window.span.index}" for window in shown])
    figure.add_traces(
        [trace for place, window in enumerate(shown) for trace in _drawn(_blocks(window), place)]
        + [
            {"type": "scatter", "x": [None], "y": [None], "mode": "lines", "name": name, "line": line}
            for name, line in LINES.items()
        ]
    )
    kept = [block.best_epoch for window in trained for block in _blocks(window)]
    parts = (
        f" Windows {shown[0].span.index} to {shown[-1].span.index} of {count(len(trained))}." if num_parts > 1 else ""
    )
    return Chart(
        question=QUESTION,
        note=f"{note} n = {count(len(kept))} fits; mark: the epoch that was kept.{parts}",
        summary=(
            f"The median fit kept epoch {np.median(kept):g}; {sum(epoch == 0 for epoch in kept)} of {len(kept)} kept "
            "none."
        ),
        figure=figure,
        table=Table(
            head=("window", "block", "epochs", "kept", "training at kept", "validation at kept"),
            rows=[
                (
                    window.span.index,
                    place + 1,
                    len(block.validation) - 1,
                    block.best_epoch,
                    block.training[block.best_epoch],
                    block.validation[block.best_epoch],
                )
                for window in trained
                for place, block in enumerate(_blocks(window))
            ],
        ),
    )


def num_parts(session: Session) -> int:
    """How many screens of windows there are."""
    return max(1, -(-sum(bool(_blocks(window)) for window in windows_of(session)) // PER_PART))


def _blocks(window: WindowRecord) -> list[LossCurveRecord]:
    """The fits that have a validation, and an epoch that both losses know."""
    return [
        curve
        for curve in window.loss_curves
        if curve.validation and 0 <= curve.best_epoch < min(len(curve.training), len(curve.validation))
    ]


def _grid(titles: list[str]) -> go.Figure:
    """Small panels on one scale, a title over each, and the coin's loss through every row of them."""
    num_rows = -(-len(titles) // NUM_COLUMNS)
    layout: dict[str, Any] = {}
    annotations, coins = [], []
    for place, title in enumerate(titles):
        row, column = divmod(place, NUM_COLUMNS)
        name = _axis(place)
        left, bottom = column / NUM_COLUMNS, 1 - (row + 1) / num_rows
        is_lowest = place + NUM_COLUMNS >= len(titles)
        layout[f"xaxis{name}"] = {
            "domain": [left, left + 0.92 / NUM_COLUMNS],
            "anchor": f"y{name}",
            "showticklabels": is_lowest,
            "title": {"text": "epoch" if is_lowest else ""},
            **({"matches": "x"} if place else {}),
        }
        layout[f"yaxis{name}"] = {
            "domain": [bottom, bottom + 0.8 / num_rows],
            "anchor": f"x{name}",
            "showticklabels": column == 0,
            "title": {"text": "log-loss" if column == 0 else ""},
            **({"matches": "y"} if place else {}),
        }
        annotations.append(_title(title, left=left + 0.46 / NUM_COLUMNS, top=bottom + 0.8 / num_rows))
        if column == 0:
            coins.append(_coin(f"y{name}"))
    return new_figure(
        x_title="",
        y_title="",
        height=110 + ROW_HEIGHT * num_rows,
        **layout,
        shapes=coins,
        annotations=annotations,
        hovermode="closest",
        margin={"t": 40},
        legend={"y": 1.04},
    )


def _title(text: str, *, left: float, top: float) -> dict[str, Any]:
    at = {"x": left, "y": top, "xref": "paper", "yref": "paper", "xanchor": "center", "yanchor": "bottom"}
    return {"text": text, "showarrow": False, "font": {"size": 12}} | at


def _coin(axis: str) -> dict[str, Any]:
    """What knowing nothing costs, through a whole row of panels."""
    line = {"color": GREY, "dash": "dot", "width": 1}
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "yref": axis,
        "y0": COIN_LOSS,
        "y1": COIN_LOSS,
        "line": line,
    }


def _drawn(blocks: list[LossCurveRecord], place: int) -> list[dict[str, Any]]:
    """A window's fits in its panel: a line a loss, with a gap from one fit to the next, and a mark a fit."""
    name = _axis(place)
    on = {"type": "scatter", "xaxis": f"x{name}", "yaxis": f"y{name}", "showlegend": False}
    lines = []
    for kind, line in LINES.items():
        losses = [
            (*block.training, math.nan) if kind == "training" else (*block.validation, math.nan) for block in blocks
        ]
        lines.append(
            on
            | {
                "x": np.concatenate([np.arange(len(each), dtype=np.float32) for each in losses]),
                "y": np.concatenate([np.array(each, dtype=np.float32) for each in losses]),
                "mode": "lines",
                "line": line,
                "hovertemplate": f"{kind} %{{y:.4f}}<extra></extra>",
            }
        )
    kept = {
        "x": [block.best_epoch for block in blocks],
        "y": [block.validation[block.best_epoch] for block in blocks],
        "mode": "markers",
        "marker": {"symbol": "diamond", "size": 7, "color": VERMILION},
        "hovertemplate": "kept, epoch %{x}<extra></extra>",
    }
    return [*lines, on | kept]


def _axis(place: int) -> str:
    """As plotly numbers axes: nothing for the first, then 2."""
    return "" if place == 0 else str(place + 1)
