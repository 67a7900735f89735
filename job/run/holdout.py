"""The book of locked-away days: who has opened them, in which order, noted before they are read.

Days that somebody has looked at can confirm nothing any more, since whatever came after may have been chosen for
them. So the days are named by a digest of their bars, the book lives beside the ledger and apart from the runs, and
no opening is ever taken out of it. The days are a symbol's: bars of another length or venue show the same market, so
the books of all of them are searched. An opening is a reading too, and stands in the ledger of trials like any other.
"""

import hashlib
import re
from dataclasses import dataclass

import psycopg

from job.artifacts.json_bytes import to_json_bytes
from job.artifacts.keys import HOLDOUT_PREFIX, holdout_book
from job.artifacts.store import ObjectStore, update
from job.artifacts.stored_records import parse_record, record_bytes
from job.data.digests import day_digests
from job.intervals import format_utc
from job.records import HoldoutLedgerRecord, HoldoutOpeningRecord, PlanRecord
from job.rules import market_key
from job.run.ledger import entry_key, note_reading, procedure_hash, readers_of, series_name
from job.windows import Span, Window

BARS_ALONE = ""  # no feature set: the same days are the same days, whatever is made of them
_BOOK = re.compile(rf"{HOLDOUT_PREFIX}(?P<series>[^/]+-(?P<symbol>[A-Z0-9]+)-[^/-]+)/[0-9a-f]+\.json")


@dataclass(frozen=True, kw_only=True)
class Opening:
    """An opening that stands in the book and in the ledger.

    Parameters
    ----------
    entry : key of its reading in the ledger of trials.
    number : which opening of these days or of some of them it is, from 1.
    spent_reason : who has looked at days among these before, as a sentence; None where nobody has.
    """

    entry: str
    number: int
    spent_reason: str | None


def data_digest(connection: psycopg.Connection, plan: PlanRecord, span: Span) -> str:
    """What names the days of ``span``: 16 hex digits of their bars."""
    digests = day_digests(
        connection,
        market_key(plan.procedure),
        BARS_ALONE,
        start_ms=span.start_ms,
        end_ms=span.end_ms,
        with_funding=False,
    )
    return hashlib.sha256(to_json_bytes({**digests})).hexdigest()[:16]


def note_opening(
    ledger: ObjectStore, plan: PlanRecord, window: Window, *, digest: str, model_hash: str, now_ms: int
) -> Opening:
    """Note that a run is about to read locked-away days.

    Idempotent: a run that died before it could store what it read finds its own line.

    Parameters
    ----------
    window : its test are the locked-away days.
    digest : of `data_digest`.
    model_hash : of the final model, which must be trained before.
    """
    days = window.test
    assert days is not None
    key = holdout_book(series_name(plan.procedure), digest)
    line = HoldoutOpeningRecord(
        run_id=plan.run_id,
        procedure=procedure_hash(plan.procedure, plan.feature_set),
        model_hash=model_hash,
        opened_at_ms=now_ms,
    )

    def noted(data: bytes | None) -> bytes:
        page = HoldoutLedgerRecord(start_ms=days.start_ms, end_ms=days.end_ms, openings=())
        if data is not None:
            page = parse_record(HoldoutLedgerRecord, data, where=key)
            if any(_is_same(opening, line) for opening in page.openings):
                return data
        return record_bytes(page.model_copy(update={"openings": (*page.openings, line)}))

    update(ledger, key, noted)
    # Looked up after the note, so that of two runs at once not both can find the days untouched.
    pages = _pages_over(ledger, plan.procedure.market.symbol, days)
    earlier = _openings_before(pages, key, line)
    reason = _opened(earlier[0], days) if earlier else _tested(ledger, plan, days, pages)
    entry = note_reading(ledger, plan, window, model_hash=model_hash)
    return Opening(entry=entry, number=len(earlier) + 1, spent_reason=reason)


@dataclass(frozen=True, kw_only=True)
class _Page:
    """All openings of the same days of one series."""

    series: str
    days: Span
    openings: tuple[HoldoutOpeningRecord, ...]

    @property
    def entries(self) -> set[str]:
        """Where the ledger of trials has these openings."""
        return {entry_key(self.series, line.procedure, self.days, line.model_hash) for line in self.openings}


def _pages_over(ledger: ObjectStore, symbol: str, days: Span) -> dict[str, _Page]:
    """The pages of every venue and interval of a symbol that share days with these, by key."""
    pages = {}
    for info in ledger.list(HOLDOUT_PREFIX):
        name = _BOOK.fullmatch(info.key)
        stored = ledger.get(info.key) if name is not None and name["symbol"] == symbol else None
        if name is not None and stored is not None:
            record = parse_record(HoldoutLedgerRecord, stored.data, where=info.key)
            span = Span(start_ms=record.start_ms, end_ms=record.end_ms)
            if span.overlaps(days):
                pages[info.key] = _Page(series=name["series"], days=span, openings=record.openings)
    return pages


def _openings_before(
    pages: dict[str, _Page], key: str, line: HoldoutOpeningRecord
) -> list[tuple[Span, HoldoutOpeningRecord]]:
    """Openings of any of these days before this one, the earliest first; on its own page the order of lines counts."""
    lines = pages[key].openings
    number, own = next((n, each) for n, each in enumerate(lines) if _is_same(each, line))
    before = [(pages[key].days, each) for each in lines[:number]]
    for page in (page for other, page in pages.items() if other != key):
        before += [(page.days, each) for each in page.openings if each.opened_at_ms <= own.opened_at_ms]
    return sorted(before, key=lambda opening: opening[1].opened_at_ms)


def _is_same(one: HoldoutOpeningRecord, other: HoldoutOpeningRecord) -> bool:
    return (one.run_id, one.procedure) == (other.run_id, other.procedure)


def _opened(opening: tuple[Span, HoldoutOpeningRecord], days: Span) -> str:
    opened, line = opening
    what = "these days" if opened == days else "some of these days"
    return f"Run {line.run_id} opened {what} first, at {format_utc(line.opened_at_ms)} UTC."


def _tested(ledger: ObjectStore, plan: PlanRecord, days: Span, pages: dict[str, _Page]) -> str | None:
    """Whether a walk-forward or a training has tested on these days, which is looking too.

    Readings that are openings are left to the pages, which know their order: this run's own is one of them.
    """
    openings = {entry for page in pages.values() for entry in page.entries}
    num_tested = len(readers_of(ledger, plan.procedure.market.symbol, days, apart_from=openings))
    if not num_tested:
        return None
    tested = "1 procedure has" if num_tested == 1 else f"{num_tested} procedures have"
    return f"{tested} been tested on some of these days before."
