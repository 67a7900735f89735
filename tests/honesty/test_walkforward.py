"""The whole walk-forward on worlds whose truth is known: nothing is found in noise, and an edge is."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from sklearn.metrics import roc_auc_score

from job.arrays import FloatArray
from job.audit.finding import AuditFinding, Claim
from job.audit.product import run_engine
from job.backtest.costs import Costs
from job.backtest.stitch import stitch
from job.data.synthetic import World
from job.intervals import DAY_MS, YEAR_DAYS, interval_ms
from job.records import ProcedureRecord
from job.rehearsal import Rehearsal, RehearsedWindow
from job.signals import target_positions
from job.threshold_choice import GRID
from tests.honesty.registry import Mutant, Oracle, assert_caught, assert_passes, each_mutant, each_oracle
from tests.support.audited import HORIZON_BARS, INTERVAL, rehearsed_world, synthetic_procedure

NOISE = Claim(check="noise", proves="the whole procedure finds nothing where nothing is", remedy="")
EDGE = Claim(check="edge", proves="the whole procedure finds an edge that a linear model can see", remedy="")
FREE, PRICE = Costs(fee_bps=0, slippage_bps=0), Costs(fee_bps=5, slippage_bps=2)
NORMAL_95 = 1.96
LEAK_NOISE = 2.0

Prepare = Callable[[Rehearsal], Rehearsal]
# The positions that a tested window's model wanted at each close.
Decide = Callable[[RehearsedWindow], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Found:
    """One world's stitched tests: daily net and gross returns, AUC, and trades."""

    auc: float
    gross: FloatArray
    net: FloatArray
    num_trades: int


def as_it_is(rehearsal: Rehearsal) -> Rehearsal:
    """The rehearsal without a change."""
    return rehearsal


def with_leaked_label(rehearsal: Rehearsal) -> Rehearsal:
    """One feature more, scaled on all rows: the next two hours' return under noise."""
    rows, klines = rehearsal.features, rehearsal.klines
    log_close = np.log(klines.close)
    ahead = np.append(log_close[HORIZON_BARS:], np.full(HORIZON_BARS, log_close[-1])) - log_close
    noise = np.random.default_rng(0).standard_normal(len(ahead))
    leaked = (ahead / ahead.std() + LEAK_NOISE * noise)[np.searchsorted(klines.open_time, rows.open_time)]
    values = np.column_stack([rows.values[:, 1:], leaked]).astype(np.float32)
    return replace(rehearsal, features=replace(rows, values=values))


def with_rows_early(rehearsal: Rehearsal) -> Rehearsal:
    """Every row on the bar before its own: signals shifted the wrong way."""
    rows = rehearsal.features
    return replace(rehearsal, features=replace(rows, open_time=rows.open_time - interval_ms(INTERVAL)))


def held_positions(window: RehearsedWindow) -> np.ndarray:
    """What was held through the next bar, as stored."""
    return np.append(window.series.position[window.record.traded_model][1:], np.int8(0))


def best_on_the_test(window: RehearsedWindow) -> np.ndarray:
    """The thresholds and the side that earn most on the test, instead of what validation chose."""
    probability = window.series.probability[window.record.traded_model]
    wanted = [target_positions(probability, thresholds, hold_bars=HORIZON_BARS) for thresholds in GRID]
    return max(
        [side * target for target in wanted for side in (1, -1)],
        key=lambda target: float(run_engine(window.series.klines, target, PRICE).equity[-1]),
    )


@cache
def windows_of_world(
    world: World, seed: int, procedure: ProcedureRecord, prepare: Prepare
) -> tuple[RehearsedWindow, ...]:
    """Every window of a world."""
    return tuple(prepare(rehearsed_world(world, seed, procedure)).windows(with_baselines=False))


def find(world: World, seed: int, procedure: ProcedureRecord, prepare: Prepare, decide: Decide) -> Found:
    """Walk forward, and take stock."""
    windows = windows_of_world(world, seed, procedure, prepare)
    name = windows[0].record.traded_model
    up = np.concatenate([w.series.up for w in windows])
    probability = np.concatenate([w.series.probability[name] for w in windows])
    is_known = np.isfinite(up) & np.isfinite(probability)
    targets = [decide(w) for w in windows]
    gross, net = (
        stitch([run_engine(w.series.klines, t, costs) for w, t in zip(windows, targets, strict=True)])
        for costs in (FREE, PRICE)
    )
    return Found(
        auc=float(roc_auc_score(up[is_known], probability[is_known])),
        gross=daily(gross.open_time, gross.bar_returns),
        net=daily(net.open_time, net.bar_returns),
        num_trades=len(net.trades),
    )


