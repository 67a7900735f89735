"""Numbers that others have defined: measures of accounts, and TradingView's indicator, each by a second hand."""

from collections.abc import Callable

import numpy as np
import pytest

from job.arrays import FloatArray
from job.audit.finding import AuditFinding, Claim
from job.evaluation.bootstrap import optimal_block_days
from job.pine import neighbours, rule
from job.pine.indicators import pine_features
from job.pine.rule import read_chart
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
from tests.support.klines import random_klines
from tests.support.metric_oracles import (
    ForecastMeasures,
    ReturnMeasures,
    auc_without_ties,
    blocks_of_one_sqrt,
    check_block_length,
    check_forecast_measures,
    check_return_measures,
    drawdown_without_start,
    sharpe_of_population,
)
from tests.support.pine_by_hand import votes_by_hand

MEASURES = Claim(
    check="measures", proves="every measure of returns is empyrical's, or undefined where it has none", remedy=""
)
FORECASTS = Claim(check="forecasts", proves="every measure of forecasts is scikit-learn's", remedy="")
BLOCKS = Claim(check="blocks", proves="blocks of redrawn days are as long as arch's", remedy="")
PINE = Claim(check="pine", proves="the indicator's votes are those of its text, read bar by bar", remedy="")
NUM_BARS, CANDIDATES = 260, 100
KLINES = random_klines(NUM_BARS, "1h", seed=4)
RIGHT_LABELS, RIGHT_CHAIN = rule.trailing_labels, neighbours._extend


def check_measures(*, measures: ReturnMeasures) -> AuditFinding:
    """200 series against the library."""
    return judged(MEASURES, lambda: check_return_measures(measures))


def check_forecasts(*, measures: ForecastMeasures) -> AuditFinding:
    """200 sets of labels and forecasts against the library."""
    return judged(FORECASTS, lambda: check_forecast_measures(measures))


def check_blocks(*, block_days: Callable[[FloatArray], float]) -> AuditFinding:
    """Mean length of a block, over the same series."""
    return judged(BLOCKS, lambda: check_block_length(block_days))


def check_pine_votes() -> AuditFinding:
    """Predictions with 100 candidates on 260 bars against a loop that shares no code with them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rule, "CANDIDATE_BARS", CANDIDATES)
        found = read_chart(KLINES).prediction
    move = np.append(np.zeros(4), KLINES.close[4:] - KLINES.close[:-4])
    first = np.full(NUM_BARS, NUM_BARS - 1 - CANDIDATES)
    expected = np.array(votes_by_hand(pine_features(KLINES), -np.sign(move).astype(np.int64), first))
    num_wrong = int((found != expected).sum())
    return PINE.judge(num_wrong == 0, f"{num_wrong} of {NUM_BARS} predictions differ")


def instead(owner: object, name: str, by: Callable[..., object]) -> tuple[Replacement, ...]:
    """One replaced function."""
    return (Replacement(owner=owner, name=name, by=by),)


ORACLES = (
    Oracle(
        code="D18",
        claim=MEASURES.proves,
        check=check_measures,
        given={"measures": ReturnMeasures()},
        mutants=(
            Mutant(
                name="deviation of the population",
                given={"measures": ReturnMeasures(sharpe_ratio=sharpe_of_population)},
            ),
            Mutant(
                name="drawdown without the start",
                given={"measures": ReturnMeasures(max_drawdown=drawdown_without_start)},
            ),
        ),
    ),
    Oracle(
        code="D18",
        claim=FORECASTS.proves,
        check=check_forecasts,
        given={"measures": ForecastMeasures()},
        mutants=(
            Mutant(
                name="equal forecasts ranked as they stand", given={"measures": ForecastMeasures(auc=auc_without_ties)}
            ),
        ),
    ),
    Oracle(
        code="D18",
        claim=BLOCKS.proves,
        check=check_blocks,
        given={"block_days": optimal_block_days},
        mutants=(Mutant(name="a rule of thumb instead of the dependence", given={"block_days": blocks_of_one_sqrt}),),
    ),
    Oracle(
        code="D21",
        claim=PINE.proves,
        check=check_pine_votes,
        mutants=(
            Mutant(
                name="every fourth bar votes, instead of the others",
                replaced=instead(neighbours, "may_vote", lambda bar: bar % 4 == 0),
            ),
            Mutant(
                name="label with the wrong sign",
                replaced=instead(rule, "trailing_labels", lambda close: -RIGHT_LABELS(close)),
            ),
            Mutant(
                name="candidates from the newest on",
                replaced=instead(neighbours, "_extend", lambda chain, d, y: RIGHT_CHAIN(chain, d[::-1], y[::-1])),
            ),
        ),
    ),
)


@each_oracle(ORACLES)
def test_number_is_the_known_one(oracle: Oracle) -> None:
    """The product's numbers are those of the second hand."""
    assert_passes(oracle)


@each_mutant(ORACLES)
def test_mistake_in_numbers_is_caught(oracle: Oracle, mutant: Mutant) -> None:
    """Numbers with the mistake are not."""
    assert_caught(oracle, mutant)
