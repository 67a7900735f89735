from dataclasses import replace

import numpy as np
import pytest

from job.backtest.account import Backtest
from job.backtest.costs import Costs
from job.backtest.engine import run_orders
from job.backtest.market_bars import MarketBars
from job.backtest.orders import Orders
from job.backtest.stitch import stitch
from job.data.klines import Klines
from job.evaluation import random_signals as subject
from job.evaluation.daily import utc_daily_returns
from job.intervals import DAY_MS, HOUR_MS

COSTS = Costs(fee_bps=5.0, slippage_bps=2.0)
START_MS = 20_000 * DAY_MS + 11 * HOUR_MS  # windows meet within a day


def make_klines(start_ms: int, num_bars: int, seed: int) -> MarketBars:
    """A random walk of hourly bars whose opens differ from the closes before them, with funding every eight."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, num_bars)))
    open_ = close * np.exp(rng.normal(0, 0.005, num_bars))
    prices = np.stack([open_, close])
    klines = Klines(
        interval="1h",
        open_time=start_ms + HOUR_MS * np.arange(num_bars, dtype=np.int64),
        open=open_,
        high=prices.max(axis=0),
        low=prices.min(axis=0),
        close=close,
        volume=np.ones(num_bars),
    )
    funding = np.where(np.arange(num_bars) % 8 == 3, rng.normal(0.0002, 0.0005, num_bars), 0.0)
    return MarketBars.of(klines, size=0.5 + rng.random(num_bars), funding=funding)


def two_windows(num_bars: int = 75) -> list[MarketBars]:
    """Two test slices, one after the other."""
    return [make_klines(START_MS + HOUR_MS * num_bars * number, num_bars, number) for number in range(2)]


def backtests(windows: list[MarketBars], targets: list[np.ndarray], sizes: list[np.ndarray] | None = None) -> Backtest:
    """The stitched account of targets, with the sizes of the bars unless others are given."""
    bars = windows if sizes is None else [replace(k, size=size) for k, size in zip(windows, sizes, strict=True)]
    return stitch(
        [
            run_orders(
                klines,
                Orders(side=target, terms=klines.terms, max_hold=None),
                costs=COSTS,
                initial_equity=1.0,
                market="perp",
                funding=klines.funding,
            )
            for klines, target in zip(bars, targets, strict=True)
        ]
    )


def random_targets(windows: list[MarketBars], seed: int) -> list[np.ndarray]:
    """Positions that change now and then."""
    rng = np.random.default_rng(seed)
    return [np.repeat(rng.integers(-1, 2, len(k) // 5), 5).astype(np.int8) for k in windows]


@pytest.mark.parametrize("seed", range(8))
def test_drawn_accounts_are_those_of_the_engine(seed: int) -> None:
    """Replaying a drawn placement bar by bar gives its daily returns, to rounding."""
    windows = two_windows()
    account = backtests(windows, random_targets(windows, seed))
    placements = []

    class Spy(subject._Shape):
        def place(self, *arguments: object) -> subject._Placed:
            placements.append(super().place(*arguments))  # type: ignore[arg-type]
            return placements[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subject, "_Shape", Spy)
        drawn = subject.draw_random_signals(
            windows, account, costs=COSTS, rng=np.random.default_rng(seed), num_draws=30
        )
    num_checked = 0
    for row in range(30):
        targets, sizes, is_split = [], [], False
        for klines, placed in zip(windows, placements, strict=True):
            held, size = np.zeros(len(klines) + 1, dtype=np.int8), np.ones(len(klines))
            for entry, leave, side, notional in zip(
                placed.entry_bar[row], placed.exit_bar[row], placed.side[row], placed.size[row], strict=True
            ):
                assert 1 <= entry < leave <= len(klines) and not held[entry:leave].any()
                is_split |= bool(held[entry - 1] == side)  # the engine would join the two, and save their costs
                held[entry:leave], size[entry - 1] = side, notional
            targets.append(held[1:])
            sizes.append(size)
        if is_split:
            continue
        expected = utc_daily_returns(backtests(windows, targets, sizes))
        np.testing.assert_array_equal(drawn.day, expected.day)
        np.testing.assert_allclose(drawn.daily_returns[row], expected.value, atol=1e-12)
        num_checked += 1
    assert num_checked > 0


def test_drawn_trades_keep_number_length_and_side() -> None:
    """A placement only moves trades: each window keeps its own, each with its side, length and size."""
    shape = subject._Shape(num_bars=np.array([3, 1, 8]), side=np.array([1, -1, 1]), size=np.array([1.0, 0.5, 2.0]))
    placed = shape.place(40, np.random.default_rng(1), 500)
    kept = np.stack([placed.exit_bar - placed.entry_bar, placed.side, placed.size * 2], axis=2)
    for row in kept:
        assert sorted(map(tuple, row)) == [(1, -1, 1), (3, 1, 2), (8, 1, 4)]
    assert placed.entry_bar.min() == 1 and placed.exit_bar.max() == 40
    assert (placed.entry_bar[:, 1:] >= placed.exit_bar[:, :-1]).all()


def test_account_without_trades_has_flat_draws() -> None:
    """Nothing to place: no returns, no median, and the reason."""
    windows = two_windows()
    flat = backtests(windows, [np.zeros(75, np.int8)] * 2)
    drawn = subject.draw_random_signals(windows, flat, costs=COSTS, rng=np.random.default_rng(0))
    assert drawn.daily_returns.shape == (200, 7) and not drawn.daily_returns.any()
    for measure in (drawn.median_return, drawn.median_sharpe, drawn.share_below(0.0)):
        assert measure.reason == "no_trades"


def test_account_always_in_the_market_has_one_placement() -> None:
    """A trade that fills the window can be nowhere else: every draw is the account itself."""
    windows = two_windows()
    account = backtests(windows, [np.ones(75, np.int8)] * 2)
    drawn = subject.draw_random_signals(windows, account, costs=COSTS, rng=np.random.default_rng(0), num_draws=5)
    np.testing.assert_allclose(drawn.daily_returns, np.tile(utc_daily_returns(account).value, (5, 1)), atol=1e-12)
    assert drawn.share_below(float(account.equity[-1] - 1) + 1e-9).value == 1


def test_foresight_lies_above_random_signals() -> None:
    """Positions that know the next bar beat every draw; their opposites none; the median is a drawn account."""
    windows = two_windows(150)
    knowing = [np.sign(np.append(np.diff(k.open)[1:], [0, 0])).astype(np.int8) for k in windows]
    account = backtests(windows, knowing)
    drawn = subject.draw_random_signals(windows, account, costs=COSTS, rng=np.random.default_rng(0))
    assert drawn.share_below(float(account.equity[-1] - 1)).value == 1
    wrong = backtests(windows, [-target for target in knowing])
    drawn = subject.draw_random_signals(windows, wrong, costs=COSTS, rng=np.random.default_rng(0))
    assert drawn.share_below(float(wrong.equity[-1] - 1)).value == 0
    total = np.prod(1 + drawn.median_daily_returns) - 1
    assert (drawn.total_return < total).sum() == 100
    assert drawn.median_return.value == pytest.approx(np.median(drawn.total_return))


def test_costs_are_those_of_the_account() -> None:
    """The dearer a trade, the less every draw makes; the same seed draws the same."""
    windows = two_windows()
    account = backtests(windows, random_targets(windows, 3))
    cheap, again, dear = (
        subject.draw_random_signals(windows, account, costs=costs, rng=np.random.default_rng(0)).total_return
        for costs in (COSTS, COSTS, replace(COSTS, fee_bps=20.0))
    )
    assert np.array_equal(cheap, again)
    assert (dear < cheap).all()


def test_ruin_is_the_end_of_a_drawn_account() -> None:
    """A short position through a tenfold rise leaves nothing, never less."""
    klines = make_klines(START_MS, 75, 0)
    risen = replace(klines, close=klines.close * np.linspace(1, 40, 75), open=klines.open * np.linspace(1, 40, 75))
    risen = replace(risen, high=np.maximum(risen.open, risen.close), low=np.minimum(risen.open, risen.close))
    account = backtests([klines], [np.full(75, -1, np.int8)])
    drawn = subject.draw_random_signals([risen], account, costs=COSTS, rng=np.random.default_rng(0), num_draws=3)
    assert (drawn.total_return == -1).all()
    assert np.isfinite(drawn.daily_returns).all()
