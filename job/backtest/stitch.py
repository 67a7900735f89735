"""Join the accounts of consecutive test windows into one, as if each had started with what the last left."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from job.backtest.account import Backtest, Trades


def stitch(windows: Sequence[Backtest]) -> Backtest:
    """Compound the windows' accounts in order.

    Parameters
    ----------
    windows : at least one, in time order, not overlapping; windows that failed are simply absent.

    Returns
    -------
    Backtest
        Starts with the first window's initial equity. Every window begins and ends flat, so the first bar
        of each has a return of 0 and no trade crosses a border. Nothing is traded after ruin.

    Raises
    ------
    ValueError
        If there is no window, or two are out of order or overlap.
    """
    if not windows:
        raise ValueError("there is no window to stitch")
    open_time = np.concatenate([window.open_time for window in windows])
    if (np.diff(open_time) <= 0).any():
        raise ValueError("windows overlap or are out of order")
    level = float(windows[0].equity[0])
    equity, position, trades, num_bars = [windows[0].equity[:1]], [], [], 0
    for window in windows:
        is_ruined = level <= 0
        scale = level / float(window.equity[0])
        equity.append(window.equity[1:] * scale)
        position.append(np.zeros_like(window.position) if is_ruined else window.position)
        trades.append(window.trades.moved(num_bars=num_bars, scale=scale).first(0 if is_ruined else len(window.trades)))
        level = float(equity[-1][-1])
        num_bars += len(window)
    return Backtest(
        open_time=open_time,
        equity=np.concatenate(equity),
        position=np.concatenate(position),
        trades=_concatenate(trades),
    )


def _concatenate(parts: Sequence[Trades]) -> Trades:
    return Trades(
        **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Trades)}
    )
