"""Tests of the grid of windows in a terminal."""

import pytest

from job.commands.window_grid import grid_lines
from job.report.window_progress import WindowCell


@pytest.mark.parametrize(("number", "lines", "last"), [(0, 0, ""), (21, 3, "  20   D"), (500, 17, "  480   D")])
def test_every_window_has_its_letter(number: int, lines: int, last: str) -> None:
    """As many letters as windows, no line wider than a terminal, each beginning with its first index."""
    found = [line.plain for line in grid_lines([WindowCell(index=i, name="done", detail="") for i in range(number)])]
    assert len(found) == lines
    assert sum(line.count("D") for line in found) == number
    assert all(len(line) <= 80 for line in found)
    assert not found or found[-1].startswith(last)
