"""Tests of the page of a session: its numbers are the summary's, and it has a state for whatever is missing."""

import json
from pathlib import Path
from typing import Any

import pytest
from dash import html
from flask import Flask

from dashboard.figures import run_charts
from dashboard.figures.run_parts import written
from dashboard.links import PREFIX_KEY
from dashboard.pages import honesty, session, windows
from dashboard.pages.honesty import honesty_cards
from dashboard.pages.session_cards import session_cards
from dashboard.repository import Repository
from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.records import FLAT, LONG, IntervalRecord, MeasureRecord
from job.report.metric_words import words_of
from job.report.numbers import bps, count, probability, ratio, share, shown, shown_interval
from tests.support.components import components_of, numbers_of, texts_of
from tests.support.runs import ExampleRun, example_run, flat_run, undefined_run
from tests.support.sessions import REASON, session_of, store_session

FORMS = {
    "dsr": probability,
    "dsr_of_all_trials": probability,
    "psr": probability,
    "pbo": probability,
    "spa_p": probability,
    "random_signals.share_below": share,
    "break_even_bps": bps,
    "windows_above_zero": share,
    "num_trials": count,
    "effective_trials": ratio,
    "luck_sharpe": ratio,
    "min_track_record_days": count,
    "smallest_visible_sharpe": ratio,
}
PAGES = (session.layout, windows.layout, honesty.layout)


def opened(run: ExampleRun, folder: Path, **how: Any) -> Repository:
    """The run in a folder, as pages read it."""
    return Repository(store_session(run, folder, run_id="example", **how), max_bytes=10**7)


def stored_value(summary: Any, path: str) -> MeasureRecord:
    """The number of a path in the stored JSON."""
    for name in path.split("."):
        summary = summary[name]
    return MeasureRecord(**summary) if isinstance(summary, dict) else MeasureRecord(value=summary)


@pytest.mark.parametrize("make", [lambda: example_run(4), flat_run, undefined_run])
def test_every_number_is_that_of_summary_json(make: Any, tmp_path: Path) -> None:
    """Each card of Session and Honesty shows the stored number of its name, to the digit it is written with."""
    repository = opened(make(), tmp_path)
    summary = json.loads((tmp_path / RunKeys("example").summary).read_text())
    shown = numbers_of(session.layout(repository, run_id="example")) | numbers_of(
        honesty.layout(repository, run_id="example")
    )
    assert len(shown) == len(
        {c.name for c in [*session_cards(_summary(repository)), *honesty_cards(_summary(repository))]}
    )
    for path, text in shown.items():
        form = FORMS.get(path) or words_of(path.rpartition(".")[2]).form
        assert text == written(stored_value(summary, path), form), path


def test_table_of_models_is_that_of_summary_json(tmp_path: Path) -> None:
    """Every model and rule has its row, the traded one first, each cell the stored number in its metric's form."""
    repository = opened(example_run(4), tmp_path)
    summary = json.loads((tmp_path / RunKeys("example").summary).read_text())
    metrics = {words_of(name).label: name for name in session.MODEL_METRICS}
    page = components_of(session.layout(repository, run_id="example"))
    table = next(each for each in page if isinstance(each, html.Table) and "model or rule" in texts_of(each))
    head, *rows = [list(map(texts_of, row.children)) for row in components_of(table) if isinstance(row, html.Tr)]
    assert rows[0][0] == summary["traded_model"]
    assert {row[0] for row in rows} == summary["models"].keys()
    for row in rows:
        model = summary["models"][row[0]]
        for label, text in zip(head[1:], row[1:], strict=True):
            if label == "95 % interval":
                assert text == shown_interval(IntervalRecord(**model["sharpe_interval"]), ratio), row
            elif metrics[label] not in model["measures"]:
                assert text == "–", (row, label)
            else:
                stored = MeasureRecord(**model["measures"][metrics[label]])
                assert text == shown(stored, words_of(metrics[label]).form), (row, label)


def test_no_card_shows_another_number() -> None:
    """With all numbers told apart, each card still has the one of its name."""
    found = session_of(example_run(4))
    assert found.result is not None
    names = ("psr", "dsr", "dsr_of_all_trials", "pbo", "spa_p", "windows_above_zero", "luck_sharpe", "effective_trials")
    apart = {name: MeasureRecord(value=0.111 * place) for place, name in enumerate(names, start=1)}
    summary = found.result.summary.model_copy(update=apart)
    stored = summary.model_dump(mode="json")
    for card in [*session_cards(summary), *honesty_cards(summary)]:
        form = FORMS.get(card.name) or words_of(card.name.rpartition(".")[2]).form
        assert card.value == written(stored_value(stored, card.name), form), card.name


