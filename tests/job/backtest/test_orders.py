import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.backtest.orders import Orders, Terms, signals
from job.backtest.sessions import Sessions

sides = st.lists(st.sampled_from([-1, 0, 1]), max_size=40).map(lambda values: np.array(values, dtype=np.int8))


def make_terms(num_bars: int, **changes: float) -> Terms:
    """Constant terms."""
    values = {"size": 1.0, "stop": 0.02, "take": 0.04} | changes
    return Terms(**{name: np.full(num_bars, value) for name, value in values.items()})


@given(sides)
@settings(max_examples=60, deadline=None)
def test_signals_are_the_runs_of_one_side(side: np.ndarray) -> None:
    """Between first and end every close asks for one side, and neither neighbour does; nothing else asks."""
    first, end = signals(side, Sessions.of([len(side)]))
    asked = np.zeros(len(side), dtype=bool)
    for begun, ended in zip(first, end, strict=True):
        assert len(set(side[begun:ended])) == 1
        assert side[begun] != 0
        assert begun == 0 or side[begun - 1] != side[begun]
        assert ended == len(side) or side[ended] != side[begun]
        asked[begun:ended] = True
    assert np.array_equal(asked, side != 0)


def test_unknown_terms_begin_nothing() -> None:
    """A signal waits for size and distances to be known; NaN and a size of nothing are not."""
    nan = np.nan
    terms = Terms(
        size=np.array([nan, 0, 1, 1, 1, nan]), stop=np.array([1, 1, nan, 1, 1, 1]), take=np.array([1, 1, 1, nan, 1, 1])
    )
    assert list(Orders(side=np.ones(6, dtype=np.int8), terms=terms).fillable_side) == [0, 0, 0, 0, 1, 1]


def test_unknown_terms_inside_a_signal_change_nothing() -> None:
    """What is not known any more does not end a trade; the next signal waits for its own terms."""
    size = np.array([1, np.nan, 1, np.nan, np.nan, 1, 1, np.nan])
    side = np.array([1, 1, 1, 1, -1, -1, 1, 0], dtype=np.int8)
    terms = Terms(size=size, stop=np.full(8, np.inf), take=np.full(8, np.inf))
    assert list(Orders(side=side, terms=terms).fillable_side) == [1, 1, 1, 1, 0, -1, 1, 0]


@pytest.mark.parametrize("changes", [{"size": -1}, {"size": np.inf}, {"stop": 0}, {"take": -0.1}])
def test_terms_out_of_range_are_refused(changes: dict[str, float]) -> None:
    """No short size, no endless one, and no exit at or behind the entry."""
    with pytest.raises(ValueError, match=r"size|distance"):
        make_terms(3, **changes)


def test_orders_that_do_not_fit_are_refused() -> None:
    """One size, stop, take and side a bar; a side is one of three; a trade holds at least a bar."""
    with pytest.raises(ValueError, match="one element a bar"):
        Terms(size=np.ones(3), stop=np.ones(2), take=np.ones(3))
    with pytest.raises(ValueError, match="shape"):
        Orders(side=np.ones(2, dtype=np.int8), terms=make_terms(3))
    with pytest.raises(ValueError, match="target"):
        Orders(side=np.full(3, 2, dtype=np.int8), terms=make_terms(3))
    with pytest.raises(ValueError, match="max_hold"):
        Orders(side=np.ones(3, dtype=np.int8), terms=make_terms(3), max_hold=0)


@pytest.mark.parametrize("num_bars", [0, 2, 9])
def test_delayed_orders_carry_their_terms(num_bars: int) -> None:
    """Side and terms of a decision move together; before the first nothing is ordered."""
    size = np.arange(1.0, 6.0)
    orders = Orders(
        side=np.array([1, -1, 0, 1, 1], dtype=np.int8), terms=Terms(size=size, stop=size / 10, take=size / 5)
    )
    late = orders.delayed(num_bars)
    moved = min(num_bars, 5)
    assert len(late) == 5
    assert list(late.fillable_side) == [0] * moved + list(orders.side[: 5 - moved])
    assert list(late.terms.size[moved:]) == list(size[: 5 - moved])
    assert list(late.terms.stop[moved:]) == list(size[: 5 - moved] / 10)


@given(sides, st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_missed_signals_are_missed_whole(side: np.ndarray, seed: int) -> None:
    """A signal is kept as it was or is gone; none at a share of 0, all at a share of 1, the same ones for one seed."""
    orders = Orders(side=side, terms=make_terms(len(side)))
    half = [orders.missing(0.5, np.random.default_rng(seed)).side for _ in range(2)]
    assert np.array_equal(*half)
    for begun, ended in zip(*signals(side, orders.stretches), strict=True):
        assert np.array_equal(half[0][begun:ended], side[begun:ended]) or not half[0][begun:ended].any()
    assert np.array_equal(orders.missing(0.0, np.random.default_rng(seed)).side, side)
    assert not orders.missing(1.0, np.random.default_rng(seed)).side.any()
    assert np.array_equal(orders.side, side)


def test_share_of_missed_signals_is_what_was_asked() -> None:
    """About one in twenty of ten thousand."""
    orders = Orders(side=np.tile(np.array([1, 0], dtype=np.int8), 10_000), terms=make_terms(20_000))
    kept = orders.missing(0.05, np.random.default_rng(0)).side.sum()
    assert kept == pytest.approx(9_500, abs=80)
