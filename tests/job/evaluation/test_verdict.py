import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.evaluation.bootstrap import Interval, draw_days, sharpe_interval
from job.evaluation.deflation import deflate
from job.evaluation.measure import Measure
from job.evaluation.verdict import Findings, judge, smallest_visible_sharpe

CONVINCING = Findings(
    num_days=700,
    num_trades=900,
    total_return=1.2,
    sharpe=Measure.of(3.2),
    sharpe_interval=Interval(low=1.8, high=4.6),
    num_trials=12,
    effective_trials=12.0,
    dsr=Measure.of(0.991),
    no_skill_p=Measure.of(0.004),
    min_track_record_days=Measure.of(99.2),
    break_even_bps=Measure.of(14.3),
    cost_bps=7,
)
LOSING = replace(
    CONVINCING,
    num_days=147,
    total_return=-0.15,
    sharpe=Measure.of(-0.39),
    sharpe_interval=Interval(low=-3.5, high=2.7),
    dsr=Measure.of(0.1),
    min_track_record_days=Measure.undefined("not_above_benchmark"),
    break_even_bps=Measure.of(3.2),
)
UNDEFINED = Measure.undefined("zero_variance")


def test_judge_calls_all_three_conditions_evidence() -> None:
    """An interval above zero, a deflated ratio of .95 and rules beaten: evidence, with the numbers."""
    verdict = judge(CONVINCING)
    assert verdict.verdict == "evidence"
    for number in ("3.20", "1.80", "4.60", "700 days", "12 trials", "0.991", "0.004"):
        assert number in verdict.reason


def test_judge_never_rounds_to_certainty() -> None:
    """What would read as a probability of one, or of none, is written as the page writes it."""
    certain = replace(CONVINCING, dsr=Measure.of(0.9999), no_skill_p=Measure.of(0.0004))
    assert "(deflated probability >0.999) and beats every rule without skill (p < 0.001)." in judge(certain).reason
    hopeless = replace(CONVINCING, dsr=Measure.of(0.0002))
    assert "its deflated probability is <0.001, below 0.95." in judge(hopeless).reason


@pytest.mark.parametrize(
    ("findings", "fragments"),
    [
        (LOSING, ("It loses: -15.0%", "147 days", "-0.39", "-3.50 to 2.70")),
        (
            replace(CONVINCING, sharpe=Measure.of(1.2), sharpe_interval=Interval(low=-0.3, high=2.7)),
            ("1.20", "-0.30 to 2.70", "cannot be told from zero"),
        ),
        (replace(CONVINCING, num_trades=0, sharpe=UNDEFINED), ("No trade", "700 days")),
        (replace(CONVINCING, num_days=42), ("42 days", "60")),
        (replace(CONVINCING, num_trades=29), ("rests on 29 trades", "fewer than 30")),
        (replace(CONVINCING, sharpe=UNDEFINED), ("no Sharpe ratio", "never varies")),
        (
            replace(CONVINCING, dsr=Measure.of(0.82), num_trials=50, effective_trials=50.0),
            ("luck of 50 trials:", "0.820", "below 0.95"),
        ),
        (
            replace(CONVINCING, dsr=Measure.of(0.82), num_trials=50, effective_trials=7.25),
            ("50 trials, as many as 7.25 independent ones", "0.820"),
        ),
        (
            replace(CONVINCING, dsr=Measure.undefined("extreme_moments"), num_trials=1, effective_trials=1.0),
            ("1 trial ", "returns too extreme"),
        ),
    ],
    ids=[
        "loses",
        "covers zero",
        "no trades",
        "too short",
        "few trades",
        "no Sharpe",
        "deflated",
        "similar trials",
        "not deflated",
    ],
)
def test_judge_says_why_there_is_no_evidence(findings: Findings, fragments: tuple[str, ...]) -> None:
    """Each condition that fails has its own sentence, with its numbers."""
    verdict = judge(findings)
    assert verdict.verdict == "no evidence"
    for fragment in fragments:
        assert fragment in verdict.reason
    assert verdict.reason.endswith(".")
    assert verdict.reason.count("\n") == 0


