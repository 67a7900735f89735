from dataclasses import replace

import numpy as np
import pytest

from job.backtest.funding import FundingDays
from job.backtest.market_bars import MarketBars
from job.comparison import VOLATILITY
from job.data.klines import Klines
from job.evaluation.daily import utc_daily_returns
from job.evaluation.performance import headline_measures
from job.evaluation.spa import no_skill_p_value
from job.intervals import DAY_MS, HOUR_MS
from job.records import FLAT, LAST_RETURN, LONG, NO_SKILL_RULES, PlanRecord
from job.run.ledger import Trial, procedure_hash
from job.run_evaluation import evaluate_run
from job.settings.procedure import CostSettings
from job.slice_outcome import PINE
from job.window_results import WindowSeries
from tests.support.golden_bars import CLOSE, OPEN, TARGET, WITH_COSTS, WITHOUT_COSTS, GoldenAccount
from tests.support.procedures import with_changes
from tests.support.runs import TRADED, example_run

RUN = example_run(3)
START_MS = RUN.windows[0].span.test_start_ms
OTHER = "prior"


def golden_plan(account: GoldenAccount) -> PlanRecord:
    """A plan for hourly bars at the golden account's costs."""
    procedure = RUN.plan.procedure
    market = procedure.market.model_copy(update={"interval": "1h"})
    costs = CostSettings(fee_bps=account.cost_bps, slippage_bps=0.0)
    return RUN.plan.model_copy(update={"procedure": procedure.model_copy(update={"market": market, "costs": costs})})


def golden_series(start_ms: int) -> WindowSeries:
    """The ten golden bars as a test slice, held as the traded model wanted, and not at all by the other."""
    prices = np.stack([OPEN, CLOSE])
    klines = Klines(
        interval="1h",
        open_time=start_ms + HOUR_MS * np.arange(10, dtype=np.int64),
        open=OPEN,
        high=prices.max(axis=0),
        low=prices.min(axis=0),
        close=CLOSE,
        volume=np.ones(10),
    )
    held = np.append(np.int8(0), TARGET[:-1])
    up = (np.arange(10) % 2).astype(float)
    return WindowSeries(
        klines=MarketBars.of(klines),
        up=up,
        probability={TRADED: np.where(up == 1, 0.75, 0.25), OTHER: np.full(10, 0.5)},
        position={TRADED: held, OTHER: np.zeros(10, np.int8)},
    )


def make_trial(
    procedure: str, *, daily: np.ndarray | None = None, day: np.ndarray | None = None, symbol: str = "SYNUSDT"
) -> Trial:
    """A trial, failed unless it is given returns."""
    return Trial(
        procedure=procedure,
        symbol=symbol,
        day=np.empty(0, np.int64) if day is None else day,
        daily_returns=np.empty(0) if daily is None else daily,
    )


@pytest.mark.parametrize("account", [WITHOUT_COSTS, WITH_COSTS], ids=["free", "10 bp"])
def test_stitched_result_is_the_one_worked_out_by_hand(account: GoldenAccount) -> None:
    """Two golden windows compound: the equity of the first continues in the second, at the plan's costs."""
    series = (golden_series(START_MS), golden_series(START_MS + 7 * DAY_MS))
    found = evaluate_run(golden_plan(account), RUN.windows[:2], series, [])
    once = np.array(account.equity) / account.equity[0]
    traded = found.models[found.traded]
    np.testing.assert_allclose(traded.account.equity, np.concatenate([once, once[1:] * once[-1]]), rtol=1e-12)
    assert traded.measures["total_return"].value == pytest.approx((1 + account.total_return) ** 2 - 1, rel=1e-9)
    assert len(traded.account.trades) == found.findings.num_trades == 6
    assert found.findings.num_days == 2
    assert found.findings.cost_bps == account.cost_bps
    assert traded.measures["log_loss"].value == pytest.approx(-np.log(0.75))


def test_rules_without_skill_stand_beside_the_models() -> None:
    """Flat earns exactly nothing, long is buy and hold from the second open, and the last sign is followed."""
    found = evaluate_run(golden_plan(WITHOUT_COSTS), RUN.windows[:1], (golden_series(START_MS),), [])
    assert set(found.models) == {TRADED, OTHER, *NO_SKILL_RULES}
    assert found.models[FLAT].measures["total_return"].value == 0
    assert found.models[FLAT].measures["sharpe_ratio"].reason is not None
    assert found.models[LONG].measures["total_return"].value == pytest.approx(CLOSE[-1] / OPEN[1] - 1)
    signs = np.sign(np.diff(CLOSE, prepend=CLOSE[0]))
    assert np.array_equal(found.models[LAST_RETURN].account.position, np.append(0, signs[:-1]).astype(np.int8))


