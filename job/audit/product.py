"""What the checks examine when nothing is planted: the product's own functions, shaped as checks take them. Pure."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from job.arrays import FloatArray
from job.audit.future import TARGET, Build, Markets
from job.audit.purge import Cut
from job.audit.training import Forecasts
from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.backtest.engine import run_backtest
from job.checkpoint import checkpoint_bytes
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines
from job.features.build import build_features
from job.features.definition import MAX_LOOKBACK_MS, FeatureSet
from job.intervals import DAY_MS
from job.labels import Labels
from job.learners import learners_of, train_all
from job.model.bank import TrainingBank
from job.model.classifier import Learner
from job.model.logistic import LogisticLearner
from job.model.lorentzian import LorentzianNCA
from job.model.scaling import RobustScaler
from job.records import PlanRecord
from job.rehearsal import build_rows
from job.rows import Dataset, LabelledRows
from job.rules import LABEL_LOOKBACK_MS, label_rows, make_dataset, make_labels, peers_of
from job.signals import TradingRules, account_of, make_orders, with_terms
from job.windows import EMBARGO_BARS, Span, Window

FIT_SHARE = 0.7  # of the rows, in time order; the rest is scored


@dataclass(frozen=True, kw_only=True)
class Product:
    """One procedure's functions.

    Parameters
    ----------
    plan : names the procedure.
    definition : its feature set.
    device : where networks train.
    """

    plan: PlanRecord
    definition: FeatureSet
    device: torch.device

    @property
    def build(self) -> Build:
        """From bars to feature rows."""
        return partial(build_features, self.definition)

    def label(self, klines: Klines) -> Labels:
        """From bars to labels."""
        return make_labels(klines, self.plan.procedure)

    def make_dataset(self, klines: Klines, features: FeatureRows) -> Dataset:
        """Labels joined with rows."""
        return make_dataset(klines, features, self.plan.procedure)

    def train(self, data: Dataset, window: Window) -> bytes:
        """The traded model of a window, with all that was chosen, as its file."""
        trained = train_all(self._learners(window, data), data, window, self.plan.procedure)
        return checkpoint_bytes(trained[self.plan.procedure.model.model], self.plan)

    def forecast(self, markets: Markets, *, window: Window) -> Forecasts:
        """The whole way from bars to a window's test forecasts by the traded model."""
        assert window.test is not None
        procedure = self.plan.procedure
        near = _warmed_up(markets, window.span)
        features = self.build(near[TARGET], {name: market for name, market in near.items() if name != TARGET})
        train, test = (self._cut(near[TARGET], features, span) for span in (window.train, window.test))
        train = replace(train, peers=self.peers(markets, window.train))
        trained = train_all(self._learners(window, train), train, window, procedure)[procedure.model.model]
        return Forecasts(decision_ms=test.rows.decision_ms, probability=trained.forecast_rows(test.rows))

    def peers(self, markets: Markets, span: Span) -> dict[str, LabelledRows]:
        """Rows of the other markets that are learned from, by symbol, made of the bars of all."""
        procedure = self.plan.procedure
        near = _warmed_up(markets, span)
        near[procedure.market.symbol] = near.pop(TARGET)
        rows = {}
        for peer in peers_of(procedure):
            klines = near[peer.market.symbol].between(span.start_ms - LABEL_LOOKBACK_MS, span.end_ms)
            features = build_rows(near, peer).between(span.start_ms, span.end_ms)
            rows[peer.market.symbol] = label_rows(klines, features, peer)
        return rows

    def _learners(self, window: Window, data: Dataset) -> tuple[Learner, ...]:
        return learners_of(self.plan, window, device=self.device, peers=data.peers, with_baselines=False)

    def _cut(self, klines: Klines, features: FeatureRows, span: Span) -> Dataset:
        near = klines.between(span.start_ms - LABEL_LOOKBACK_MS, span.end_ms)
        return self.make_dataset(near, features.between(span.start_ms, span.end_ms))


def _warmed_up(markets: Markets, span: Span) -> dict[str, Klines]:
    """The bars of a span, and those before it that its features need."""
    start_ms = span.start_ms - MAX_LOOKBACK_MS - 2 * DAY_MS
    return {name: market.between(start_ms, span.end_ms) for name, market in markets.items()}


def run_engine(klines: Klines, target: np.ndarray, costs: Costs) -> Backtest:
    """The account of targets that may be long and short, with all of the account, starting with 1."""
    return run_backtest(klines, target, costs=costs, initial_equity=1.0, market="perp")


def trade_targets(klines: Klines, target: np.ndarray, costs: Costs, *, rules: TradingRules) -> Backtest:
    """The account of targets with a procedure's own sizes, exits and funding, starting with 1."""
    bars = with_terms(klines, rules)
    return account_of(bars, make_orders(bars, target, rules), replace(rules, costs=costs))


def to_learn(rows: LabelledRows, cut: Cut, *, bar_ms: int) -> LabelledRows:
    """The rows of a span that may be learned."""
    return rows.to_learn(cut.span, held_out=cut.held_out, embargo_bars=cut.embargo_bars, bar_ms=bar_ms)


def remember(rows: LabelledRows, window: Window, *, bar_ms: int) -> LabelledRows:
    """The rows that answer a window's test."""
    return rows.to_learn(window.train, held_out=window.test, embargo_bars=EMBARGO_BARS, bar_ms=bar_ms)


def weigh_votes(rows: LabelledRows, queries: np.ndarray) -> FloatArray:
    """Votes of all rows on some of them in training, before anything is learned."""
    bank = TrainingBank.of(rows, RobustScaler.fit(rows.features), torch.device("cpu"))
    chosen, everyone = torch.from_numpy(queries), torch.arange(len(rows))
    mask = bank.overlap(chosen, everyone)
    network = LorentzianNCA(bank.features.shape[1], prior=float(rows.up.mean())).requires_grad_(False)
    network.start_temperature(bank.features[chosen], bank.features, mask)
    return network.weights(bank.features[chosen], bank.features, mask).double().numpy()


def forward_score(rows: LabelledRows, *, bar_ms: int) -> float:
    """AUC on the last rows of a logistic regression fitted on the first; one half where a side has one class."""
    from sklearn.metrics import roc_auc_score  # a second to import

    split_ms, end_ms = int(rows.open_time[int(FIT_SHARE * len(rows))]), int(rows.open_time[-1]) + bar_ms
    held_out = Span(start_ms=split_ms, end_ms=end_ms)
    span = Span(start_ms=int(rows.open_time[0]), end_ms=split_ms)
    fit = rows.to_learn(span, held_out=held_out, embargo_bars=0, bar_ms=bar_ms)
    validation = rows.within(held_out)
    validation = validation.select(np.isfinite(validation.up))
    if np.ptp(fit.up) == 0 or np.ptp(validation.up) == 0:
        return 0.5
    forecast = LogisticLearner().validate(fit, validation, block=0).probability
    return float(roc_auc_score(validation.up, forecast))
