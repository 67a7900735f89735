"""Which scripts a page names."""

import pytest

from dashboard.scripts import needed_scripts

WRITTEN = "\n".join(
    f'<script src="/proj/_dash-component-suites/{file}"></script>'
    for file in (
        "dash/deps/polyfill@7.v4_4_1m1.12.1.min.js",
        "dash/deps/react@18.v4_4_1m1.3.1.min.js",
        "dash_ag_grid/dash_ag_grid.v35_3_0m1.min.js",
        "dash/dash-renderer/build/dash_renderer.v4_4_1m1.min.js",
        "dash/dash_table/bundle.v7_4_1m1.js",
    )
)
GRID = "/proj/_dash-component-suites/dash_ag_grid/dash_ag_grid.v35_3_0m1.min.js"


@pytest.mark.parametrize("needs", [(), ("grid",), ("plots",), ("grid", "plots")])
def test_page_loads_what_it_needs_and_is_told_of_the_rest(needs: tuple[str, ...]) -> None:
    """The grid's code is loaded or only named, plotly's named where there are charts; what nobody uses is gone."""
    tags = needed_scripts(WRITTEN, needs, prefix="/proj/")  # type: ignore[arg-type]
    assert [part in tags for part in ("dash_table", "polyfill", "react@", "dash_rend")] == [False, True, True, True]
    assert (f'<script src="{GRID}"></script>' in tags) == ("grid" in needs)
    assert (f'<template id="grid-code" data-address="{GRID}"></template>' in tags) == ("grid" not in needs)
    plots = '<template id="plots-code" data-address="/proj/_dash-component-suites/plotly/package_data/plotly.min.js">'
    assert (plots in tags) == ("plots" in needs)
    assert tags.count("prefetch") == len(needs)
