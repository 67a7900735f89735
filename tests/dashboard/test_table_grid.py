"""Tables on a page."""

from dashboard.chart import Table
from dashboard.components.table_grid import plain_table


def test_numbers_stand_right_with_those_that_are_undefined() -> None:
    """A column of numbers stays one where a number does not exist; one with words in it does not."""
    rows = [("a", "1.5", "done", "undefined: no trades"), ("b", "undefined: never varies", "2", "– (no trades)")]
    (whole,) = [plain_table(Table(head=("what", "x", "y", "z"), rows=rows), label="numbers").children]
    (_, _, body) = whole.children
    for row in body.children:
        assert [cell.className for cell in row.children[1:]] == ["number", "", "number"]