def test_headline_is_held_against_doing_nothing(tmp_path: Path) -> None:
    """The return stands beside holding and beside flat, the ratio beside its interval."""
    summary = _summary(opened(example_run(4), tmp_path))
    notes = {card.label: card.note for card in session_cards(summary)}
    assert LONG in notes["net return"] and "always flat 0" in notes["net return"]
    assert "95 % interval" in notes["Sharpe"] and f"Less {LONG}" in notes["Sharpe"]
    assert summary.models[FLAT].measures["total_return"].value == 0


def test_page_of_a_finished_run_is_written_out_once(tmp_path: Path) -> None:
    """The same data each time, until another result or a damaged object stands there; links follow the proxy."""
    repository = opened(example_run(4), tmp_path)
    first, again = (session.layout(repository, run_id="example")[-1] for _ in range(2))
    assert first is again
    assert first.to_plotly_json() is again.to_plotly_json()
    assert first.to_plotly_json()["props"].keys() == {"children"}
    app = Flask("other")
    app.config[PREFIX_KEY] = "/proj/"
    with app.app_context():
        assert "/proj/csv/" in json.dumps(session.layout(repository, run_id="example")[-1].to_plotly_json())
    assert "/proj/csv/" not in json.dumps(first.to_plotly_json())
    (tmp_path / RunKeys("example").curves).write_bytes(b"")
    told = texts_of(session.layout(Repository(LocalStore(tmp_path), max_bytes=10**7), run_id="example"))
    assert "has no curves that can be used" in told


def test_words_of_the_page_are_whole_sentences(tmp_path: Path) -> None:
    """What was paid has no sign, the next command is set as one, and what is undefined fits into its sentence."""
    page = session.layout(opened(flat_run(), tmp_path), run_id="example")
    shown = texts_of(page)
    assert "fees 0.0% of the first account" in shown
    assert "their median net return: undefined: no trades" in shown
    assert "Accounts with the same trades at random times: none (no trades)." in shown
    assert "n = 1 month, first" in shown
    commands = [each.children for each in components_of(page) if isinstance(each, html.Code)]
    assert "lorentzian demo --live" in commands  # of a synthetic market there are no more days


def test_undefined_numbers_say_so(tmp_path: Path) -> None:
    """A run that never traded has no win rate: neither 0 nor blank, but the reason."""
    shown = numbers_of(session.layout(opened(flat_run(), tmp_path), run_id="example"))
    assert shown["models.lorentzian.measures.win_rate"] == "undefined: no trades"
    assert shown["models.lorentzian.measures.n_trades"] == "0"


@pytest.mark.parametrize("layout", PAGES)
def test_unfinished_run_says_where_to_look(layout: Any, tmp_path: Path) -> None:
    """Nothing is judged before the end: no number, a link to Live, and the command that makes the result."""
    repository = opened(example_run(4), tmp_path, is_finished=False)
    page = layout(repository, run_id="example")
    assert numbers_of(page) == {}
    assert "Not finished" in texts_of(page) and "lorentzian finalize --run-id example" in texts_of(page)


@pytest.mark.parametrize("layout", PAGES)
def test_failed_windows_are_told(layout: Any, tmp_path: Path) -> None:
    """How many, which, and why; the numbers are of the others."""
    shown = texts_of(layout(opened(example_run(4, failed=(1,)), tmp_path), run_id="example"))
    assert "3 of 4 windows; 1 failed" in shown and f"window 1: {REASON}" in shown


@pytest.mark.parametrize("layout", PAGES)
def test_damaged_curves_leave_the_rest_standing(layout: Any, tmp_path: Path) -> None:
    """One spoilt object is a card with its key; charts that need it say so, and the numbers stay."""
    run_charts._built.cache_clear()  # charts of the same manifest, drawn for other tests before the damage
    repository = opened(example_run(4), tmp_path)
    path = tmp_path / RunKeys("example").curves
    path.write_bytes(path.read_bytes()[:-20])
    shown = texts_of(layout(repository, run_id="example"))
    assert RunKeys("example").curves in shown
    assert "has no curves that can be used" in shown


def test_provenance_names_data_settings_and_seed(tmp_path: Path) -> None:
    """What it was made from stands on the page, and the same as JSON."""
    shown = texts_of(session.layout(opened(example_run(4), tmp_path), run_id="example"))
    for name in ("data digest", "seed", "costs: fee_bps", "model: lr"):
        assert name in shown
    assert '"procedure"' in shown


def test_hostile_names_are_only_text(tmp_path: Path) -> None:
    """HTML in a reason of a failure stays text: no component takes it as markup."""
    run = example_run(4, failed=(1,))
    found = session_of(run)
    assert found.result is not None
    hostile = found.result.summary.model_copy(update={"failed_windows": {"1": "<img src=x onerror=alert(1)>"}})
    from dataclasses import replace

    from dashboard.pages.session_frame import run_frame

    parts = run_frame(replace(found, result=replace(found.result, summary=hostile)), "")
    assert "<img src=x onerror=alert(1)>" in texts_of(parts)
    assert "dangerously" not in str(parts)


def _summary(repository: Repository) -> Any:
    result = repository.session("example").result
    assert result is not None
    return result.summary
