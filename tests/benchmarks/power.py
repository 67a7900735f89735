"""How often the whole procedure sees an edge that is there, beside the same test on the oracle's own trades.

Worlds in which four features say all that can be known, and one of them tells the next bar's side, or two together do.
The link is as strong as thirty days can teach (`tests.support.planted_worlds`); the market is as volatile as makes it
worth a net Sharpe ratio of 0, 2, 4 or 6 a year, at 7 bp a side, to somebody who knows the link and trades by
thresholds as the procedure does. Bars: the rate of `weak` or `evidence` within 15 points of the oracle's, at most 5 %
at 0, at least 80 % at 6 over 180 days. What lies between the two is shown beside it: how well directions are told, how
often nothing is traded, and what the forecasts earn at the best thresholds of hindsight. A world of 180 days takes
about a minute of one processor, one of 730 days five times as long; it goes on where it was stopped.
"""

import argparse
import time
from collections.abc import Iterable

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from job.arrays import FloatArray
from job.backtest.account import Backtest
from job.backtest.stitch import stitch
from job.evaluation.daily import utc_daily_returns
from job.evaluation.measure import ZERO_DEVIATION
from job.intervals import YEAR_DAYS
from job.rehearsal import RehearsedWindow
from job.rules import trading_rules
from job.signals import Thresholds, TradingRules, target_positions, trade
from job.threshold_choice import SYMMETRIC
from tests.benchmarks import _cells, _judged
from tests.support.audited import END_MS, WARM_UP_DAYS, synthetic_procedure
from tests.support.planted_worlds import planted_procedure, planted_rehearsal, planted_world

