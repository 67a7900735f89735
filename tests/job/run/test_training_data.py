"""What a window holds of the database: nothing while it trains."""

from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from job import pipeline
from job.data.postgres import connect
from job.execution.final_model import fit_final_model
from job.execution.window_attempt import attempt_window
from job.model.logistic import LogisticLearner
from tests.support.small_run import MAX_ATTEMPTS, open_small_run, small_settings


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