def test_judge_is_not_taken_in_by_a_handful_of_lucky_trades() -> None:
    """Five gains in 147 days pass both statistics, which one toss of five coins in 32 does too: not the verdict."""
    returns = np.zeros(147)
    returns[[10, 41, 77, 101, 133]] = 0.02
    draws = draw_days(returns, rng=np.random.default_rng(0))
    lucky = replace(
        CONVINCING,
        num_days=len(returns),
        num_trades=5,
        sharpe_interval=sharpe_interval(returns, draws),
        dsr=deflate(returns, returns[None], num_trials=1).dsr,
    )
    assert lucky.sharpe_interval.low is not None
    assert lucky.sharpe_interval.low > 0
    assert lucky.dsr.value is not None
    assert lucky.dsr.value > 0.95
    assert judge(lucky).verdict == "no evidence"
    assert judge(replace(lucky, num_trades=30)).verdict == "evidence"


@pytest.mark.parametrize("p_value", [Measure.of(0.05), Measure.of(0.6), Measure.undefined("too_short")])
def test_judge_calls_it_weak_when_rules_are_as_good(p_value: Measure) -> None:
    """A rule without skill that may be as good, or was not compared, leaves a weak result."""
    verdict = judge(replace(CONVINCING, no_skill_p=p_value))
    assert verdict.verdict == "weak"
    assert "without skill" in verdict.reason


def test_judge_has_exact_borders() -> None:
    """A lower bound of 0 is not above zero; a deflated ratio of .95 suffices; p of .05 does not."""
    assert judge(replace(CONVINCING, sharpe_interval=Interval(low=0.0, high=5.0))).verdict == "no evidence"
    assert judge(replace(CONVINCING, dsr=Measure.of(0.95))).verdict == "evidence"
    assert judge(replace(CONVINCING, no_skill_p=Measure.of(0.0499))).verdict == "evidence"


def test_settle_names_days_size_costs_and_a_command() -> None:
    """Days needed, the smallest ratio these days can show, what costs it bears, and what to run next."""
    unclear = replace(
        CONVINCING,
        num_days=147,
        sharpe=Measure.of(1.0),
        sharpe_interval=Interval(low=-2.1, high=4.1),
        min_track_record_days=Measure.of(989.6),
    )
    settle = judge(unclear).settle
    assert "above zero from 1,413 days on; 147 were tested" in settle  # 147 * (3.1 / 1.0) ** 2 = 1,412.7
    assert "one-sided chance of 95 % that the ratio is above zero takes 990 days" in settle
    assert "Over 147 days a true Sharpe ratio of 4.4 stands out" in settle
    assert "14.3 bps a side; 7.0 were assumed" in settle
    assert settle.endswith("Next: lorentzian walkforward --data-days 1825")
    other = judge(replace(unclear, flags=" --symbol DOGEUSDT --top-p 0.1", collect_flags=" --symbol DOGEUSDT")).settle
    assert (
        "`lorentzian collect --symbol DOGEUSDT --days 1845` and then `lorentzian features --symbol DOGEUSDT`" in other
    )
    assert other.endswith("Next: lorentzian walkforward --symbol DOGEUSDT --top-p 0.1 --data-days 1825")


def test_settle_asks_no_synthetic_market_for_more_days() -> None:
    """Its bars are all there are: the next thing to ask is a real market."""
    settle = judge(replace(CONVINCING, collect_flags=None)).settle
    assert settle.endswith("has no other days: ask a real one. Next: lorentzian demo --live")
    assert "collect" not in settle


def test_settle_of_a_losing_run_does_not_promise_days() -> None:
    """No number of days turns a loss into evidence; costs may be what killed it."""
    settle = judge(LOSING).settle
    assert "No number of days" in settle
    assert "3.2 bps a side" in settle
    hopeless = judge(replace(LOSING, break_even_bps=Measure.undefined("no_edge_before_costs"))).settle
    assert "nothing even without costs" in hopeless
    assert hopeless.endswith("--data-days 730")


def test_settle_asks_for_more_days_than_were_tested() -> None:
    """The next command never repeats the run that was judged, up to what the market has."""
    assert judge(CONVINCING).settle.endswith("--data-days 1095")
    assert judge(replace(CONVINCING, num_days=1_800)).settle.endswith("--data-days 1825")


def test_settle_does_not_contradict_a_short_one_sided_record() -> None:
    """Where more days were tested than a one-sided chance takes, an interval across zero still asks for more."""
    unclear = replace(
        CONVINCING,
        num_days=147,
        sharpe=Measure.of(2.7),
        sharpe_interval=Interval(low=-0.3, high=5.7),
        min_track_record_days=Measure.of(138.2),
    )
    verdict = judge(unclear)
    assert "cannot be told from zero" in verdict.reason
    assert "above zero from 182 days on; 147 were tested" in verdict.settle
    assert "one-sided chance of 95 % that the ratio is above zero takes 139 days" in verdict.settle