def test_evaluation_agrees_with_the_stored_windows() -> None:
    """The stitched curve of real windows compounds their own test returns; a window that failed is left out."""
    gains = [w.models[TRADED].test["total_return"].value or 0.0 for w in RUN.windows]
    whole = RUN.evaluation.models[TRADED]
    assert whole.measures["total_return"].value == pytest.approx(np.prod(1 + np.array(gains)) - 1)
    left = [0, 2]
    part = evaluate_run(RUN.plan, tuple(RUN.windows[i] for i in left), tuple(RUN.series[i] for i in left), [])
    gained = part.models[TRADED].measures["total_return"].value
    assert gained == pytest.approx(np.prod([1 + gains[i] for i in left]) - 1)
    assert part.findings.num_days == 14
    headline = headline_measures(part.models[TRADED].account)
    assert part.models[TRADED].measures["sharpe_ratio"] == headline["sharpe_ratio"]


def test_more_trials_make_the_same_result_worth_less() -> None:
    """Every trial counts, with a result or without; one trial is the plain probability."""
    run = example_run(5)
    returns = utc_daily_returns(run.evaluation.models[TRADED].account).value
    own = make_trial("0", daily=returns, day=run.evaluation.day)
    failed = [make_trial(str(number)) for number in range(1, 9)]
    alone, among_nine = (evaluate_run(run.plan, run.windows, run.series, t) for t in ([own], [own, *failed]))
    assert (alone.findings.num_trials, among_nine.findings.num_trials) == (1, 9)
    assert alone.findings.dsr.value == pytest.approx(alone.psr.value)
    assert alone.findings.dsr.value is not None and among_nine.findings.dsr.value is not None
    assert among_nine.findings.dsr.value < alone.findings.dsr.value
    flat = make_trial("9", daily=np.zeros(35), day=run.evaluation.day)
    assert evaluate_run(run.plan, run.windows, run.series, [own, flat]).findings.dsr.value is not None


def test_evaluation_is_the_same_every_time() -> None:
    """Bootstrap draws come from the run's seed alone."""
    run = example_run(5)
    trials = [make_trial("0")]
    first, second = (evaluate_run(run.plan, run.windows, run.series, trials) for _ in range(2))
    assert first.verdict == second.verdict
    assert first.differences == second.differences
    assert np.array_equal(first.random_signals.daily_returns, second.random_signals.daily_returns)
    assert {n: m.sharpe_interval for n, m in first.models.items()} == {
        n: m.sharpe_interval for n, m in second.models.items()
    }


def test_few_days_have_no_interval() -> None:
    """Two days are too short for an interval, a deflated ratio or a comparison, and each says so."""
    found = evaluate_run(
        golden_plan(WITHOUT_COSTS), RUN.windows[:2], (golden_series(START_MS), golden_series(START_MS + DAY_MS)), []
    )
    assert found.models[TRADED].sharpe_interval.reason == "too_short"
    assert found.findings.no_skill_p.reason == found.findings.dsr.reason == "too_short"
    assert found.verdict.verdict == "no evidence"


def test_break_even_cost_replays_the_same_positions() -> None:
    """At the break-even cost the stitched return is zero, whatever cost was assumed."""
    series = (golden_series(START_MS), golden_series(START_MS + 7 * DAY_MS))
    free, paid = (
        evaluate_run(golden_plan(account), RUN.windows[:2], series, []) for account in (WITHOUT_COSTS, WITH_COSTS)
    )
    edge = free.findings.break_even_bps.value
    assert edge is not None and edge > WITH_COSTS.cost_bps
    assert paid.findings.break_even_bps.value == pytest.approx(edge)
    at_edge = evaluate_run(golden_plan(replace(WITHOUT_COSTS, cost_bps=edge)), RUN.windows[:2], series, [])
    assert at_edge.models[TRADED].measures["total_return"].value == pytest.approx(0, abs=1e-4)


def test_similar_trials_count_for_less_than_strangers() -> None:
    """A copy adds nothing in effect, a stranger one; both are in the number, of the symbol or of all."""
    run = example_run(5)
    own = make_trial("0", daily=run.evaluation.daily[TRADED], day=run.evaluation.day)
    copy, stranger = replace(own, procedure="1"), make_trial("2", symbol="BTCUSDT")
    alone, with_copy, with_stranger = (
        evaluate_run(run.plan, run.windows, run.series, trials) for trials in ([own], [own, copy], [own, stranger])
    )
    assert with_copy.findings.num_trials == with_stranger.findings.num_trials == 2
    assert (with_copy.num_trials_of_symbol, with_stranger.num_trials_of_symbol) == (2, 1)
    assert with_copy.findings.effective_trials == pytest.approx(1)
    assert with_stranger.findings.effective_trials == 2
    assert with_copy.findings.dsr.value == pytest.approx(alone.findings.dsr.value)
    assert with_copy.deflation.dsr_of_all_trials.rank < alone.findings.dsr.rank
    assert with_stranger.findings.dsr == with_stranger.deflation.dsr_of_all_trials


