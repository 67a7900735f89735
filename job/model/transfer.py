"""What the vote can learn from its peers: the markets of its context, each with rows of its own, as if it were traded.

Markets move alike, and thirty days of one are few. Two ways stand beside a vote that is trained from scratch:

- *transferred*: the distance (scales and encoder) is first trained on the peers, at the whole learning rate and for
  all epochs; then the vote begins with it on the traded market's own rows, at a tenth of the rate. Line, temperature,
  the vote's say and the bank are the traded market's alone, so that no epoch at all is still its line, and validation,
  which is the traded market's too, can choose it.
- *pooled*: one vote of everybody's rows, with a flag a peer, which can only be compared with.

What happens to a peer happens at the same time to the traded market: a peer's row of the held-out days tells half of
their labels. So of the peers only those rows are learned whose labels were known when the last label of the traded
market's own training rows was, and these have been purged. Each market's features are in units of its own ranges.

Peers that hold another edge, or none, teach a distance that a tenth of the rate hardly unlearns: that can cost more
than it saves (measured by `python -m tests.benchmarks transfer`), and is why both other votes stand beside it.

Source: pretraining on a related task, then training on at a lower rate (Yosinski et al., 2014, arXiv 1411.1792).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from job.arrays import Float32Array, FloatArray
from job.errors import NoDataError
from job.model.classifier import LossCurve, OnEpoch, ValidatedFit
from job.model.fit import LorentzianClassifier, LorentzianLearner, PreparedRows
from job.model.scaling import RobustScaler
from job.records import POOLED
from job.rows import LabelledRows
from job.settings.procedure import ModelSettings

# Of the learning rate, for what has been learned already.
FINE_TUNING = 0.1
LEAST_ROWS = 50

# Labelled rows of each peer, by symbol.
Peers = Mapping[str, LabelledRows]


def known_in_time(peers: Peers, rows: LabelledRows) -> dict[str, LabelledRows]:
    """The peers' rows whose labels were known when the last label of ``rows`` was.

    Parameters
    ----------
    peers : may reach past the fit; what lies there is cut off here, first of all.
    rows : of the traded market, all labelled, without those whose labels meet what is held out.

    Raises
    ------
    NoDataError
        Where a peer has too few.
    """
    last_ms = int(rows.label_end_ms.max())
    known = {
        symbol: peer.select(np.isfinite(peer.up) & (peer.label_end_ms <= last_ms)) for symbol, peer in peers.items()
    }
    for symbol, peer in known.items():
        if len(peer) < LEAST_ROWS:
            raise NoDataError(
                f"There are {len(peer)} labelled rows of {symbol} to learn from beside {len(rows)} of the traded "
                f"market; {LEAST_ROWS} are needed.",
                remedy=f"Collect more history of {symbol}, take it out of --context, or use --transfer none.",
            )
    return known


class TransferLearner(LorentzianLearner):
    """Trains the distance on the peers, then the vote on the traded market.

    Parameters
    ----------
    settings, stream, device : as of `LorentzianLearner`.
    peers : what they know, at least one.
    """

    def __init__(self, settings: ModelSettings, *, stream: int, device: torch.device, peers: Peers) -> None:
        slow = settings.model_copy(update={"lr": FINE_TUNING * settings.lr})
        super().__init__(slow, stream=stream, device=device)
        self._pretraining = LorentzianLearner(settings, stream=stream, device=device)
        self._pretraining_settings = settings
        self._peers = peers

    def _train(
        self,
        rows: LabelledRows,
        validation: LabelledRows | None,
        *,
        part: int,
        num_epochs: int,
        on_epoch: OnEpoch | None,
    ) -> tuple[LorentzianClassifier, LossCurve]:
        peers = known_in_time(self._peers, rows)
        together = _in_time_order([_standardized(peer, RobustScaler.fit(peer.features)) for peer in peers.values()])
        settings = self._pretraining_settings
        pretrained, _ = self._pretraining.train_prepared(
            PreparedRows.of(together, settings, self._device),
            None,
            part=part,
            num_epochs=settings.epochs,
            on_epoch=None,
        )
        prepared = replace(PreparedRows.of(rows, self._settings, self._device), pretrained=pretrained.network)
        return self.train_prepared(prepared, validation, part=part, num_epochs=num_epochs, on_epoch=on_epoch)


@dataclass(frozen=True, kw_only=True)
class PooledClassifier:
    """A vote of all markets' rows, asked about the traded one."""

    scaler: RobustScaler
    num_peers: int
    classifier: LorentzianClassifier

    def predict(self, features: Float32Array) -> FloatArray:
        """Probability of up, float64 (n,), for unscaled features of the traded market, float32 (n, F)."""
        return self.classifier.predict(_flagged(self.scaler.standardize(features), None, self.num_peers))


