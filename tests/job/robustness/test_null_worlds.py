"""Worlds without anything to find: whole bars, the same clusters and comovement, and no memory of direction."""

from dataclasses import replace

import numpy as np
import pytest

from job.data.klines import Klines, first_fault
from job.data.synthetic import SYNTHETIC_CONTEXT, SYNTHETIC_SYMBOL, synthetic_markets
from job.robustness.null_worlds import null_p_value, null_world
from tests.support.same_bars import assert_same_bars

END_MS = 1_764_547_200_000
LEADER = SYNTHETIC_CONTEXT[0]


@pytest.fixture(scope="module")
def markets() -> dict[str, Klines]:
    """Sixty days with a strong planted edge: the leader's moves foretell the traded market's."""
    return synthetic_markets("edge", seed=2, interval="15m", num_days=60, last_close_ms=END_MS, edge=1.0)


def _moves(klines: Klines) -> np.ndarray:
    return np.log(klines.close / klines.open)


def _foretold(markets: dict[str, Klines]) -> float:
    """Correlation of the leader's smoothed past with the traded market's next bar."""
    past = np.convolve(_moves(markets[LEADER]), np.ones(8), mode="full")[: len(markets[LEADER])]
    return float(np.corrcoef(past[:-1], _moves(markets[SYNTHETIC_SYMBOL])[1:])[0, 1])


def test_null_world_is_whole_bars_of_the_same_times(markets: dict[str, Klines]) -> None:
    """Every rule of bars holds, the open times are the real ones, and each market begins at its own first price."""
    world = null_world(markets, seed=0, index=0)
    assert world.keys() == markets.keys()
    for symbol, klines in world.items():
        assert first_fault(klines) is None
        np.testing.assert_array_equal(klines.open_time, markets[symbol].open_time)
        assert klines.open[0] == pytest.approx(markets[symbol].open[0])


def test_null_world_keeps_the_shape_of_every_bar(markets: dict[str, Klines]) -> None:
    """Ranges, bodies up to their sign, and volumes are some real bar's; nothing is made up."""
    world = null_world(markets, seed=0, index=0)[LEADER]
    real = markets[LEADER]
    for shape in (lambda k: np.log(k.high / k.low), lambda k: np.abs(_moves(k)), lambda k: k.volume):
        known = np.sort(shape(real))
        nearest = np.clip(np.searchsorted(known, shape(world)), 1, len(known) - 1)
        distance = np.minimum(np.abs(known[nearest] - shape(world)), np.abs(known[nearest - 1] - shape(world)))
        assert distance.max() < 1e-9


def test_null_world_forgets_direction(markets: dict[str, Klines], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the leader foretold is gone; without the coin the redrawn stretches would have kept it."""
    assert _foretold(markets) > 0.1
    found = [_foretold(null_world(markets, seed=0, index=index)) for index in range(5)]
    assert max(map(abs, found)) < 0.06
    monkeypatch.setattr(np.random, "default_rng", _WithoutCoin)
    assert _foretold(null_world(markets, seed=0, index=0)) > 0.1


class _WithoutCoin:
    """Random numbers whose coin always shows the same side."""

    def __init__(self, seed: list[int]) -> None:
        self._rng = np.random.Generator(np.random.PCG64(seed))

    def __getattr__(self, name: str) -> object:
        return getattr(self._rng, name)

    def choice(self, _sides: list[float], *, size: int) -> np.ndarray:
        return np.ones(size)


def test_null_world_keeps_clusters_and_comovement(markets: dict[str, Klines]) -> None:
    """Large bars still follow large bars, and markets still move together within a bar."""

    def clusters(klines: Klines) -> float:
        size = np.abs(_moves(klines))
        return float(np.corrcoef(size[:-1], size[1:])[0, 1])

    def together(of: dict[str, Klines]) -> float:
        return float(np.corrcoef(_moves(of[LEADER]), _moves(of[SYNTHETIC_SYMBOL]))[0, 1])

    world = null_world(markets, seed=0, index=1)
    assert clusters(world[LEADER]) == pytest.approx(clusters(markets[LEADER]), abs=0.08)
    assert together(world) == pytest.approx(together(markets), abs=0.08)


def test_null_worlds_differ_by_number_and_repeat(markets: dict[str, Klines]) -> None:
    """The same seed and number are the same world; another number or seed is another."""
    first = null_world(markets, seed=0, index=0)
    for symbol, klines in null_world(markets, seed=0, index=0).items():
        assert_same_bars(klines, first[symbol])
    for other in (null_world(markets, seed=0, index=1), null_world(markets, seed=1, index=0)):
        assert (other[LEADER].close != first[LEADER].close).mean() > 0.9


def test_null_world_takes_the_bars_that_all_markets_have(markets: dict[str, Klines]) -> None:
    """A bar that one market lacks is left out of all, so that the same stretches can be redrawn."""
    holed = dict(markets) | {LEADER: markets[LEADER].select(np.arange(len(markets[LEADER])) != 100)}
    world = null_world(holed, seed=0, index=0)
    assert {len(klines) for klines in world.values()} == {len(markets[LEADER]) - 1}
    assert all(first_fault(klines) is None for klines in world.values())


def test_null_world_of_flat_bars_is_flat(markets: dict[str, Klines]) -> None:
    """A market that never moves stays where it is, to the last digit."""
    ones = np.full(len(markets[LEADER]), 3.3)
    flat = replace(markets[LEADER], open=ones, high=ones, low=ones, close=ones)
    world = null_world({LEADER: flat}, seed=0, index=0)[LEADER]
    np.testing.assert_allclose(world.close, 3.3)
    assert first_fault(world) is None


def test_null_p_value_counts_the_real_world() -> None:
    """Above 19 null worlds is one chance in twenty; a tie counts against; the worst is certain."""
    nulls = np.linspace(-1, 1, 19)
    assert null_p_value(1.5, nulls) == pytest.approx(0.05)
    assert null_p_value(1.0, nulls) == pytest.approx(0.1)
    assert null_p_value(-2.0, nulls) == 1
    assert null_p_value(1.0, np.empty(0)) == 1
