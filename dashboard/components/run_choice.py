"""The menu of runs that several pages share: what is chosen is a new address."""

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.attributes import data
from dashboard.reading import RunsIndex
from dashboard.window_points import MAX_RUNS, chosen_runs


def run_choice(index: RunsIndex, chosen: str) -> Component:
    """Finished walk-forwards, newest first, up to eight of them.

    Parameters
    ----------
    chosen : ids joined by commas; those that do not exist stay, so that their absence is told.
    """
    runs = [run for run in index.runs.values() if run.state == "finished" and run.kind == "walkforward"]
    names = [run.run_id for run in sorted(runs, key=lambda run: -run.created_at_ms)]
    own = list(chosen_runs(chosen))
    return html.Div(
        dmc.MultiSelect(
            id=ids.RUN_CHOICE,
            label="Runs",
            data=list(dict.fromkeys([*own, *names])),
            value=own,
            maxValues=MAX_RUNS,
            searchable=True,
            limit=50,
            hidePickedOptions=True,
            w="100%",
            maw=720,
        ),
        className="toolbar",
        **data(menu="runs", shown=",".join(own)),
    )
