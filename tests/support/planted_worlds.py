"""Features, and a market that drifts by a known function of them: what a classifier can be asked to find.

Ten autoregressive features say everything that can be known. One of them moves the traded market, or two of them
together do, of which neither says anything alone. Everything else about the market is the noise world's: fat tails,
and volatility that clusters. Nothing has to be computed from prices, so that it is the classifier and the choice of
thresholds that are measured, and not whether a set of indicators happens to show the edge.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from scipy.special import ndtr

from job.arrays import FloatArray
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines
from job.data.synthetic import LISTINGS
from job.data.synthetic_bars import bars_of_market
from job.data.synthetic_returns import FOLLOWER, LARGEST_RETURN, SimulatedReturns, simulate_returns
from job.intervals import DAY_MS, interval_ms
from job.records import PlanRecord, ProcedureRecord
from job.rehearsal import Rehearsal
from job.run.cuts import cut_walkforward
from job.run.plan import span_record
from job.windows import Span

Kind = Literal["linear", "xor"]

INTERVAL = "15m"
HORIZON_BARS = 8
NUM_FEATURES = 10
# Of a feature from bar to bar: over the horizon a linear edge still has 5.7 bars of drift ahead of it.
PERSISTENCE = 0.9
# The last feature, which carries nothing, has the one name that the volatility baseline looks for.
NAMES = (*(f"f{number}" for number in range(NUM_FEATURES - 1)), "atr_14")
FEATURES_STREAM = 2_000  # spawn key of the seed, apart from those of returns and bars


@dataclass(frozen=True, kw_only=True)
class PlantedWorld:
    """Bars, features of the same bars, and what somebody who knows the edge would forecast.

    Parameters
    ----------
    klines : n bars of the traded market.
    features : n rows; row t is known at the close of bar t.
    probability : float64 (n,), of a rise over the `HORIZON_BARS` after each close.
    """

    klines: Klines
    features: FeatureRows
    probability: FloatArray


def planted_world(kind: Kind, *, seed: int, num_days: int, last_close_ms: int, edge: float) -> PlantedWorld:
    """A market that drifts in bar t+1 by ``edge`` x signal of the features at the close of bar t x its volatility.

    Parameters
    ----------
    kind : "linear", the signal is f1; "xor", it is f2 with the sign of f1.
    edge : 0 plants nothing; draws do not depend on it.

    Notes
    -----
    The probability takes the horizon's move to be normal around the drift that the features let expect, with the
    volatility of its bars: fat tails and clustering shift it, by the same in both directions, and keep its order.
    """
    open_time = np.arange(last_close_ms - num_days * DAY_MS, last_close_ms, interval_ms(INTERVAL), dtype=np.int64)
    values = _features(seed, len(open_time))
    simulated = _with_drift(
        simulate_returns(seed=seed, interval=INTERVAL, open_time=open_time, edge=0.0),
        edge * _expected_signal(kind, values, bars_ahead=0),
    )
    ahead = sum(_expected_signal(kind, values, bars_ahead=bars) for bars in range(HORIZON_BARS))
    return PlantedWorld(
        klines=bars_of_market(
            LISTINGS[FOLLOWER],
            seed=seed,
            column=FOLLOWER,
            simulated=simulated,
            interval=INTERVAL,
            open_time=open_time,
        ),
        features=FeatureRows(names=NAMES, open_time=open_time, values=values.astype(np.float32)),
        probability=ndtr(edge * ahead / np.sqrt(HORIZON_BARS)),
    )


def _features(seed: int, num_bars: int) -> FloatArray:
    """Independent autoregressive series of unit variance, (n, F), stationary from the first bar."""
    random = Generator(PCG64(SeedSequence(seed, spawn_key=(FEATURES_STREAM,))))
    shocks = random.standard_normal((num_bars, NUM_FEATURES))
    shocks[1:] *= np.sqrt(1 - PERSISTENCE**2)
    for bar in range(1, num_bars):
        shocks[bar] += PERSISTENCE * shocks[bar - 1]
    return shocks


def _expected_signal(kind: Kind, values: FloatArray, *, bars_ahead: int) -> FloatArray:
    """What the signal is expected to be some bars after each row, (n,): itself at none."""
    memory = PERSISTENCE**bars_ahead
    if kind == "linear":
        return memory * values[:, 1]
    spread = np.sqrt(1 - memory**2)
    side = np.sign(values[:, 1]) if bars_ahead == 0 else 2 * ndtr(memory * values[:, 1] / spread) - 1
    return side * memory * values[:, 2]


def _with_drift(honest: SimulatedReturns, drift: FloatArray) -> SimulatedReturns:
    """The same returns, with a drift of the traded market, in units of its volatility, in each next bar."""
    returns = honest.returns.copy()
    returns[1:, FOLLOWER] += honest.volatility[1:, FOLLOWER] * drift[:-1]
    return SimulatedReturns(
        returns=np.clip(returns, -LARGEST_RETURN, LARGEST_RETURN),
        volatility=honest.volatility,
        deviation=honest.deviation,
        signal=drift,
    )


def planted_rehearsal(world: PlantedWorld, procedure: ProcedureRecord) -> Rehearsal:
    """A procedure on a planted world: the windows of its features, which nothing has to build."""
    start_ms, end_ms = int(world.features.open_time[0]), int(world.klines.available_at[-1])
    windows = cut_walkforward(procedure, Span(start_ms=start_ms, end_ms=end_ms))
    plan = PlanRecord(
        run_id="planted",
        stamp="",
        created_at_ms=0,
        procedure=procedure,
        feature_set="planted",
        feature_names=world.features.names,
        windows=tuple(span_record(window) for window in windows),
        end_ms=end_ms,
        day_digests={},
        threads=1,
        device="cpu",
        versions={},
    )
    return Rehearsal(plan=plan, klines=world.klines, features=world.features)
