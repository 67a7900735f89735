"""One forecast: look at a bar, decide, keep what was said; and the line that says it."""

from dataclasses import dataclass, field
from typing import Any

from job.data.postgres import Connection
from job.data.signal_table import SignalKey, write_signal
from job.features.definition import FeatureSet
from job.intervals import interval_ms
from job.prediction.bar_reader import BarReader
from job.prediction.decision import Decision, decide
from job.prediction.market_view import features_of, look_at
from job.prediction.model_source import FoundModel

STALE = "stale"  # the next bar has closed: what was wanted can no longer be done


@dataclass(frozen=True, kw_only=True)
class Forecaster:
    """A model that is asked about bars.

    Parameters
    ----------
    found : the model.
    definition : its features, as this version makes them.
    num_neighbours : how many of the bars that voted are named.
    reader : of bars; keeps those that the next forecast needs again.
    """

    found: FoundModel
    definition: FeatureSet
    num_neighbours: int
    reader: BarReader = field(default_factory=BarReader)

    @classmethod
    def of(cls, found: FoundModel, *, num_neighbours: int) -> "Forecaster":
        """Check that this version makes the model's features; `ConfigError` where it does not."""
        definition = features_of(found.model, where=found.where)
        return cls(found=found, definition=definition, num_neighbours=num_neighbours)

    @property
    def signal_key(self) -> SignalKey:
        """Under which its signals are kept."""
        market = self.found.model.procedure.market
        return SignalKey(model=self.found.model.identity, venue=market.venue, symbol=market.symbol)

    def forecast(self, connection: Connection, open_ms: int) -> Decision:
        """Look at the bar that opened then, decide, and keep the signal.

        Raises
        ------
        DataError
            Where something else was said of this bar before.
        """
        model = self.found.model
        view = look_at(
            connection,
            self.reader,
            model.procedure,
            self.definition,
            open_ms=open_ms,
            live_from_ms=model.live_from_ms,
        )
        decision = decide(model, view, num_neighbours=self.num_neighbours)
        write_signal(connection, self.signal_key, decision.signal)
        return decision

    def line(self, decision: Decision, *, now_ms: int) -> dict[str, Any]:
        """What is printed of a decision at this time: after the next close, that there is nothing to be done."""
        model, signal = self.found.model, decision.signal
        market, bar_ms = model.procedure.market, interval_ms(model.procedure.market.interval)
        is_stale = now_ms >= signal.available_at_ms + bar_ms
        around, thresholds = decision.neighbourhood, model.thresholds
        return {
            "model": model.identity,
            "run": self.found.run_id,
            "kind": model.kind,
            "venue": market.venue,
            "symbol": market.symbol,
            "interval": market.interval,
            "open_time_ms": signal.open_ms,
            "available_at_ms": signal.available_at_ms,
            "until_ms": signal.available_at_ms + bar_ms,
            "probability": signal.probability,
            "side": 0 if is_stale else signal.side,
            "size": 0.0 if is_stale else signal.size,
            "reason": STALE if is_stale else signal.reason,
            "is_held": decision.is_held,
            "stop": decision.stop,
            "take": decision.take,
            "thresholds": None if thresholds.never_trades else {"buy": thresholds.buy, "sell": thresholds.sell},
            "costs": model.procedure.costs.model_dump(mode="json"),
            "effective_neighbours": None if around is None else around.num_effective,
            "neighbours": None
            if around is None
            else [{"open_time_ms": each.open_ms, "weight": each.weight, "up": each.up} for each in around.neighbours],
        }
