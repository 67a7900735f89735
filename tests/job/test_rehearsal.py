"""Tests of the walk-forward in memory."""

from pathlib import Path

import numpy as np
import pytest

from job.artifacts.stored_records import parse_record, record_bytes
from job.execution.opening import procedure_of
from job.model.blend import BLEND, MEMBERS
from job.model.search import draw_candidates, winner
from job.records import ProcedureRecord, WindowRecord
from job.rehearsal import RehearsedWindow, rehearse
from job.window_results import read_series
from tests.support.procedures import with_changes
from tests.support.same_bars import assert_same_bars
from tests.support.small_run import INTERVAL, open_small_run, run_all, small_markets, small_settings


def test_rehearsal_finds_what_a_real_run_finds(small_market: str, tmp_path: Path) -> None:
    """Windows, choices, forecasts and measures are those that database and store give."""
    run = open_small_run(small_settings(tmp_path), small_market)
    run_all(run)
    rehearsal = rehearse(small_markets(), run.plan.procedure)
    assert rehearsal.plan.windows == run.plan.windows
    for index, rehearsed in enumerate(rehearsal.windows()):
        metrics, series = (run.store.get(key) for key in (run.keys.window_metrics(index), run.keys.series(index)))
        assert metrics is not None and series is not None
        record = parse_record(WindowRecord, metrics.data, where="metrics")
        assert rehearsed.record == record.model_copy(update={"drift": None})  # which a rehearsal does not measure
        stored = read_series(series.data, interval=INTERVAL, where="series")
        assert_same_bars(rehearsed.series.klines, stored.klines)
        for name, probability in stored.probability.items():
            assert rehearsed.series.probability[name].tobytes() == probability.tobytes()
            assert rehearsed.series.position[name].tobytes() == stored.position[name].tobytes()


@pytest.fixture(scope="module")
def procedure() -> ProcedureRecord:
    """The small procedure, with a logistic regression."""
    return procedure_of(small_settings(Path("nowhere")))


def first_window(procedure: ProcedureRecord) -> RehearsedWindow:
    """The first window of a procedure, the traded model alone."""
    return next(rehearse(small_markets(), procedure).windows(with_baselines=False))


def test_volatility_is_forecast_and_never_traded(procedure: ProcedureRecord) -> None:
    """There are labels and forecasts, and no threshold, no position and no trade, in validation and test."""
    window = first_window(with_changes(procedure, label="volatility"))
    (model,) = window.record.models.values()
    assert (model.thresholds.buy, model.thresholds.sell) == (None, None)
    for measures in (model.validation, model.test):
        assert measures["n_trades"].value == 0
        assert measures["n_labels"].value > 0
    assert np.isfinite(window.series.probability["logistic"]).any()
    assert not window.series.position["logistic"].any()


def test_label_that_is_over_is_known_when_it_is_forecast(procedure: ProcedureRecord) -> None:
    """The indicator's label can be computed from features of its own bar: it is told apart nearly always."""
    window = first_window(with_changes(procedure, label="pine", horizon=None))
    auc = window.record.models["logistic"].test["auc"].value
    assert auc is not None and auc > 0.9


@pytest.fixture(scope="module")
def blended(procedure: ProcedureRecord) -> RehearsedWindow:
    """A window of a blend, for whose vote two candidates were tried beside the settings as given."""
    return first_window(with_changes(procedure, model="blend", search="guide", search_candidates=2, epochs=1))


def test_search_is_recorded_with_all_that_it_tried(procedure: ProcedureRecord, blended: RehearsedWindow) -> None:
    """The window's record names every candidate, its losses and the choice; nothing but the vote has a search."""
    record = blended.record
    search = record.search
    assert search is not None and search.epochs == (1,)
    drawn = draw_candidates(with_changes(procedure, model="blend", search="guide", search_candidates=2).model)
    assert [candidate.changes for candidate in search.candidates] == [candidate.changes for candidate in drawn]
    losses = {number: candidate.losses[0] for number, candidate in enumerate(search.candidates)}
    assert search.chosen == winner(losses)
    assert [name for name, model in record.models.items() if model.search is not None] == ["lorentzian"]
    assert parse_record(WindowRecord, record_bytes(record), where="metrics") == record


def test_blend_stands_first_and_its_members_beside_it(blended: RehearsedWindow) -> None:
    """It is the traded model, trained once with its members; what they weigh is in the record, and what came of it."""
    record = blended.record
    assert record.traded_model == BLEND
    assert list(record.models) == [BLEND, *MEMBERS]
    blend = record.models[BLEND].blend
    assert blend is not None and list(blend.weights) == list(MEMBERS)
    assert sum(blend.weights.values()) == pytest.approx(1)
    assert blend.is_kept == (not (blend.log_loss_less_best.low or 0) > 0)
    assert all(record.models[name].blend is None for name in MEMBERS)
    probabilities = blended.series.probability
    known = np.isfinite(probabilities[BLEND])
    lowest, highest = (edge([probabilities[name][known] for name in MEMBERS], axis=0) for edge in (np.min, np.max))
    assert ((probabilities[BLEND][known] >= lowest - 1e-9) & (probabilities[BLEND][known] <= highest + 1e-9)).all()
