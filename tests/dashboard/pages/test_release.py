"""Tests of the pages of models in use: every state has its words, and every number is the record's."""

import json
import re
from pathlib import Path

import pytest

from dashboard.figures.release import account_chart, calibration_chart
from dashboard.pages import release, releases
from dashboard.pages.release import measures_table, release_cards
from dashboard.repository import Repository
from job.artifacts.folder import LocalStore
from job.errors import NoDataError
from job.intervals import MINUTE_MS
from job.records import SinceReleaseRecord
from tests.support.components import texts_of
from tests.support.dashboards import Clock
from tests.support.releases import MARKET, RELEASED_MS, promotion, since_release, write_release

WHERE = {"venue": MARKET.venue, "symbol": MARKET.symbol, "interval": MARKET.interval}
COMMAND = "lorentzian predict --venue binance-perp --symbol SOLUSDT --interval 15m"


def opened(folder: Path, record: SinceReleaseRecord | None, **how: object) -> Repository:
    """A store with one model in use, read a minute after its last record."""
    store = LocalStore(folder)
    write_release(store, record, **how)  # type: ignore[arg-type]
    updated_ms = RELEASED_MS if record is None else record.updated_at_ms
    return Repository(store, max_bytes=10**7, clock=Clock(time_ms=updated_ms + MINUTE_MS))


def test_nothing_in_use_names_the_commands(tmp_path: Path) -> None:
    """An empty store is no error: how a model gets in use, and is asked."""
    shown = texts_of(releases.layout(Repository(LocalStore(tmp_path), max_bytes=10**7)))
    assert "lorentzian promote RUN" in shown and "lorentzian predict" in shown


def test_model_that_nobody_asked_names_the_command(tmp_path: Path) -> None:
    """In the list and on its page, with who promoted it."""
    repository = opened(tmp_path, None)
    assert "no forecast yet" in texts_of(releases.layout(repository))
    shown = texts_of(release.layout(repository, **WHERE))
    assert COMMAND in shown and "anna" in shown


@pytest.mark.parametrize(
    ("gain", "words"),
    [(0.001, "✔ as expected"), (0.02, "▲ above what was expected"), (-0.02, "▼ below what was expected")],
)
def test_state_is_told_in_words(gain: float, words: str, tmp_path: Path) -> None:
    """Inside, above and below, in the list and on the page; outside, what can be done."""
    repository = opened(tmp_path, since_release(gain=gain))
    assert words in texts_of(releases.layout(repository))
    shown = texts_of(release.layout(repository, **WHERE))
    assert words in shown
    assert ("promote an earlier run" in shown) == (gain != 0.001)


def test_page_has_drift_calibration_and_where_it_comes_from(tmp_path: Path) -> None:
    """All that the record holds, as text: markup in it stays text."""
    shown = texts_of(release.layout(opened(tmp_path, since_release()), **WHERE))
    told = (
        "rsi_14, adx_20",
        "0.6100",
        "<b>hostile</b>",
        "<i>tried</i> & found",
        "finished-run",
        "undefined: no trades",
    )
    assert [words for words in told if words not in shown] == []
    assert "Shown as it was read earlier" not in shown


def test_silence_is_stale(tmp_path: Path) -> None:
    """After three bars without a forecast the page says since when, and what to run."""
    record = since_release()
    store = LocalStore(tmp_path)
    write_release(store, record)
    late = Clock(time_ms=record.updated_at_ms + 46 * MINUTE_MS)
    shown = texts_of(release.layout(Repository(store, max_bytes=10**7, clock=late), **WHERE))
    assert "Nobody has asked for a forecast for 46 min" in shown and f"{COMMAND} --save-path {tmp_path}" in shown


def test_record_of_the_model_before_says_so(tmp_path: Path) -> None:
    """Another promotion came, and nobody has asked the new model."""
    repository = opened(tmp_path, since_release(), promoted=promotion(promoted_at_ms=RELEASED_MS + 1))
    assert "Another model is in use by now" in texts_of(release.layout(repository, **WHERE))


def test_first_hours_are_too_early(tmp_path: Path) -> None:
    """No day, no band, no drift: each says why, and none is 0."""
    record = since_release(num_days=0)
    shown = texts_of(release.layout(opened(tmp_path, record), **WHERE))
    assert "too early to tell" in shown and "Drift: undefined" in shown
    assert {card.name: card.value for card in release_cards(record)}["equity"] == "undefined: no bar has closed"


def test_market_without_a_model_does_not_exist(tmp_path: Path) -> None:
    """Whatever stands in the address, only markets of the listing are asked for."""
    repository = opened(tmp_path, since_release())
    for hostile in ("../..", "ETHUSDT", "", "a" * 400):
        with pytest.raises(NoDataError, match="No model is in use"):
            release.layout(repository, **(WHERE | {"symbol": hostile}))


def test_damaged_record_hides_no_other(tmp_path: Path) -> None:
    """One market's spoilt object is a card with its key; the others stay."""
    store = LocalStore(tmp_path)
    write_release(store, since_release())
    store.put("models/binance-perp/ETHUSDT/15m/current.json", b"{}")
    store.put("models/binance-perp/ETHUSDT/15m/since_release.json", b"{")
    shown = texts_of(releases.layout(Repository(store, max_bytes=10**7)))
    assert "models/binance-perp/ETHUSDT/15m/since_release.json" in shown
    assert "SOLUSDT 15m (binance-perp)" in shown


def test_numbers_are_the_records() -> None:
    """Account and band day by day; measures beside the tests' own."""
    record = since_release()
    table = account_chart(record).table
    assert [row[1] for row in table.rows] == list(record.equity)
    assert table.rows[-1][2:] == (0.9, 1.0, 1.1)
    assert measures_table(record).rows[0] == ("net return", "+2.0%", "+50.0%")
    assert calibration_chart(record).table.rows == [(0.45, 0.4, 900), (0.55, 0.6, 900)]


@pytest.mark.parametrize("num_days", [0, 1, 20, 5_000])
def test_charts_keep_the_laws_of_charts(num_days: int) -> None:
    """A question, n and a baseline; no number that does not exist; few enough points to send."""
    for chart in (account_chart(since_release(num_days, gain=1e-5)), calibration_chart(since_release(num_days))):
        assert chart.question.endswith("?") and "aseline" in chart.note
        assert re.search(r"\bn = \d", chart.note)
        assert not re.search(r"\b(nan|NaN|inf|None)\b", chart.note + chart.summary + chart.table.csv())
        figure = chart.figure.to_json()
        json.loads(figure)
        assert len(figure) <= 100_000
