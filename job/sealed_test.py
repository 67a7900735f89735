"""The one place that reads what a model was not chosen on: a test slice, or the days that are locked away.

It opens only for a reading that stands in the ledger under the key that it is given, and that names this procedure and
this very span. So whatever was read was counted. That the noted hash is of the models that are handed over, with
their thresholds, it cannot see: whoever notes has hashed them first, so that nothing could be chosen afterwards.
"""

import psycopg

from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import parse_record
from job.dataset import load_dataset
from job.procedure import TrainedProcedure
from job.records import LedgerEntryRecord, PlanRecord
from job.rules import trading_rules
from job.slice_outcome import SliceOutcome, forecast_and_trade, lookback_before_test_ms
from job.windows import Span, Window


def read_test(
    connection: psycopg.Connection,
    plan: PlanRecord,
    window: Window,
    trained: dict[str, TrainedProcedure],
    *,
    ledger: ObjectStore,
    entry: str,
) -> SliceOutcome:
    """Read the test slice of ``window`` and let every trained model forecast and trade it.

    Parameters
    ----------
    ledger, entry : where the reading was noted, and under which key.

    Raises
    ------
    AssertionError
        Where it was not noted: our bug, and a test that nobody has counted. Raised with ``python -O`` too.
    """
    assert window.test is not None
    _check_noted(ledger, entry, plan, window.test)
    lookback_ms = lookback_before_test_ms(window, interval=plan.procedure.market.interval)
    data = load_dataset(connection, plan, window.test, lookback_ms=lookback_ms)
    return forecast_and_trade(data, window.test, trained, trading_rules(plan.procedure))


def _check_noted(ledger: ObjectStore, key: str, plan: PlanRecord, test: Span) -> None:
    stored = ledger.get(key)
    if stored is None:
        raise AssertionError(f"{key} was not noted before the test was read")
    entry = parse_record(LedgerEntryRecord, stored.data, where=key)
    noted = (entry.procedure, entry.feature_set, entry.test_start_ms, entry.test_end_ms)
    if noted != (plan.procedure, plan.feature_set, test.start_ms, test.end_ms):
        raise AssertionError(f"{key} is the note of another reading")