def test_run_without_a_ledger_is_its_own_only_trial() -> None:
    """Nothing noted, nothing to deflate for."""
    run = example_run(5)
    found = evaluate_run(run.plan, run.windows, run.series, [])
    assert (found.findings.num_trials, found.findings.effective_trials, found.num_attempts) == (1, 1, 1)
    assert found.findings.dsr == found.psr


def test_another_attempt_is_shown_and_does_not_count() -> None:
    """Two models of this procedure that read one test are two attempts at one trial."""
    run = example_run(3)
    own = procedure_hash(run.plan.procedure, run.plan.feature_set)
    trials = [replace(make_trial(own), num_attempts=2), replace(make_trial("1"), num_attempts=5)]
    found = evaluate_run(run.plan, run.windows, run.series, trials)
    assert (found.findings.num_trials, found.num_attempts) == (2, 2)


def test_differences_stand_against_every_other_model_and_rule() -> None:
    """The simplest first, equal to the difference of the two curves, with a log-loss only between forecasts."""
    found = example_run(9).evaluation
    assert list(found.differences) == [FLAT, LONG, LAST_RETURN, OTHER, PINE]
    for name, difference in found.differences.items():
        own, other = found.models[TRADED].measures, found.models[name].measures
        ratio = (own["sharpe_ratio"].value or 0.0) - (other["sharpe_ratio"].value or 0.0)
        assert difference.sharpe_ratio.value.value == pytest.approx(ratio)
        assert difference.sharpe_ratio.interval.reason is None
        assert (difference.log_loss is None) == (name != OTHER)
    to_prior = found.differences[OTHER].log_loss
    assert to_prior is not None
    losses = [found.models[name].measures["log_loss"].rank for name in (TRADED, OTHER)]
    assert to_prior.value.value == pytest.approx(losses[0] - losses[1])
    assert found.forecast.word == "volatility only" and "no model of volatility" in found.forecast.reason


def test_volatility_baseline_decides_the_forecast_line() -> None:
    """Beside the traded forecasts themselves nothing is ahead; beside the prior's, direction is known."""
    run = example_run(9)
    for source, word in ((TRADED, "volatility only"), (OTHER, "direction")):
        windows = tuple(w.model_copy(update={"models": w.models | {VOLATILITY: w.models[source]}}) for w in run.windows)
        series = tuple(
            replace(
                s,
                probability=s.probability | {VOLATILITY: s.probability[source]},
                position=s.position | {VOLATILITY: s.position[source]},
            )
            for s in run.series
        )
        assert evaluate_run(run.plan, windows, series, []).forecast.word == word


def test_random_signals_are_a_rule_without_skill() -> None:
    """They trade as often as the traded model, and the test against rules without skill meets their median too."""
    found = example_run(9).evaluation
    assert found.random_signals.num_trades == found.findings.num_trades
    assert np.array_equal(found.random_signals.day, found.day)
    against = no_skill_p_value(found.daily[TRADED], found.random_signals.median_daily_returns[None], found.draws)
    assert found.findings.no_skill_p.rank >= against.rank


def test_funding_of_the_tests_is_counted() -> None:
    """None is stored for the example; what the stored bars carry is counted by day, and charged."""
    run = example_run(3)
    assert run.evaluation.funding_days == FundingDays(num_settled=21, num_charged=0)
    first = run.series[0]
    bars = replace(first.klines, funding=np.where(first.klines.open_time % DAY_MS == 0, 0.001, 0.0))
    found = evaluate_run(run.plan, run.windows, (replace(first, klines=bars), *run.series[1:]), [])
    assert found.funding_days == FundingDays(num_settled=21, num_charged=7)
    assert found.models[TRADED].measures["funding"].value != 0


def test_planned_reward_stands_beside_the_realised_one() -> None:
    """Target over stop for whatever has exits; the rules without skill have none, and neither has a plain plan."""
    plain = RUN.evaluation.models[TRADED].measures["planned_rr"]
    assert (plain.value, plain.reason) == (None, "no_stop")
    plan = RUN.plan.model_copy(
        update={"procedure": with_changes(RUN.plan.procedure, stop_loss_atr=2.0, take_profit_atr=3.0)}
    )
    models = evaluate_run(plan, RUN.windows, RUN.series, []).models
    assert models[TRADED].measures["planned_rr"].value == models[OTHER].measures["planned_rr"].value == 1.5
    assert {models[rule].measures["planned_rr"].reason for rule in NO_SKILL_RULES} == {"no_stop"}


def test_forecasts_of_another_subject_never_know_the_direction() -> None:
    """The line beside the verdict asks what the label was about, whatever the log-loss says."""
    words = {}
    for label in ("fixed", "volatility", "pine"):
        plan = RUN.plan.model_copy(update={"procedure": with_changes(RUN.plan.procedure, label=label)})
        words[label] = evaluate_run(plan, RUN.windows, RUN.series, []).forecast
    assert "over when it is forecast" in words["pine"].reason
    assert words["pine"].word == "none"
    assert words["volatility"].word in ("none", "volatility only")
    assert words["fixed"] == RUN.evaluation.forecast
