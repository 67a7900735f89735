"""Features, and a market whose next bar rises with a probability that they give: what there is to find, and no more.

A few autoregressive features say everything that can be known. One of them tells the side of the next bar, or two of
them together do, of which neither says anything alone. How far the bar goes is the noise world's: fat tails, and
volatility that clusters. Nothing has to be computed from prices, so that it is the classifier and the choice of
thresholds that are measured, and not whether a set of indicators happens to show the edge.

The strength of the link is fixed: thirty days can teach it. What it is worth is set by the volatility of the market,
since costs are a part of the price: in a calm market an edge that is easy to see does not pay for its trades.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from scipy.special import expit

from job.arrays import FloatArray
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines
from job.data.synthetic import LISTINGS
from job.data.synthetic_bars import Listing, bars_of_market
from job.data.synthetic_returns import FOLLOWER, LARGEST_RETURN, SimulatedReturns, simulate_returns
from job.intervals import DAY_MS, interval_ms
from job.records import ProcedureRecord
from job.rehearsal import Rehearsal, plan_in_memory
from job.settings.procedure import LabelSettings

Kind = Literal["linear", "xor"]

INTERVAL = "15m"
LABEL = LabelSettings(label="fixed", horizon=1)  # labels that do not overlap: 2,880 independent rows in thirty days
NUM_FEATURES = 4
LINEAR_LINK, XOR_LINK = 0.45, 0.55  # log-odds of a rise at a feature of one standard deviation
PERSISTENCE = 0.9  # of a feature from bar to bar: a side that was right tends to stay so, and is traded less often
# The last feature, which carries nothing, has the one name that the volatility baseline looks for.
VOLATILITY_NAME = "atr_14"
FEATURES_STREAM = 2_000  # spawn key of the seed, apart from those of returns and bars
# Ticks far below the calmest market's moves: a price that stays where it was would be a label of its own.
LISTING = Listing(symbol=LISTINGS[FOLLOWER].symbol, first_price=100.0, price_decimals=6, daily_volume=1_000_000.0)


@dataclass(frozen=True, kw_only=True)
class PlantedWorld:
    """Bars, features of the same bars, and what somebody who knows the link would forecast.

    Parameters
    ----------
    klines : n bars of the traded market.
    features : n rows; row t is known at the close of bar t.
    probability : float64 (n,), of a rise in bar t+1.
    """

    klines: Klines
    features: FeatureRows
    probability: FloatArray


def planted_world(
    kind: Kind,
    *,
    seed: int,
    num_days: int,
    last_close_ms: int,
    volatility: float = 1.0,
    num_features: int = NUM_FEATURES,
) -> PlantedWorld:
    """A market whose bar t+1 rises with the probability that the features give at the close of bar t.

    Parameters
    ----------
    kind : "linear", the log-odds are .45 x f1; "xor", .55 x f2 with the sign of f1.
    volatility : in multiples of the noise world's; draws do not depend on it.
    num_features : at least 4, the acting ones and the volatility baseline's included.
    """
    open_time = np.arange(last_close_ms - num_days * DAY_MS, last_close_ms, interval_ms(INTERVAL), dtype=np.int64)
    random = Generator(PCG64(SeedSequence(seed, spawn_key=(FEATURES_STREAM,))))
    values = _features(random, len(open_time), num_features)
    probability = expit(_log_odds(kind, values))
    honest = simulate_returns(seed=seed, interval=INTERVAL, open_time=open_time, edge=0.0)
    rises = random.random(len(open_time)) < probability
    names = (*(f"f{number}" for number in range(num_features - 1)), VOLATILITY_NAME)
    return PlantedWorld(
        klines=bars_of_market(
            LISTING,
            seed=seed,
            column=FOLLOWER,
            simulated=_with_sides(honest, rises, volatility),
            interval=INTERVAL,
            open_time=open_time,
        ),
        features=FeatureRows(names=names, open_time=open_time, values=values.astype(np.float32)),
        probability=probability,
    )


def _features(random: Generator, num_bars: int, num_features: int) -> FloatArray:
    """Independent autoregressive series of unit variance, (n, F), stationary from the first bar."""
    shocks = random.standard_normal((num_bars, num_features))
    shocks[1:] *= np.sqrt(1 - PERSISTENCE**2)
    for bar in range(1, num_bars):
        shocks[bar] += PERSISTENCE * shocks[bar - 1]
    return shocks


def _log_odds(kind: Kind, values: FloatArray) -> FloatArray:
    if kind == "linear":
        return LINEAR_LINK * values[:, 1]
    return XOR_LINK * np.sign(values[:, 1]) * values[:, 2]


def _with_sides(honest: SimulatedReturns, rises: np.ndarray, volatility: float) -> SimulatedReturns:
    """The same sizes of move, scaled, with the traded market's next bar on the side that was drawn for it."""
    returns = honest.returns * volatility
    side = np.where(rises, 1.0, -1.0)
    returns[1:, FOLLOWER] = side[:-1] * np.abs(returns[1:, FOLLOWER])
    return SimulatedReturns(
        returns=np.clip(returns, -LARGEST_RETURN, LARGEST_RETURN),
        volatility=honest.volatility * volatility,
        deviation=honest.deviation * volatility,
        signal=honest.signal,
    )


def planted_procedure(procedure: ProcedureRecord) -> ProcedureRecord:
    """The same procedure, with the label that the link speaks of."""
    return procedure.model_copy(update={"label": LABEL})


def planted_rehearsal(world: PlantedWorld, procedure: ProcedureRecord) -> Rehearsal:
    """A procedure on a planted world: the windows of its features, which nothing has to build."""
    plan = plan_in_memory(procedure, world.features, feature_set="planted")
    return Rehearsal(plan=plan, klines=world.klines, features=world.features)