# Of `planted_world`, by kind and the oracle's net Sharpe ratio: interpolated from the means of six worlds of 730 days
# for each of twelve volatilities, which have standard errors of .2 to .4.
VOLATILITY = {
    "linear": {"0": 0.463, "2": 0.517, "4": 0.588, "6": 0.677},
    "xor": {"0": 0.552, "2": 0.610, "4": 0.682, "6": 0.776},
}
# The best of the procedure's candidates for somebody who knows the link, whatever the volatility.
ORACLE = {"linear": Thresholds(buy=0.58, sell=0.42), "xor": Thresholds(buy=0.62, sell=0.38)}
SEEN = ("weak", "evidence")
FIRST_SEED = 1_000  # apart from the worlds that the volatilities were found on


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Seeds, processors, file, and which part of the table."""
    _cells.add_arguments(parser, name="power")
    parser.add_argument("--model", default="lorentzian", help="classifier that trades")
    parser.add_argument("--kinds", nargs="+", choices=list(VOLATILITY), default=list(VOLATILITY), help="kinds of edge")
    parser.add_argument("--sharpes", nargs="+", choices=list(VOLATILITY["linear"]), default=list(VOLATILITY["linear"]))
    parser.add_argument("--days", nargs="+", type=int, default=[180, 730], help="days of each world")


def measure(arguments: argparse.Namespace) -> dict[str, list[_cells.Cell]]:
    """Do the worlds that are missing, the shortest first: a row for each kind, strength and length."""
    cells = [
        {"seed": seed, "kind": kind, "sharpe": sharpe, "days": days, "model": arguments.model}
        for days in sorted(arguments.days)
        for seed in range(arguments.seeds)
        for kind in arguments.kinds
        for sharpe in arguments.sharpes
    ]
    found = _cells.run_cells(cells, _one_world, jobs=arguments.jobs, out=arguments.out)
    groups: dict[tuple[str, str, int], list[_cells.Cell]] = {}
    for cell in found:
        groups.setdefault((cell["kind"], cell["sharpe"], cell["days"]), []).append(cell)
    return {
        "rates": [_keys(group) | _rates(worlds) for group, worlds in groups.items()],
        "what made them": [_keys(group) | _causes(worlds) for group, worlds in groups.items()],
    }


def _one_world(cell: _cells.Cell) -> _cells.Cell:
    started = time.perf_counter()
    torch.set_num_threads(1)
    procedure = planted_procedure(
        synthetic_procedure(
            data_days=cell["days"], window_size=_judged.WINDOW_SIZE, test_size=_judged.TEST_SIZE, model=cell["model"]
        )
    )
    world = planted_world(
        cell["kind"],
        seed=FIRST_SEED + cell["seed"],
        num_days=cell["days"] + WARM_UP_DAYS,
        last_close_ms=END_MS,
        volatility=VOLATILITY[cell["kind"]][cell["sharpe"]],
    )
    rehearsal = planted_rehearsal(world, procedure)
    windows = tuple(rehearsal.windows(with_baselines=False))
    rules = trading_rules(procedure)
    wanted = target_positions(world.probability, ORACLE[cell["kind"]], hold_bars=rules.hold_bars)
    open_time = world.klines.open_time
    ours = _judged.judged(rehearsal, windows)
    oracle = _judged.judged(rehearsal, _judged.with_positions(windows, open_time, wanted))
    known = [world.probability[np.searchsorted(open_time, w.series.klines.open_time)] for w in windows]
    traded = [w.record.models[ours.traded] for w in windows]
    return {
        "ours": ours.verdict.verdict,
        "oracle": oracle.verdict.verdict,
        "ours_sharpe": _sharpe(ours.models[ours.traded].account),
        "oracle_sharpe": _sharpe(oracle.models[ours.traded].account),
        "hindsight_sharpe": _best_in_hindsight(windows, ours.traded, rules),
        "ours_auc": _mean_auc(windows, [w.series.probability[ours.traded] for w in windows]),
        "oracle_auc": _mean_auc(windows, known),
        "shrinkage": float(np.mean([model.shrinkage for model in traded])),
        "untraded": float(np.mean([model.thresholds.buy is None for model in traded])),
        "num_trades": len(ours.models[ours.traded].account.trades),
        "seconds": time.perf_counter() - started,
    }


def _sharpe(account: Backtest) -> float:
    """Net and annual; of an account that does not move, 0."""
    daily = utc_daily_returns(account).value
    return float(daily.mean() / daily.std() * np.sqrt(YEAR_DAYS)) if daily.std() > ZERO_DEVIATION else 0.0


def _best_in_hindsight(windows: tuple[RehearsedWindow, ...], name: str, rules: TradingRules) -> float:
    """Of the forecasts as they are, at one pair of thresholds in all windows."""
    series = [window.series for window in windows]
    return max(
        _sharpe(stitch([trade(s.klines, s.probability[name], pair, rules) for s in series])) for pair in SYMMETRIC
    )


def _mean_auc(windows: tuple[RehearsedWindow, ...], probability: Iterable[FloatArray]) -> float:
    """Area under the ROC curve within a window; over windows, whose forecasts have levels of their own, the mean."""
    areas = []
    for window, forecast in zip(windows, probability, strict=True):
        is_known = np.isfinite(window.series.up)
        areas.append(roc_auc_score(window.series.up[is_known], forecast[is_known]))
    return float(np.mean(areas))


def _keys(group: tuple[str, str, int]) -> _cells.Cell:
    return dict(zip(("edge", "aimed at", "days"), group, strict=True))


def _rates(worlds: list[_cells.Cell]) -> _cells.Cell:
    """How often a verdict was `weak` or `evidence`, and the mean net Sharpe ratios."""
    return {
        "worlds": len(worlds),
        "ours seen": float(np.mean([world["ours"] in SEEN for world in worlds])),
        "oracle seen": float(np.mean([world["oracle"] in SEEN for world in worlds])),
        "our Sharpe": _mean(worlds, "ours_sharpe"),
        "oracle's": _mean(worlds, "oracle_sharpe"),
        "seconds": _mean(worlds, "seconds"),
    }


def _causes(worlds: list[_cells.Cell]) -> _cells.Cell:
    """What lies between forecasts and trades; the last is our Sharpe ratio at the best thresholds of hindsight."""
    names = ("ours_auc", "oracle_auc", "shrinkage", "untraded", "num_trades", "hindsight_sharpe")
    shown = ("our AUC", "oracle's", "shrinkage", "untraded", "trades", "in hindsight")
    return {column: _mean(worlds, name) for column, name in zip(shown, names, strict=True)}


def _mean(worlds: list[_cells.Cell], name: str) -> float:
    return float(np.mean([world[name] for world in worlds]))