def test_settle_asks_for_the_days_of_either_rule() -> None:
    """Where redrawn days spread unevenly, one side can take more days than the interval: the command asks for both."""
    uneven = replace(
        CONVINCING,
        num_days=71,
        sharpe=Measure.of(1.07),
        sharpe_interval=Interval(low=-2.0, high=5.0),
        min_track_record_days=Measure.of(897.3),
    )
    settle = judge(uneven).settle
    assert "above zero from 585 days on" in settle
    assert "takes 898 days" in settle
    assert settle.endswith("--data-days 1095")


def test_settle_says_where_no_history_is_long_enough() -> None:
    """Days that no market has are not promised, and not contradicted by a command that asks for fewer."""
    faint = replace(CONVINCING, sharpe=Measure.of(1e-9), sharpe_interval=Interval(low=-1.5, high=1.5))
    settle = judge(faint).settle
    assert "takes more than 1,825 days" in settle
    assert settle.endswith("--data-days 1825")


@given(sharpe=st.floats(0.01, 8), low=st.floats(-8, 8), num_days=st.integers(60, 1_700))
@settings(max_examples=150, deadline=None)
def test_settle_agrees_with_the_interval(*, sharpe: float, low: float, num_days: int) -> None:
    """More days than were tested are asked for exactly where the interval does not lie above zero."""
    low = round(min(low, sharpe), 9)
    interval = Interval(low=low, high=sharpe + 1)
    settle = judge(replace(CONVINCING, num_days=num_days, sharpe=Measure.of(sharpe), sharpe_interval=interval)).settle
    found = re.search(r"above zero from ([\d,]+) days on", settle)
    needed = 1_826 if found is None else int(found[1].replace(",", ""))
    assert (needed <= num_days) == (low > 0)
    asked = int(settle.rpartition(" ")[2])
    assert found is None or needed <= asked


def test_settle_survives_an_empty_run() -> None:
    """No day and no trade still end in a sentence and a command."""
    empty = replace(
        LOSING,
        num_days=0,
        num_trades=0,
        sharpe=Measure.undefined("too_short"),
        sharpe_interval=Interval(low=None, high=None, reason="too_short"),
        min_track_record_days=Measure.undefined("too_short"),
        break_even_bps=Measure.undefined("no_trades"),
    )
    settle = judge(empty).settle
    assert settle.startswith("So many days are stored by `lorentzian collect --days 750`")
    assert settle.endswith("Next: lorentzian walkforward --data-days 730")


def test_smallest_visible_sharpe_has_the_promised_power() -> None:
    """Of normal histories with that true ratio, 80 % have an interval above zero."""
    num_days, num_histories = 147, 4_000
    ratio = smallest_visible_sharpe(num_days) / 365**0.5
    histories = np.random.default_rng(1).normal(ratio, 1, (num_histories, num_days))
    score = histories.mean(axis=1) / histories.std(axis=1, ddof=1) * num_days**0.5
    assert (score > 1.96).mean() == pytest.approx(0.8, abs=0.03)
    assert smallest_visible_sharpe(147) == pytest.approx(4.41, abs=0.01)


@given(
    sharpe=st.floats(-5, 8),
    half_width=st.floats(0, 8),
    dsr=st.floats(0, 1),
    p_value=st.floats(0, 1),
    num_days=st.integers(0, 2_000),
    num_trades=st.integers(0, 60),
)
@settings(max_examples=150, deadline=None)
def test_judge_never_says_more_than_the_rule(
    *, sharpe: float, half_width: float, dsr: float, p_value: float, num_days: int, num_trades: int
) -> None:
    """The word is evidence exactly if all conditions hold, and weak exactly if only the rules are missing."""
    findings = replace(
        CONVINCING,
        num_days=num_days,
        num_trades=num_trades,
        sharpe=Measure.of(sharpe),
        sharpe_interval=Interval(low=sharpe - half_width, high=sharpe + half_width),
        dsr=Measure.of(dsr),
        no_skill_p=Measure.of(p_value),
    )
    is_shown = num_trades >= 30 and num_days >= 60 and sharpe - half_width > 0 and dsr >= 0.95
    expected = "no evidence" if not is_shown else "evidence" if p_value < 0.05 else "weak"
    assert judge(findings).verdict == expected
