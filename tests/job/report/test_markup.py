"""HTML from functions escapes whatever is not HTML already."""

from hypothesis import given, settings
from hypothesis import strategies as st

from job.report.markup import Markup, element, table
from tests.support.html_pages import read_page

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)


@given(text=TEXT, attribute=TEXT)
@settings(max_examples=80, deadline=None)
def test_element_holds_any_text(text: str, attribute: str) -> None:
    """Any text comes back as text, and adds no element."""
    page = read_page(element("p", text, title=attribute).encode())
    assert page.tags == ("p",)
    assert page.text == " ".join(text.split())


def test_element_known_markup() -> None:
    """Names of attributes, nesting and elements without an end are written as HTML has them."""
    assert element("p", "a & b", element("br"), class_="x", aria_label='"') == (
        '<p class="x" aria-label="&quot;">a &amp; b<br></p>'
    )
    assert isinstance(element("p"), Markup)


def test_table_names_rows_and_columns() -> None:
    """Header cells have a scope, so that a screen reader can name each number."""
    markup = table(("model", "Sharpe"), [("prior", "1.20")], caption="Models")
    assert '<th scope="col">Sharpe</th>' in markup
    assert '<th scope="row">prior</th>' in markup
    assert "<caption>Models</caption>" in markup
