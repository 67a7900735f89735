"""The walk-forward of a plan in memory, from klines to windows: no database, no store, no ledger.

For worlds that are made, not stored: shuffled markets, planted edges, checks of the procedure itself. Every stage is
the one that a real run goes through.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from job import interruption
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines
from job.features.build import build_features
from job.features.registry import feature_set
from job.intervals import interval_ms
from job.learners import make_learners, train_all
from job.model.classifier import Learner
from job.records import PlanRecord, ProcedureRecord, WindowRecord
from job.rows import Dataset
from job.rules import LABEL_LOOKBACK_MS, make_dataset, trading_rules
from job.run.plan import cut_walkforward, span_record, windows_of
from job.slice_outcome import forecast_and_trade
from job.window_results import WindowSeries, read_series, series_bytes, window_record
from job.windows import Span, Window


@dataclass(frozen=True, kw_only=True)
class RehearsedWindow:
    """One window as a real run would have stored it."""

    record: WindowRecord
    series: WindowSeries


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """A procedure on markets in memory: the plan, and what its windows are cut from."""

    plan: PlanRecord
    klines: Klines
    features: FeatureRows

    def windows(self, *, with_baselines: bool = True) -> Iterator[RehearsedWindow]:
        """Train and test window after window."""
        for window in windows_of(self.plan):
            interruption.check()
            learners = make_learners(self.plan.procedure.model, stream=window.index, device=torch.device("cpu"))
            yield self.run(window, learners if with_baselines else learners[:1])

    def run(self, window: Window, learners: tuple[Learner, ...]) -> RehearsedWindow:
        """Train learners on one window, and test them."""
        assert window.test is not None
        procedure = self.plan.procedure
        trained = train_all(learners, self._cut(window.train), window, procedure)
        tested = forecast_and_trade(self._cut(window.test), window.test, trained, trading_rules(procedure))
        series = read_series(series_bytes(tested), interval=procedure.market.interval, where="the rehearsal")
        record = window_record(window, self.plan, trained, tested, traded_model=learners[0].name)
        return RehearsedWindow(record=record, series=series)

    def _cut(self, span: Span) -> Dataset:
        klines = self.klines.between(span.start_ms - LABEL_LOOKBACK_MS, span.end_ms)
        return make_dataset(klines, self.features.between(span.start_ms, span.end_ms), self.plan.procedure)


def rehearse(markets: Mapping[str, Klines], procedure: ProcedureRecord) -> Rehearsal:
    """Features, labels and windows of a procedure on markets in memory.

    Parameters
    ----------
    markets : bars by symbol: of the procedure's market, and of each in its context.
    """
    market = procedure.market
    definition = feature_set(procedure.features.features, market.interval, market.context_symbols)
    target = markets[market.symbol]
    features = build_features(definition, target, {symbol: markets[symbol] for symbol in market.context_symbols})
    end_ms = int(features.open_time[-1]) + interval_ms(market.interval)
    windows = cut_walkforward(procedure, Span(start_ms=int(features.open_time[0]), end_ms=end_ms))
    plan = PlanRecord(
        run_id="rehearsal",
        stamp="",
        created_at_ms=0,
        procedure=procedure,
        feature_set=definition.record.identity,
        feature_names=definition.record.names,
        windows=tuple(span_record(window) for window in windows),
        end_ms=end_ms,
        day_digests={},
        threads=1,
        device="cpu",
        versions={},
    )
    return Rehearsal(plan=plan, klines=target, features=features)
