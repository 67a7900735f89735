"""The one place that reads a test slice: after the model is trained and its hash is in the ledger."""

import psycopg

from job.dataset import load_dataset
from job.procedure import TrainedProcedure
from job.records import PlanRecord
from job.rules import trading_rules
from job.slice_outcome import SliceOutcome, forecast_and_trade
from job.windows import Window


def read_test(
    connection: psycopg.Connection, plan: PlanRecord, window: Window, trained: dict[str, TrainedProcedure]
) -> SliceOutcome:
    """Read the test slice of ``window`` and let every trained model forecast and trade it."""
    assert window.test is not None
    data = load_dataset(connection, plan, window.test)
    return forecast_and_trade(data, window.test, trained, trading_rules(plan.procedure))
