"""Reading a page as a browser would: its elements, ids, references and text, and whether its tags are balanced."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "img", "link", "input", "hr"}
REFERENCES = {"src", "href", "data", "action", "srcset", "poster"}


@dataclass
class _Reader(HTMLParser):
    """Collects while parsing.

    Parameters
    ----------
    open_tags : those not closed yet.
    tags, ids, references, text : in order.
    """

    open_tags: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open_tags.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = dict(attrs)
        if named.get("id"):
            self.ids.append(str(named["id"]))
        self.references += [str(value) for name, value in named.items() if name in REFERENCES]

    def handle_endtag(self, tag: str) -> None:
        assert self.open_tags, f"</{tag}> closes nothing"
        assert self.open_tags.pop() == tag, f"</{tag}> closes another tag"

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@dataclass(frozen=True, kw_only=True)
class ReadPage:
    """What a page holds, in order; ``text`` has single spaces."""

    tags: tuple[str, ...]
    ids: tuple[str, ...]
    references: tuple[str, ...]
    text: str


def read_page(page: bytes) -> ReadPage:
    """Parse a page; AssertionError where a tag is closed wrongly or not at all."""
    reader = _Reader()
    reader.feed(page.decode())
    reader.close()
    assert not reader.open_tags, f"never closed: {reader.open_tags}"
    return ReadPage(
        tags=tuple(reader.tags),
        ids=tuple(reader.ids),
        references=tuple(reader.references),
        text=" ".join(" ".join(reader.text).split()),
    )
