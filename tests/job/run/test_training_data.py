"""What a window reads of the database: what it learns from, and nothing while it trains."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from job import pipeline
from job.data.postgres import connect
from job.data.synthetic import SYNTHETIC_CONTEXT
from job.errors import DataError, NoDataError
from job.execution.final_model import fit_final_model
from job.execution.opening import draft_plan, procedure_of
from job.execution.window_attempt import attempt_window
from job.feature_store import update_features
from job.features.build import build_features
from job.features.registry import feature_set
from job.intervals import DAY_MS
from job.model.logistic import LogisticLearner
from job.pruning_features import unused_features
from job.records import POOLED, SCRATCH
from job.rehearsal import rehearse
from job.rules import peers_of
from job.run.plan import check_unchanged, windows_of
from job.run.run import Run
from job.run.training_data import read_training
from job.settings.operation import RunSettings
from job.window_results import read_series
from tests.support.small_run import (
    INTERVAL,
    MAX_ATTEMPTS,
    RUN_ID,
    database_like,
    open_small_run,
    small_markets,
    small_settings,
)

SMALL = small_settings(Path("nowhere"), run_id=None)
TRANSFERRED = small_settings(Path("nowhere"), run_id=None, model="lorentzian", transfer="pretrain")


def test_nobody_holds_a_connection_while_training(
    small_market: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a window nor the final model: a thousand of them fit a server with room for a few."""
    learners_of, validate = pipeline.learners_of, LogisticLearner.validate
    held: list[int] = []

    def asked(self: LogisticLearner, *rows: Any, **options: Any) -> Any:
        with connect(small_market) as connection:
            query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pod'"
            row = connection.execute(query).fetchone()
            assert row is not None
            held.append(int(row[0]))
        return validate(self, *rows, **options)

    monkeypatch.setattr(pipeline, "learners_of", lambda *given, **named: learners_of(*given, **named)[:1])
    monkeypatch.setattr(LogisticLearner, "validate", asked)
    run = open_small_run(small_settings(tmp_path), make_conninfo(small_market, application_name="pod"))
    attempt_window(run, 0, max_attempts=MAX_ATTEMPTS)
    fit_final_model(run)
    assert held
    assert set(held) == {0}


@pytest.fixture(scope="module")
def with_peers(postgres_server: str, small_market: str) -> Iterator[str]:
    """The small markets with feature rows of every one of them; only to be read."""
    with database_like(postgres_server, "small", "small_with_peers") as conninfo:
        with connect(conninfo) as connection:
            for peer in peers_of(procedure_of(TRANSFERRED)):
                update_features(connection, peer.market, peer.features)
        yield conninfo


def test_peers_are_read_as_if_each_were_traded(with_peers: str, tmp_path: Path) -> None:
    """Their rows are those of the set in which they and the traded market have changed places, and end with it."""
    settings = TRANSFERRED.model_copy(update={"run": RunSettings(save_path=str(tmp_path), run_id=RUN_ID)})
    run = open_small_run(settings, with_peers)
    window = windows_of(run.plan)[0]
    data, markets = read_training(run, window), small_markets()
    assert list(data.peers) == list(SYNTHETIC_CONTEXT)
    for symbol, context in (("SYNBTC", ("SYNUSDT", "SYNETH")), ("SYNETH", ("SYNBTC", "SYNUSDT"))):
        definition, rows = feature_set("core", INTERVAL, context), data.peers[symbol]
        built = build_features(definition, markets[symbol], {each: markets[each] for each in context})
        assert rows.features.tobytes() == built.between(window.train.start_ms, window.train.end_ms).values.tobytes()
        assert rows.open_time.tobytes() == data.rows.open_time.tobytes()
        assert rows.label_end_ms[np.isfinite(rows.up)].max() <= window.train.end_ms
        assert not np.array_equal(rows.up, data.rows.up, equal_nan=True)


@pytest.mark.parametrize("table", ["klines", "features"])
def test_changed_data_of_a_peer_are_refused_by_who_reads_them(with_peers: str, table: str) -> None:
    """A bar or a row of the context that is gone is another history for a run that learns from it, and for no other."""
    with connect(with_peers) as connection:
        device = {"device": "cpu"}
        learning, alone = (draft_plan(connection, settings, **device) for settings in (TRANSFERRED, SMALL))
        assert len(learning.peer_feature_sets) == 2 and not alone.peer_feature_sets
        window = windows_of(learning)[0]
        with connection.transaction(force_rollback=True):
            gone = [SYNTHETIC_CONTEXT[1], window.train.start_ms]
            query = sql.SQL("DELETE FROM {table} WHERE symbol = %s AND open_time = to_timestamp(%s / 1000.0)")
            assert connection.execute(query.format(table=sql.Identifier(table)), gone).rowcount == 1
            check_unchanged(connection, alone, window.span)
            with pytest.raises(DataError, match=r"SYNUSDT 15m.* or its context on 2025-11-23 UTC changed"):
                check_unchanged(connection, learning, window.span)
        check_unchanged(connection, learning, window.span)


def test_missing_rows_of_a_peer_are_named_with_their_command(small_market: str) -> None:
    """Nobody has to work out which markets change places."""
    with connect(small_market) as connection, pytest.raises(NoDataError, match=r"of SYNBTC 15m.*no rows") as caught:
        draft_plan(connection, TRANSFERRED, device="cpu")
    assert (
        caught.value.remedy
        == "Run `lorentzian features --symbol SYNBTC --interval 15m --context SYNUSDT,SYNETH --venue synthetic`."
    )


def test_rows_of_peers_are_pruned_with_the_last_run_that_reads_them(with_peers: str) -> None:
    """As long as its plan is kept, all of them stay."""
    with connect(with_peers) as connection:
        plan = draft_plan(connection, TRANSFERRED, device="cpu")
        long_after = plan.created_at_ms + 3_650 * DAY_MS
        assert not unused_features(connection, [plan], now_ms=long_after)
        unused = unused_features(connection, [draft_plan(connection, SMALL, device="cpu")], now_ms=long_after)
        assert {stored.identity for stored in unused} == set(plan.peer_feature_sets)


@pytest.mark.slow
def test_transferred_window_is_the_rehearsed_one(with_peers: str, tmp_path: Path) -> None:
    """Stored and in memory, the same forecasts; the vote without the other markets is the one of a run without them."""

    def run_of(transfer: str) -> Run:
        settings = small_settings(tmp_path / transfer, model="lorentzian", epochs=1, transfer=transfer)
        return open_small_run(settings, with_peers)

    stored = {}
    for run in (run_of("pretrain"), run_of("none")):
        attempt_window(run, 0, max_attempts=MAX_ATTEMPTS)
        series = run.store.get(run.keys.series(0))
        assert series is not None
        stored[run.plan.procedure.model.transfer] = read_series(series.data, interval=INTERVAL, where="series")
    rehearsed = next(rehearse(small_markets(), run_of("pretrain").plan.procedure).windows(with_baselines=False))
    told = {name: series.probability for name, series in stored.items()}
    assert rehearsed.series.probability["lorentzian"].tobytes() == told["pretrain"]["lorentzian"].tobytes()
    assert told["pretrain"][SCRATCH].tobytes() == told["none"]["lorentzian"].tobytes()
    assert np.isfinite(told["pretrain"][POOLED]).any()
    assert set(told["pretrain"]) == {SCRATCH, POOLED, *told["none"]}
