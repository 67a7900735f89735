import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.stored_records import parse_record
from job.data.postgres import connect
from job.intervals import DAY_MS, HOUR_MS
from job.records import HoldoutLedgerRecord, PlanRecord
from job.run.holdout import Opening, data_digest, note_opening
from job.run.ledger import note_reading, trials_over
from job.run.plan import windows_of
from job.windows import Span, Window
from tests.support.runs import example_run
from tests.support.small_run import BAR_MS, END_MS, change_close, open_small_run, small_settings

PLAN = example_run(3).plan
SPAN = Span(start_ms=END_MS - 30 * DAY_MS, end_ms=END_MS)
NOW_MS = END_MS + HOUR_MS
DIGEST = "0123456789abcdef"


@pytest.fixture
def ledger(tmp_path: Path) -> LocalStore:
    """A ledger that knows nothing."""
    return LocalStore(tmp_path)


def of_run(run_id: str, *, seed: int = 0, **market: str) -> PlanRecord:
    """The plan of another run, of the same procedure or of one with another seed or market."""
    changes = {
        "model": PLAN.procedure.model.model_copy(update={"seed": seed}),
        "market": PLAN.procedure.market.model_copy(update=market),
    }
    return PLAN.model_copy(update={"run_id": run_id, "procedure": PLAN.procedure.model_copy(update=changes)})


def open_days(
    ledger: LocalStore,
    plan: PlanRecord,
    *,
    span: Span = SPAN,
    digest: str = DIGEST,
    model_hash: str = "aa",
    now_ms: int = NOW_MS,
) -> Opening:
    """Note an opening."""
    train = Span(start_ms=span.start_ms - 30 * DAY_MS, end_ms=span.start_ms)
    window = Window(index=3, train=train, test=span)
    return note_opening(ledger, plan, window, digest=digest, model_hash=model_hash, now_ms=now_ms)


def test_first_opening_is_untouched_and_later_ones_are_spent(ledger: LocalStore) -> None:
    """Another run or another procedure comes second, and hears who was first and when."""
    first = open_days(ledger, of_run("a"))
    assert (first.number, first.spent_reason) == (1, None)
    assert [info.key for info in ledger.list("holdout/")] == [f"holdout/synthetic-SYNUSDT-15m/{DIGEST}.json"]
    second = open_days(ledger, of_run("b"), now_ms=NOW_MS + HOUR_MS)
    assert (second.number, second.spent_reason) == (2, "Run a opened these days first, at 2025-12-01 01:00 UTC.")
    assert open_days(ledger, of_run("a", seed=1)).number == 3


def test_opening_is_noted_once(ledger: LocalStore) -> None:
    """A run that died over its opening is still the first, also on a machine that rounds differently."""
    open_days(ledger, of_run("a"))
    open_days(ledger, of_run("b"))
    again = open_days(ledger, of_run("a"), model_hash="bb", now_ms=NOW_MS + DAY_MS)
    assert (again.number, again.spent_reason) == (1, None)
    (book,) = ledger.list("holdout/")
    stored = ledger.get(book.key)
    assert stored is not None
    page = parse_record(HoldoutLedgerRecord, stored.data, where=book.key)
    assert [(line.run_id, line.model_hash, line.opened_at_ms) for line in page.openings] == [
        ("a", "aa", NOW_MS),
        ("b", "aa", NOW_MS),
    ]


def test_openings_are_trials_of_these_days(ledger: LocalStore) -> None:
    """Five procedures that opened them are five trials for who walks over them later, and none elsewhere."""
    for seed in range(5):
        opening = open_days(ledger, of_run(f"run-{seed}", seed=seed))
        assert ledger.get(opening.entry) is not None
    assert len(trials_over(ledger, Span(start_ms=SPAN.end_ms - DAY_MS, end_ms=SPAN.end_ms + DAY_MS))) == 5
    assert trials_over(ledger, Span(start_ms=0, end_ms=SPAN.start_ms)) == []


