from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from job import sealed_test
from job.artifacts.folder import LocalStore
from job.data.postgres import connect
from job.dataset import load_dataset
from job.learners import learners_of, train_all
from job.rules import trading_rules
from job.run.ledger import note_reading
from job.run.plan import windows_of
from job.sealed_test import read_test
from job.signals import trade
from tests.support.runs import example_run
from tests.support.small_run import open_small_run, small_settings


def test_sealed_test_is_forecast_and_traded_by_what_was_trained(small_market: str, tmp_path: Path) -> None:
    """Every bar of the test and no other; each model's account is what its own forecasts and thresholds earn."""
    run = open_small_run(small_settings(tmp_path), small_market)
    window = windows_of(run.plan)[1]
    assert window.test is not None
    with connect(small_market) as connection:
        training = load_dataset(connection, run.plan, window.train)
        learners = learners_of(run.plan, window, device=run.device)
        trained = train_all((learners[0], learners[-1]), training, window, run.plan.procedure)
        entry = note_reading(run.ledger, run.plan, window, model_hash="0a")
        tested = read_test(connection, run.plan, window, trained, ledger=run.ledger, entry=entry)
        rows = load_dataset(connection, run.plan, window.test).rows
    assert np.array_equal(tested.klines.open_time, rows.open_time)
    assert window.test.holds(tested.klines.open_time).all()
    assert len(tested.klines) == 96
    assert set(tested.probability) == set(tested.accounts) == {"logistic", "prior"}
    for name, procedure in trained.items():
        assert np.array_equal(tested.probability[name], procedure.forecast(rows.features))
        account = trade(
            tested.klines, tested.probability[name], procedure.choice.thresholds, trading_rules(run.plan.procedure)
        )
        assert np.array_equal(tested.accounts[name].equity, account.equity)
    assert len(set(tested.probability["prior"])) == 1
    # The last labels would be settled by bars after the test, which it must not see.
    assert np.isnan(tested.up[-1])
    assert np.isfinite(tested.up[:80]).all()


def test_reading_that_was_not_noted_is_refused_in_optimized_python_too(tmp_path: Path) -> None:
    """Under ``python -O`` an assert would have gone; no database is asked before the note is found."""
    source = Path(sealed_test.__file__)
    optimized: dict[str, Any] = {"__name__": "optimized"}
    exec(compile(source.read_text(), source.name, "exec", optimize=2), optimized)
    ledger, plan = LocalStore(tmp_path), example_run(3).plan
    window, other = windows_of(plan)[:2]
    read = partial(optimized["read_test"], None, plan, window, {}, ledger=ledger)
    with pytest.raises(AssertionError, match="later was not noted before the test was read"):
        read(entry="later")
    with pytest.raises(AssertionError, match="is the note of another reading"):
        read(entry=note_reading(ledger, plan, other, model_hash="0a"))
    with pytest.raises(AssertionError, match="is the note of another reading"):
        read(entry=note_reading(ledger, plan.model_copy(update={"feature_set": "other"}), window, model_hash="0a"))
    with pytest.raises(AttributeError):  # noted: now the database is asked, which is not there
        read(entry=note_reading(ledger, plan, window, model_hash="0a"))