class PooledLearner:
    """Trains one vote on the rows of all markets; parameters as of `TransferLearner`."""

    name = POOLED

    def __init__(self, settings: ModelSettings, *, stream: int, device: torch.device, peers: Peers) -> None:
        self._learner = LorentzianLearner(settings, stream=stream, device=device)
        self._peers = peers

    def validate(
        self, fit: LabelledRows, validation: LabelledRows, *, block: int, on_epoch: OnEpoch | None = None
    ) -> ValidatedFit:
        """Train on all markets; stop early on the traded one's validation, and forecast it."""
        own = RobustScaler.fit(fit.features)
        asked = _standardized(validation, own)
        asked = replace(asked, features=_flagged(asked.features, None, len(self._peers)))
        return self._learner.validate(self._pool(fit, own), asked, block=block, on_epoch=on_epoch)

    def refit(
        self, train: LabelledRows, validated: tuple[ValidatedFit, ...], *, on_epoch: OnEpoch | None = None
    ) -> tuple[PooledClassifier, LossCurve]:
        """Train on all markets for the epochs that the traded one's validation liked best."""
        own = RobustScaler.fit(train.features)
        classifier, curve = self._learner.refit(self._pool(train, own), validated, on_epoch=on_epoch)
        return PooledClassifier(scaler=own, num_peers=len(self._peers), classifier=classifier), curve

    def _pool(self, rows: LabelledRows, own: RobustScaler) -> LabelledRows:
        """The rows of all markets in time order, with a flag a peer."""
        peers = known_in_time(self._peers, rows).values()
        scalers = [own, *(RobustScaler.fit(peer.features) for peer in peers)]
        standard = [_standardized(market, scaler) for market, scaler in zip((rows, *peers), scalers, strict=True)]
        flags = (None, *range(len(peers)))
        return _in_time_order(
            [
                replace(market, features=_flagged(market.features, flag, len(peers)))
                for market, flag in zip(standard, flags, strict=True)
            ]
        )


def _standardized(rows: LabelledRows, scaler: RobustScaler) -> LabelledRows:
    return replace(rows, features=scaler.standardize(rows.features))


def _flagged(features: Float32Array, flag: int | None, num_flags: int) -> Float32Array:
    """Features with a column a peer, float32 (n, F + P): ones in that of ``flag``, zeros elsewhere."""
    flags = np.zeros((len(features), num_flags), np.float32)
    if flag is not None:
        flags[:, flag] = 1.0
    return np.column_stack([features, flags])


def _in_time_order(markets: Sequence[LabelledRows]) -> LabelledRows:
    """The rows of several markets as one, in time order; rows of one bar in the order of the markets."""
    rows = LabelledRows(
        open_time=np.concatenate([market.open_time for market in markets]),
        decision_ms=np.concatenate([market.decision_ms for market in markets]),
        features=np.concatenate([market.features for market in markets]),
        up=np.concatenate([market.up for market in markets]),
        label_end_ms=np.concatenate([market.label_end_ms for market in markets]),
        label_reach_ms=markets[0].label_reach_ms,
    )
    return rows.select(np.argsort(rows.open_time, kind="stable"))
