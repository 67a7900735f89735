"""How often the whole procedure finds something where nothing is: noise worlds of the guide's size, one a seed.

Bars: the gross Sharpe ratio's interval covers 0 in at least 85 % of worlds, the net one lies above 0 in at most 7.5 %,
the mean AUC lies within .015 of one half, and a scan that picks the best of all the worlds, each counted as a trial,
finds no evidence. A world takes some two minutes of one processor; it can be stopped, and goes on where it was.
"""

import argparse
import time
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from job.backtest.costs import Costs
from job.data.synthetic import synthetic_markets
from job.evaluation.bootstrap import confidence_interval, draw_days, sharpe_along_days
from job.evaluation.daily import utc_daily_returns
from job.evaluation.deflation import deflate
from job.intervals import YEAR_DAYS
from job.replay import replay
from job.rules import trading_rules
from tests.benchmarks import _cells, _judged
from tests.support.audited import END_MS, WARM_UP_DAYS, synthetic_procedure

LEAST_GROSS_COVER, MOST_NET_ABOVE, AUC_MARGIN, MIN_DSR = 0.85, 0.075, 0.015, 0.95


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Seeds, processors, file, and the model and days of each world."""
    _cells.add_arguments(parser, name="null")
    parser.add_argument("--model", default="lorentzian", help="classifier that trades")
    parser.add_argument("--days", type=int, default=180, help="days of each world")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Do the worlds that are missing: a row for each bar, and what the verdicts were."""
    cells = [{"seed": seed, "model": arguments.model, "days": arguments.days} for seed in range(arguments.seeds)]
    found = _cells.run_cells(cells, _one_world, jobs=arguments.jobs, out=arguments.out)
    verdicts = [world["verdict"] for world in found]
    return {
        "noise worlds": _bars(found),
        "verdicts": {word: verdicts.count(word) for word in ("no evidence", "weak", "evidence")},
        "num_without_a_trade": sum(world["num_trades"] == 0 for world in found),
        "seconds_a_world": float(np.mean([world["seconds"] for world in found])),
    }


def _one_world(cell: _cells.Cell) -> _cells.Cell:
    started = time.perf_counter()
    procedure = synthetic_procedure(
        data_days=cell["days"], window_size=_judged.WINDOW_SIZE, test_size=_judged.TEST_SIZE, model=cell["model"]
    )
    markets = synthetic_markets("noise", seed=cell["seed"], num_days=cell["days"] + WARM_UP_DAYS, last_close_ms=END_MS)
    rehearsal, windows = _judged.run_worlds_windows(markets, procedure)
    evaluation = _judged.judged(rehearsal, windows)
    series, name = tuple(w.series for w in windows), evaluation.traded
    free = replace(trading_rules(procedure), costs=Costs(fee_bps=0, slippage_bps=0))
    gross = utc_daily_returns(replay(evaluation.tests, name, free)).value
    draws = draw_days(gross, rng=np.random.default_rng(0))
    interval = confidence_interval(lambda r: sharpe_along_days(r, bars_per_year=YEAR_DAYS), gross, draws)
    net = evaluation.models[name].sharpe_interval
    up, probability = (
        np.concatenate(parts) for parts in zip(*((s.up, s.probability[name]) for s in series), strict=True)
    )
    is_known = np.isfinite(up) & np.isfinite(probability)
    return {
        "verdict": evaluation.verdict.verdict,
        "num_trades": len(evaluation.models[name].account.trades),
        "auc": float(roc_auc_score(up[is_known], probability[is_known])),
        "gross": [interval.low, interval.high],
        "net": [net.low, net.high],
        "net_sharpe": evaluation.findings.sharpe.value,
        "daily": evaluation.daily[name].tolist(),
        "seconds": time.perf_counter() - started,
    }


def _bars(found: list[_cells.Cell]) -> list[_cells.Cell]:
    # Where nothing is traded there is no interval, and nothing was found: it covers 0.
    gross_cover = float(np.mean([f["gross"][0] is None or f["gross"][0] <= 0 <= f["gross"][1] for f in found]))
    net_above = float(np.mean([f["net"][0] is not None and f["net"][0] > 0 for f in found]))
    auc = float(np.mean([f["auc"] for f in found]))
    scan = _scan(found)
    rows = [
        ("gross interval covers 0", gross_cover, f">= {LEAST_GROSS_COVER}", gross_cover >= LEAST_GROSS_COVER),
        ("net interval above 0", net_above, f"<= {MOST_NET_ABOVE}", net_above <= MOST_NET_ABOVE),
        ("mean AUC", auc, f".5 +- {AUC_MARGIN}", abs(auc - 0.5) <= AUC_MARGIN),
        ("deflated probability, best of a scan of all", scan, f"< {MIN_DSR}", scan < MIN_DSR),
    ]
    return [
        {"worlds": len(found), "measure": measure, "found": value, "bar": bar, "holds": holds}
        for measure, value, bar, holds in rows
    ]


def _scan(found: list[_cells.Cell]) -> float:
    """The deflated probability of the best world, with every world a trial; 0 where it has none."""
    daily = np.array([f["daily"] for f in found])
    best = max(
        range(len(found)), key=lambda n: found[n]["net_sharpe"] if found[n]["net_sharpe"] is not None else -np.inf
    )
    return deflate(daily[best], daily, num_trials=len(found)).dsr_of_all_trials.value or 0.0
