from pathlib import Path

import numpy as np

from job.data.postgres import connect
from job.dataset import load_dataset
from job.learners import make_learners, train_all
from job.rules import trading_rules
from job.run.plan import windows_of
from job.sealed_test import read_test
from job.signals import trade
from tests.support.small_run import open_small_run, small_settings


def test_sealed_test_is_forecast_and_traded_by_what_was_trained(small_market: str, tmp_path: Path) -> None:
    """Every bar of the test and no other; each model's account is what its own forecasts and thresholds earn."""
    run = open_small_run(small_settings(tmp_path), small_market)
    window = windows_of(run.plan)[1]
    assert window.test is not None
    with connect(small_market) as connection:
        training = load_dataset(connection, run.plan, window.train)
        learners = make_learners(run.plan.procedure.model, stream=0, device=run.device)
        trained = train_all(learners, training, window, run.plan.procedure)
        tested = read_test(connection, run.plan, window, trained)
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
