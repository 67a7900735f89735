"""The one word a run ends with, why, and what would settle it.

``no evidence`` unless the interval of the headline Sharpe ratio lies above zero *and* the deflated Sharpe ratio
reaches 0.95, both from enough days and trades; ``weak`` if both hold but rules without skill do as well; ``evidence``
if it also beats them. ``no evidence`` is a result, not an error.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, TypeAlias

from job.evaluation.bootstrap import CONFIDENCE, MIN_DAYS, Interval
from job.evaluation.measure import Measure
from job.evaluation.probabilities import written_probability
from job.evaluation.reasons import reason_words
from job.intervals import YEAR_DAYS

Word: TypeAlias = Literal["no evidence", "weak", "evidence"]

# Days without a trade carry no risk: five lucky trades among them have a ratio, and an interval, above zero.
MIN_TRADES = 30
MIN_DSR = 0.95
MAX_NO_SKILL_P = 0.05
POWER = 0.8
NEXT = "Next: "  # stands before the command, the last thing that is said
MIN_NEXT_YEARS = 2
WARM_UP_DAYS = 20  # stored before the first that is asked for, as `collect` and `walkforward` differ by default
UNTESTED_DAYS = 60  # first training window and warm-up, with room to spare
MAX_NEXT_YEARS = 5  # about as long as the perpetuals have been traded
MAX_NEXT_DAYS = MAX_NEXT_YEARS * YEAR_DAYS


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The headline numbers of a run, all from UTC-daily returns of the stitched test windows.

    Parameters
    ----------
    num_days, num_trades : size of the test.
    total_return : net, a fraction.
    sharpe : annual.
    sharpe_interval : its 95 % interval.
    num_trials : procedures that have read these days.
    effective_trials : independent trials that these are worth, which ``dsr`` is deflated by.
    dsr : deflated Sharpe ratio, a probability.
    no_skill_p : SPA p-value against the rules without skill.
    min_track_record_days : days needed at the observed Sharpe ratio for a one-sided chance of 95 %.
    break_even_bps : cost of one side that would end the edge.
    cost_bps : cost of one side that was assumed.
    flags : what a command line must say to try the same procedure, see `ProcedureRecord.flags`.
    collect_flags : what it must say to collect more days of the market; None where nobody has any.
    """

    num_days: int
    num_trades: int
    total_return: float
    sharpe: Measure
    sharpe_interval: Interval
    num_trials: int
    effective_trials: float
    dsr: Measure
    no_skill_p: Measure
    min_track_record_days: Measure
    break_even_bps: Measure
    cost_bps: float
    flags: str = ""
    collect_flags: str | None = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The word, one sentence of why, and the sentences of what would settle it, ending in a command."""

    verdict: Word
    reason: str
    settle: str


def judge(findings: Findings) -> Verdict:
    """Weigh the findings by the rule of this module."""
    why_not = _why_no_evidence(findings)
    if why_not is not None:
        return Verdict(verdict="no evidence", reason=why_not, settle=_settle(findings))
    why_weak = _why_weak(findings)
    if why_weak is not None:
        return Verdict(verdict="weak", reason=why_weak, settle=_settle(findings))
    reason = (
        f"A Sharpe ratio of {_ratio_with_interval(findings)} over {findings.num_days} days holds after "
        f"{_trials(findings)} (deflated probability {written_probability(_known(findings.dsr.value))}) and beats "
        f"every rule without skill ({_p(_known(findings.no_skill_p.value))})."
    )
    return Verdict(verdict="evidence", reason=reason, settle=_settle(findings))


def smallest_visible_sharpe(num_days: int) -> float:
    """Annual Sharpe ratio whose 95 % interval would exclude zero four times out of five."""
    normal = NormalDist()
    standard_errors = normal.inv_cdf((1 + CONFIDENCE) / 2) + normal.inv_cdf(POWER)
    return standard_errors * math.sqrt(YEAR_DAYS / num_days)


def _why_no_evidence(findings: Findings) -> str | None:
    """The first condition of evidence that fails, as a sentence; None if all hold."""
    return (
        _why_not_testable(findings)
        or _why_not_above_zero(findings)
        or _why_luck(findings)
        or _why_too_few_trades(findings)
    )


def _why_not_testable(findings: Findings) -> str | None:
    days = f"{findings.num_days} days"
    if findings.num_trades == 0:
        return f"No trade was made in {days}, so there is nothing to judge; staying flat is a legal answer."
    if findings.num_days < MIN_DAYS:
        return f"There are {days} of test returns, fewer than the {MIN_DAYS} that an interval needs."
    reason = findings.sharpe.reason or findings.sharpe_interval.reason
    return f"The daily returns of {days} have no Sharpe ratio to judge ({reason_words(reason)})." if reason else None


def _why_not_above_zero(findings: Findings) -> str | None:
    if _known(findings.sharpe_interval.low) > 0:
        return None
    if _known(findings.sharpe.value) > 0:
        return (
            f"A Sharpe ratio of {_ratio_with_interval(findings)} over {findings.num_days} days "
            f"cannot be told from zero."
        )
    return (
        f"It loses: {findings.total_return:+.1%} net over {findings.num_days} days, "
        f"a Sharpe ratio of {_ratio_with_interval(findings)}."
    )


def _why_luck(findings: Findings) -> str | None:
    dsr = findings.dsr.value
    if dsr is None:
        return f"The Sharpe ratio cannot be deflated for {_trials(findings)} ({reason_words(findings.dsr.reason)})."
    if dsr >= MIN_DSR:
        return None
    return (
        f"A Sharpe ratio of {findings.sharpe.value:.2f} over {findings.num_days} days may be the luck of "
        f"{_trials(findings)}: its deflated probability is {written_probability(dsr)}, below {MIN_DSR}."
    )


def _why_too_few_trades(findings: Findings) -> str | None:
    number = findings.num_trades
    if number >= MIN_TRADES:
        return None
    return (
        f"A Sharpe ratio of {_ratio_with_interval(findings)} over {findings.num_days} days rests on {number} "
        f"trade{'' if number == 1 else 's'}; fewer than {MIN_TRADES} may all be luck, which no interval shows."
    )


def _why_weak(findings: Findings) -> str | None:
    """Why the rules without skill stand in the way; None if they do not."""
    p_value = findings.no_skill_p.value
    if p_value is None:
        return f"The comparison with rules without skill is missing ({reason_words(findings.no_skill_p.reason)})."
    if p_value >= MAX_NO_SKILL_P:
        return (
            f"A Sharpe ratio of {_ratio_with_interval(findings)} holds after {_trials(findings)}, but a rule "
            f"without skill may be as good ({_p(p_value)}, not below {MAX_NO_SKILL_P})."
        )
    return None


def _settle(findings: Findings) -> str:
    """What would settle it: days, visible size, costs, and the next command."""
    sentences = [_days_of_interval(findings), _days_of_one_side(findings)]
    if findings.num_days > 0:
        sentences.append(
            f"Over {findings.num_days:,} days a true Sharpe ratio of {smallest_visible_sharpe(findings.num_days):.1f} "
            f"stands out from zero in four runs out of five."
        )
    sentences += [_costs_borne(findings), _next_steps(findings)]
    return " ".join(sentence for sentence in sentences if sentence)


def _days_of_interval(findings: Findings) -> str:
    """How long such a result must last for the interval that the word asks for."""
    if findings.min_track_record_days.reason == "not_above_benchmark":
        return "No number of days settles a result that is not above zero."
    needed = _days_above_zero(findings)
    if needed is None:
        return ""
    ratio = f"a Sharpe ratio of {findings.sharpe.value:.2f}"
    interval = f"The 95 % interval of {ratio}, narrowing with the root of the days,"
    if needed > MAX_NEXT_DAYS:
        return f"{interval} takes more than {MAX_NEXT_DAYS:,} days to lie above zero, longer than such markets are old."
    return f"{interval} lies above zero from {math.floor(needed) + 1:,} days on; {findings.num_days:,} were tested."


def _days_above_zero(findings: Findings) -> float | None:
    """Days that the observed interval, narrowing with their root, must exceed to leave zero out; None without one.

    Below the days that were tested exactly where the interval lies above zero, so that it cannot contradict the word.
    """
    low, ratio = findings.sharpe_interval.low, findings.sharpe.value
    if low is None or ratio is None or ratio <= 0:
        return None
    reach = max(0.0, 1 - low / ratio)  # from the ratio down to its lower bound, in ratios
    return max(MIN_DAYS - 1.0, findings.num_days * reach * reach)


def _days_of_one_side(findings: Findings) -> str:
    """The minimum track record length: less than an interval asks for, unless redrawn days spread unevenly."""
    needed = findings.min_track_record_days.value
    if needed is None:
        return ""
    return (
        f"By formula, a one-sided chance of 95 % that the ratio is above zero takes {math.ceil(needed):,} days, were "
        f"they independent and this the only trial."
    )


def _costs_borne(findings: Findings) -> str:
    edge = findings.break_even_bps
    if edge.value is not None:
        return f"Its gain ends at {edge.value:.1f} bps a side; {findings.cost_bps:.1f} were assumed."
    return "It earns nothing even without costs." if edge.reason == "no_edge_before_costs" else ""


def _next_steps(findings: Findings) -> str:
    """What must be stored first, and the command that then asks more days."""
    if findings.collect_flags is None:
        return f"This market is made up and has no other days: ask a real one. {NEXT}lorentzian demo --live"
    needed = max(_days_above_zero(findings) or 0.0, findings.min_track_record_days.value or 0.0)
    wanted = min(MAX_NEXT_DAYS, max(needed, findings.num_days) + UNTESTED_DAYS)
    days, market = max(MIN_NEXT_YEARS, math.ceil(wanted / YEAR_DAYS)) * YEAR_DAYS, findings.collect_flags
    return (
        f"So many days are stored by `lorentzian collect{market} --days {days + WARM_UP_DAYS}` and then "
        f"`lorentzian features{market}`. {NEXT}lorentzian walkforward{findings.flags} --data-days {days}"
    )


def _ratio_with_interval(findings: Findings) -> str:
    interval = findings.sharpe_interval
    return f"{findings.sharpe.value:.2f} (95 % interval {interval.low:.2f} to {interval.high:.2f})"


def _p(value: float) -> str:
    written = written_probability(value)
    return f"p = {written}" if written[0].isdigit() else f"p {written[0]} {written[1:]}"


def _trials(findings: Findings) -> str:
    number = f"{findings.num_trials:,} trial{'' if findings.num_trials == 1 else 's'}"
    effective = f"{findings.effective_trials:.3g}"
    return number if float(effective) == findings.num_trials else f"{number}, as many as {effective} independent ones"


def _known(number: float | None) -> float:
    assert number is not None, "checked to be defined before"
    return number
