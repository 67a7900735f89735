"""What happens in the browser alone: links are copied, the help opens, the tab is named. The code is in ``assets/``."""

from dash import ClientsideFunction, Dash, Input, Output, State

from dashboard import ids


def add_clientside(app: Dash) -> None:
    """Register the browser's own functions."""
    app.clientside_callback(
        ClientsideFunction("lorentzian", "pageShown"),
        Output(ids.ANNOUNCER, "children"),
        Input(ids.PAGE, "children"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("lorentzian", "copyLink"),
        Output(ids.COPY_LINK, "children"),
        Input(ids.COPY_LINK, "n_clicks"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("lorentzian", "toggle"),
        Output(ids.HELP, "opened"),
        Input(ids.HELP_BUTTON, "n_clicks"),
        State(ids.HELP, "opened"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("lorentzian", "chooseRuns"),
        Output(ids.URL, "search"),
        Input(ids.RUN_CHOICE, "value"),
        State(ids.URL, "search"),
        prevent_initial_call=True,
    )
