"""What trained models say and earn on one slice of bars that they were not trained on. Pure."""

from dataclasses import dataclass

from job.arrays import FloatArray
from job.backtest.account import Backtest
from job.data.klines import Klines
from job.procedure import TrainedProcedure, on_bars
from job.rows import Dataset
from job.signals import TradingRules, trade
from job.windows import Span


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


def forecast_and_trade(
    data: Dataset, span: Span, trained: dict[str, TrainedProcedure], rules: TradingRules
) -> SliceOutcome:
    """Let every trained model forecast and trade the bars of ``span``."""
    klines = data.klines.between(span.start_ms, span.end_ms)
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
