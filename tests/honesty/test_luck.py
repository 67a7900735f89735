"""What many trials leave of a result: the best of a hundred lucky ones is not believed."""

from dataclasses import replace

from job.arrays import FloatArray
from job.audit.finding import AuditFinding, Claim
from job.evaluation import sharpe
from job.evaluation.measure import Reason
from job.evaluation.pbo import pbo
from job.evaluation.sharpe import SharpeMoments, sharpe_moments
from tests.honesty.registry import (
    Mutant,
    Oracle,
    Replacement,
    assert_caught,
    assert_passes,
    each_mutant,
    each_oracle,
    judged,
)
from tests.support.statistics_oracles import (
    NUM_REPEATS,
    Pbo,
    check_dsr_of_fat_tails,
    check_dsr_of_noise,
    check_pbo_of_noise,
    pbo_judged_inside,
)

LUCK = Claim(check="best of many", proves="the best of a hundred strategies without skill is not believed", remedy="")
FORMULA = Claim(check="published formula", proves="the deflated Sharpe ratio is the published one", remedy="")
HALVES = Claim(check="overfitting", proves="among strategies without skill, half of the winners lose", remedy="")


def check_best_of_many(*, num_repeats: int) -> AuditFinding:
    """How often the best of a hundred is believed."""
    return judged(LUCK, lambda: check_dsr_of_noise(num_repeats=num_repeats))


def check_published_formula() -> AuditFinding:
    """Skewed days with fat tails, by scipy's moments."""
    return judged(FORMULA, check_dsr_of_fat_tails)


def check_overfitting(*, find: Pbo) -> AuditFinding:
    """The mean probability of overfitting over many sets of noise."""
    return judged(HALVES, lambda: check_pbo_of_noise(find))


def no_benchmark(**_: object) -> float:
    """What one trial owes luck, whatever was tried."""
    return 0.0


def excess_moments(returns: FloatArray) -> SharpeMoments | Reason:
    """The kurtosis of a normal is taken to be 0."""
    moments = sharpe_moments(returns)
    return moments if isinstance(moments, str) else replace(moments, kurtosis=moments.kurtosis - 3)


NOT_COUNTED = Mutant(
    name="trials not counted", replaced=(Replacement(owner=sharpe, name="deflated_benchmark", by=no_benchmark),)
)
EXCESS = Mutant(
    name="excess kurtosis in the formula for the full one",
    replaced=(Replacement(owner=sharpe, name="sharpe_moments", by=excess_moments),),
)
ORACLES = (
    Oracle(
        code="D17",
        claim=LUCK.proves,
        check=check_best_of_many,
        given={"num_repeats": 40},
        mutants=(NOT_COUNTED,),
    ),
    Oracle(
        code="D17",
        claim="the same in two hundred repeats",
        check=check_best_of_many,
        given={"num_repeats": NUM_REPEATS},
        mutants=(NOT_COUNTED,),
        is_slow=True,
    ),
    Oracle(
        code="D17",
        claim=FORMULA.proves,
        check=check_published_formula,
        mutants=(EXCESS, NOT_COUNTED),
    ),
    Oracle(
        code="D17",
        claim=HALVES.proves,
        check=check_overfitting,
        given={"find": pbo},
        mutants=(Mutant(name="winners judged on the days that chose them", given={"find": pbo_judged_inside}),),
    ),
)


@each_oracle(ORACLES)
def test_luck_is_not_believed(oracle: Oracle) -> None:
    """The product's deflation passes."""
    assert_passes(oracle)


@each_mutant(ORACLES)
def test_mistake_in_what_luck_is_worth_is_caught(oracle: Oracle, mutant: Mutant) -> None:
    """Deflation with the mistake fails."""
    assert_caught(oracle, mutant)
