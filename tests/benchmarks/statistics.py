"""The statistics of a run of 21 windows of 5m bars, ten models and rules, and twenty trials; arch as peer.

Everything that the end of a run computes from its stored windows: 5,000 redrawn histories shared by all, intervals
and paired differences of every model, random signals, the tests against rules without skill, the deflation and the
probability of overfitting. The peer does two of these with as many redrawn histories: the interval of one Sharpe
ratio, and one test of superior predictive ability. Bars: 20 seconds in all, and no slower than the peer.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from arch.bootstrap import SPA, StationaryBootstrap

from job.arrays import FloatArray
from job.backtest.market_bars import MarketBars
from job.evaluation.bootstrap import NUM_DRAWS, confidence_interval, draw_days, sharpe_along_days
from job.evaluation.spa import spa_p_value
from job.intervals import DAY_MS, YEAR_DAYS
from job.records import PlanRecord, WindowRecord
from job.run.ledger import Trial
from job.run_evaluation import evaluate_run
from job.window_results import WindowSeries
from tests.support.klines import random_klines
from tests.support.runs import TRADED, example_run

INTERVAL = "5m"
NUM_WINDOWS, TEST_DAYS = 21, 7
NUM_BASELINES, NUM_TRIALS = 6, 20
NUM_ROUNDS = 3
MEAN_HOLD_BARS = 12


@dataclass(frozen=True, kw_only=True)
class _Run:
    plan: PlanRecord
    windows: tuple[WindowRecord, ...]
    series: tuple[WindowSeries, ...]
    trials: list[Trial]


def measure() -> dict[str, float]:
    """Best of a few interleaved rounds, in seconds and against the peer."""
    run = _make_run()
    daily = np.random.default_rng(0).normal(0.001, 0.02, (2, NUM_WINDOWS * TEST_DAYS))
    operations: dict[str, Callable[[], object]] = {
        "evaluate_run": lambda: evaluate_run(run.plan, run.windows, run.series, run.trials),
        "our_interval_and_spa": lambda: _ours(daily),
        "arch_interval_and_spa": lambda: _arch(daily),
    }
    seconds: dict[str, list[float]] = {name: [] for name in operations}
    for _ in range(NUM_ROUNDS):
        for name, operation in operations.items():
            start = time.perf_counter()
            operation()
            seconds[name].append(time.perf_counter() - start)
    best = {name: min(values) for name, values in seconds.items()}
    return {
        "interval_and_spa_vs_arch_ratio": best["arch_interval_and_spa"] / best["our_interval_and_spa"],
        **{f"{name}_seconds": value for name, value in best.items()},
        "num_windows": NUM_WINDOWS,
        "num_bars": sum(len(s.klines) for s in run.series),
        "num_trials": NUM_TRIALS,
        "num_draws": NUM_DRAWS,
    }


def _ours(daily: FloatArray) -> None:
    own, other = daily
    draws = draw_days(own, rng=np.random.default_rng(0))
    confidence_interval(lambda r: sharpe_along_days(r, bars_per_year=YEAR_DAYS), own, draws)
    spa_p_value(own, other, draws)


def _arch(daily: FloatArray) -> None:
    own, other = daily

    def sharpe(returns: FloatArray) -> FloatArray:
        return np.atleast_1d(returns.mean() / returns.std(ddof=1) * YEAR_DAYS**0.5)

    StationaryBootstrap(5, own, seed=0).conf_int(sharpe, reps=NUM_DRAWS, method="percentile")
    SPA(-other, -own[:, np.newaxis], block_size=5, reps=NUM_DRAWS, seed=0).compute()


def _make_run() -> _Run:
    """Windows of random bars, held as random forecasts want; what is timed does not depend on what they earn."""
    example = example_run(2)
    market = example.plan.procedure.market.model_copy(update={"interval": INTERVAL})
    procedure = example.plan.procedure.model_copy(update={"market": market})
    names = (TRADED, *(f"baseline-{number}" for number in range(NUM_BASELINES - 1)), "prior")
    record = example.windows[0].model_copy(
        update={"models": {name: example.windows[0].models[TRADED] for name in names}}
    )
    series = tuple(_make_series(number, names) for number in range(NUM_WINDOWS))
    day = np.unique(np.concatenate([s.klines.open_time // DAY_MS * DAY_MS for s in series]))
    trials = [
        Trial(
            procedure=f"{number:016x}",
            symbol=market.symbol,
            day=day,
            daily_returns=np.random.default_rng(number).normal(0, 0.02, len(day)),
        )
        for number in range(NUM_TRIALS)
    ]
    plan = example.plan.model_copy(update={"procedure": procedure})
    return _Run(plan=plan, windows=(record,) * NUM_WINDOWS, series=series, trials=trials)


def _make_series(number: int, names: tuple[str, ...]) -> WindowSeries:
    rng = np.random.default_rng(number)
    num_bars = TEST_DAYS * DAY_MS // 300_000
    klines = random_klines(num_bars, INTERVAL, number, start_ms=20_000 * DAY_MS + number * TEST_DAYS * DAY_MS)
    held = {}
    for name in names:
        wanted = np.repeat(rng.integers(-1, 2, num_bars // MEAN_HOLD_BARS), MEAN_HOLD_BARS).astype(np.int8)
        held[name] = np.append(np.int8(0), wanted[:-1])
    return WindowSeries(
        klines=MarketBars.of(klines),
        up=rng.integers(0, 2, num_bars).astype(np.float64),
        probability={name: rng.uniform(0.4, 0.6, num_bars) for name in names},
        position=held,
    )
