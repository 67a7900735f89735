"""The one place that reads a test slice: after the model is trained and its hash is in the ledger."""

from dataclasses import dataclass

import psycopg

from job.arrays import FloatArray
from job.backtest.account import Backtest
from job.data.klines import Klines
from job.dataset import load_dataset, trading_rules
from job.procedure import TrainedProcedure, on_bars
from job.records import PlanRecord
from job.signals import trade
from job.windows import Window


@dataclass(frozen=True, kw_only=True)
class SliceOutcome:
    """What the trained models said and earned on one test slice.

    Parameters
    ----------
    klines : n bars of the test.
    up : float64 (n,), labels, NaN where there is none.
    probability : by model, float64 (n,), NaN where a bar has no features.
    accounts : by model, starting with 1.
    """

    klines: Klines
    up: FloatArray
    probability: dict[str, FloatArray]
    accounts: dict[str, Backtest]


def read_test(
    connection: psycopg.Connection, plan: PlanRecord, window: Window, trained: dict[str, TrainedProcedure]
) -> SliceOutcome:
    """Read the test slice of ``window`` and let every trained model forecast and trade it."""
    assert window.test is not None
    data = load_dataset(connection, plan, window.test)
    klines = data.klines.between(window.test.start_ms, window.test.end_ms)
    rules = trading_rules(plan.procedure)
    probability = {
        name: on_bars(klines, data.rows.open_time, procedure.forecast(data.rows.features))
        for name, procedure in trained.items()
    }
    accounts = {
        name: trade(klines, probability[name], procedure.choice.thresholds, rules)
        for name, procedure in trained.items()
    }
    return SliceOutcome(
        klines=klines,
        up=on_bars(klines, data.rows.open_time, data.rows.up),
        probability=probability,
        accounts=accounts,
    )
