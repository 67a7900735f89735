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
from job.data.outside_series import OutsideSeries
from job.features.build import build_features
from job.features.definition import FeatureSet
from job.features.registry import feature_set
from job.intervals import interval_ms
from job.learners import learners_of, train_all
from job.model.classifier import Learner
from job.records import PlanRecord, ProcedureRecord, WindowRecord
from job.rows import Dataset, LabelledRows
from job.rules import LABEL_LOOKBACK_MS, make_dataset, peers_of, trading_rules
from job.run.cuts import cut_walkforward
from job.run.plan import span_record, windows_of
from job.slice_outcome import forecast_and_trade, lookback_before_test_ms
from job.window_results import WindowSeries, read_series, series_bytes, window_record
from job.windows import Span, Window


@dataclass(frozen=True, kw_only=True)
class RehearsedWindow:
    """One window as a real run would have stored it."""

    record: WindowRecord
    series: WindowSeries


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """A procedure on markets in memory: the plan, and what its windows are cut from.

    ``funding`` is what a perpetual pays over all of the bars; None for a market without. ``peers`` are the markets
    that are also learned from, each as if it were traded.
    """

    plan: PlanRecord
    klines: Klines
    features: FeatureRows
    funding: OutsideSeries | None = None
    peers: tuple["Rehearsal", ...] = ()

    def windows(self, *, with_baselines: bool = True) -> Iterator[RehearsedWindow]:
        """Train and test window after window."""
        for window in windows_of(self.plan):
            interruption.check()
            device, peers = torch.device("cpu"), self.peer_rows(window)
            learners = learners_of(self.plan, window, device=device, peers=peers, with_baselines=with_baselines)
            yield self.run(window, learners)

    def peer_rows(self, window: Window) -> dict[str, LabelledRows]:
        """Rows of a window's training span of the markets that are also learned from, by symbol."""
        return {peer.plan.procedure.market.symbol: peer._cut(window.train).rows for peer in self.peers}

    def run(self, window: Window, learners: tuple[Learner, ...]) -> RehearsedWindow:
        """Train learners on one window, and test them."""
        assert window.test is not None
        procedure = self.plan.procedure
        trained = train_all(learners, self._cut(window.train), window, procedure)
        lookback_ms = lookback_before_test_ms(window, interval=procedure.market.interval)
        tested = forecast_and_trade(
            self._cut(window.test, lookback_ms=lookback_ms), window.test, trained, trading_rules(procedure)
        )
        series = read_series(series_bytes(tested), interval=procedure.market.interval, where="the rehearsal")
        record = window_record(window, self.plan, trained, tested, traded_model=next(iter(trained)))
        return RehearsedWindow(record=record, series=series)

    def _cut(self, span: Span, *, lookback_ms: int = LABEL_LOOKBACK_MS) -> Dataset:
        klines = self.klines.between(span.start_ms - lookback_ms, span.end_ms)
        features = self.features.between(span.start_ms, span.end_ms)
        funding = None if self.funding is None else self.funding.between(span.start_ms, span.end_ms)
        return make_dataset(klines, features, self.plan.procedure, funding=funding)


def rehearse(
    markets: Mapping[str, Klines], procedure: ProcedureRecord, *, funding: OutsideSeries | None = None
) -> Rehearsal:
    """A procedure on markets in memory, cut into windows as stored ones would be.

    Parameters
    ----------
    markets : bars by symbol: of the procedure's market, and of each in its context.
    funding : of the procedure's market.
    """
    features = build_rows(markets, procedure)
    plan = plan_in_memory(procedure, features, feature_set=_definition(procedure).record.identity)
    return _rehearsal(markets, plan, features, funding)


def rehearse_plan(
    markets: Mapping[str, Klines], plan: PlanRecord, *, funding: OutsideSeries | None = None
) -> Rehearsal:
    """A plan's own windows on other markets; parameters as of `rehearse`."""
    return _rehearsal(markets, plan, build_rows(markets, plan.procedure), funding)


def plan_in_memory(procedure: ProcedureRecord, features: FeatureRows, *, feature_set: str) -> PlanRecord:
    """The plan of a procedure on rows that nobody has stored; what only a stored run has is empty.

    Parameters
    ----------
    features : of the traded market; they say which days there are.
    feature_set : names what the rows were made by.
    """
    end_ms = int(features.open_time[-1]) + interval_ms(procedure.market.interval)
    windows = cut_walkforward(procedure, Span(start_ms=int(features.open_time[0]), end_ms=end_ms))
    return PlanRecord(
        run_id="rehearsal",
        stamp="",
        created_at_ms=0,
        procedure=procedure,
        feature_set=feature_set,
        feature_names=features.names,
        windows=tuple(span_record(window) for window in windows),
        end_ms=end_ms,
        day_digests={},
        threads=1,
        device="cpu",
        versions={},
    )


def _rehearsal(
    markets: Mapping[str, Klines], plan: PlanRecord, features: FeatureRows, funding: OutsideSeries | None
) -> Rehearsal:
    peers = (
        Rehearsal(
            plan=plan.model_copy(update={"procedure": peer}),
            klines=markets[peer.market.symbol],
            features=build_rows(markets, peer),
        )
        for peer in peers_of(plan.procedure)
    )
    klines = markets[plan.procedure.market.symbol]
    return Rehearsal(plan=plan, klines=klines, features=features, funding=funding, peers=tuple(peers))


def _definition(procedure: ProcedureRecord) -> FeatureSet:
    market = procedure.market
    return feature_set(procedure.features.features, market.interval, market.context_symbols)


def build_rows(markets: Mapping[str, Klines], procedure: ProcedureRecord) -> FeatureRows:
    """The feature rows of a procedure's market, from the bars of it and its context by symbol."""
    market = procedure.market
    context = {symbol: markets[symbol] for symbol in market.context_symbols}
    return build_features(_definition(procedure), markets[market.symbol], context)