def test_retried_opening_is_not_spent_by_its_own_reading(ledger: LocalStore) -> None:
    """Neither what it noted itself nor an opening that came after it has looked before it."""
    first = open_days(ledger, of_run("a"))
    open_days(ledger, of_run("b", seed=1, interval="5m"), digest="b" * 16, now_ms=NOW_MS + HOUR_MS)
    assert open_days(ledger, of_run("a"), now_ms=NOW_MS + DAY_MS) == first


@pytest.mark.parametrize("market", [{"interval": "5m"}, {"venue": "elsewhere"}], ids=str)
def test_same_days_by_other_bars_are_spent(ledger: LocalStore, market: dict[str, str]) -> None:
    """Bars of another length or under another venue's name show the same market; another symbol's do not."""
    open_days(ledger, of_run("a", **market))
    assert open_days(ledger, of_run("other", symbol="OTHER"), digest="c" * 16).spent_reason is None
    second = open_days(ledger, of_run("b"), digest="b" * 16, now_ms=NOW_MS + HOUR_MS)
    assert (second.number, second.spent_reason) == (2, "Run a opened these days first, at 2025-12-01 01:00 UTC.")


def test_days_that_were_opened_among_others_are_spent(ledger: LocalStore) -> None:
    """A week's shift or one corrected bar changes the digest, and makes nothing untouched; other days are."""
    open_days(ledger, of_run("a"))
    week = 7 * DAY_MS
    later = Span(start_ms=SPAN.start_ms + week, end_ms=SPAN.end_ms + week)
    shifted = open_days(ledger, of_run("b"), span=later, digest="b" * 16, now_ms=NOW_MS + week)
    assert shifted.number == 2
    assert shifted.spent_reason == "Run a opened some of these days first, at 2025-12-01 01:00 UTC."
    assert open_days(ledger, of_run("a"), now_ms=NOW_MS + 2 * week).spent_reason is None
    new = Span(start_ms=later.end_ms, end_ms=later.end_ms + week)
    assert open_days(ledger, of_run("c"), span=new, digest="c" * 16, now_ms=NOW_MS + 5 * week).spent_reason is None


def test_days_that_were_tested_on_are_spent(ledger: LocalStore) -> None:
    """Whoever has walked over them has seen them; another symbol's tests, and tests of other days, are not these."""
    tested = windows_of(PLAN)[-1]
    market = PLAN.procedure.market.model_copy(update={"symbol": "OTHER"})
    other = PLAN.model_copy(update={"procedure": PLAN.procedure.model_copy(update={"market": market})})
    note_reading(ledger, other, tested, model_hash="aa")
    note_reading(ledger, PLAN, windows_of(PLAN)[0], model_hash="aa")
    days = Span(start_ms=END_MS - 3 * DAY_MS, end_ms=END_MS)
    assert open_days(ledger, of_run("a"), span=days).spent_reason is None
    note_reading(ledger, PLAN, tested, model_hash="aa")
    reason = open_days(ledger, of_run("a"), span=days).spent_reason
    assert reason == "1 procedure has been tested on some of these days before."


def test_openings_at_once_have_an_order(tmp_path: Path) -> None:
    """Of four runs in the same moment one is first, and all are noted."""
    barrier = threading.Barrier(4)

    def work(number: int) -> Opening:
        barrier.wait()
        return open_days(LocalStore(tmp_path), of_run(f"run-{number}"))

    with ThreadPoolExecutor(4) as pool:
        openings = list(pool.map(work, range(4)))
    assert sorted(opening.number for opening in openings) == [1, 2, 3, 4]
    assert sum(opening.spent_reason is None for opening in openings) == 1


def test_days_are_named_by_their_bars_alone(small_database: str, tmp_path: Path) -> None:
    """A bar within them is another name; a bar before them, and another feature set, are not."""
    plan = open_small_run(small_settings(tmp_path), small_database).plan
    span = Span(start_ms=END_MS - DAY_MS // 2, end_ms=END_MS)
    with connect(small_database) as connection:
        digest = data_digest(connection, plan, span)
        assert len(digest) == 16
        assert data_digest(connection, plan.model_copy(update={"feature_set": "other"}), span) == digest
        change_close(small_database, span.start_ms - BAR_MS)
        assert data_digest(connection, plan, span) == digest
        change_close(small_database, span.start_ms)
        assert data_digest(connection, plan, span) != digest