def daily(open_time: np.ndarray, bar_returns: FloatArray) -> FloatArray:
    """Returns of whole UTC days."""
    return np.bincount((open_time - open_time[0]) // DAY_MS, weights=np.log1p(bar_returns))


def sharpe_interval(days: FloatArray) -> tuple[float, float]:
    """A year's Sharpe ratio with Lo's standard error, 95 %; (0, 0) where nothing was traded."""
    if np.ptp(days) == 0:
        return 0.0, 0.0
    a_day = float(days.mean() / days.std(ddof=1))
    error = np.sqrt((1 + a_day**2 / 2) / len(days))
    low, high = (float((a_day + side * NORMAL_95 * error) * np.sqrt(YEAR_DAYS)) for side in (-1, 1))
    return low, high


def check_noise(
    *, seeds: tuple[int, ...], procedure: ProcedureRecord, prepare: Prepare, decide: Decide, auc_margin: float
) -> AuditFinding:
    """Gross interval covers 0, net interval does not lie above it, and the mean AUC is one half."""
    found = [find("noise", seed, procedure, prepare, decide) for seed in seeds]
    gross, net = ([sharpe_interval(getattr(f, kind)) for f in found] for kind in ("gross", "net"))
    auc = float(np.mean([f.auc for f in found]))
    covers = all(low <= 0 <= high for low, high in gross)
    return NOISE.judge(
        covers and all(low <= 0 for low, _ in net) and abs(auc - 0.5) <= auc_margin,
        f"{len(seeds)} worlds of {len(found[0].net)} days, trades {', '.join(str(f.num_trades) for f in found)}: "
        f"AUC {auc:.3f}, gross Sharpe {_shown(gross)}, net {_shown(net)}",
    )


def check_edge(*, seeds: tuple[int, ...], procedure: ProcedureRecord, prepare: Prepare, decide: Decide) -> AuditFinding:
    """The net interval lies above 0."""
    found = [find("edge", seed, procedure, prepare, decide) for seed in seeds]
    net = [sharpe_interval(f.net) for f in found]
    return EDGE.judge(
        all(low > 0 for low, _ in net),
        f"{len(seeds)} worlds, trades {', '.join(str(f.num_trades) for f in found)}: "
        f"AUC {np.mean([f.auc for f in found]):.3f}, net Sharpe {_shown(net)}",
    )


def the_other_side(window: RehearsedWindow) -> np.ndarray:
    """Every position turned round."""
    return -held_positions(window)


def _shown(intervals: list[tuple[float, float]]) -> str:
    return ", ".join(f"{low:+.1f} to {high:+.1f}" for low, high in intervals)


SMALL = synthetic_procedure(data_days=80, window_size=20, test_size=6)
WHOLE = synthetic_procedure(data_days=180, window_size=30, test_size=7)
NEURAL = synthetic_procedure(data_days=180, window_size=30, test_size=7, model="lorentzian")
HONEST = {"prepare": as_it_is, "decide": held_positions}
LEAKED = Mutant(name="label leaked into a feature that is scaled on all rows", given={"prepare": with_leaked_label})
CHOSEN_ON_TEST = Mutant(name="thresholds chosen on the test", given={"decide": best_on_the_test})
SHIFTED = Mutant(name="rows joined a bar early", given={"prepare": with_rows_early})
ORACLES = (
    Oracle(
        code="D08",
        claim="nothing is found in noise",
        check=check_noise,
        given={"seeds": (3,), "procedure": SMALL, "auc_margin": 0.04, **HONEST},
        mutants=(LEAKED, SHIFTED, CHOSEN_ON_TEST),
    ),
    Oracle(
        code="D08",
        claim="nothing is found in three worlds of the demo's size (logistic)",
        check=check_noise,
        given={"seeds": (3, 4, 5), "procedure": WHOLE, "auc_margin": 0.03, **HONEST},
        mutants=(LEAKED, SHIFTED, CHOSEN_ON_TEST),
        is_slow=True,
    ),
    Oracle(
        code="D08",
        claim="nothing is found in three worlds of the demo's size (Lorentzian)",
        check=check_noise,
        given={"seeds": (3, 4, 5), "procedure": NEURAL, "auc_margin": 0.03, **HONEST},
        is_slow=True,
    ),
    Oracle(
        code="D09",
        claim="an edge is found by the whole procedure",
        check=check_edge,
        given={"seeds": (3,), "procedure": WHOLE, **HONEST},
        mutants=(Mutant(name="every position turned round", given={"decide": the_other_side}),),
        is_slow=True,
    ),
)


@each_oracle(ORACLES)
def test_walkforward_keeps_to_the_claim(oracle: Oracle) -> None:
    """The product's walk-forward passes."""
    assert_passes(oracle)


@each_mutant(ORACLES)
def test_mistake_in_the_walkforward_is_caught(oracle: Oracle, mutant: Mutant) -> None:
    """The walk-forward with the mistake fails."""
    assert_caught(oracle, mutant)
