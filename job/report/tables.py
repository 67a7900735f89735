"""Tables and sentences that page and terminal share, as text: differences, other orders and worlds, drift. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from job.evaluation.drift import MIN_TO_JUDGE, is_unusual, num_judged
from job.evaluation.reasons import reason_words
from job.records import NO_SKILL_RULES, EstimateRecord, MonteCarloRecord, SummaryRecord
from job.report.numbers import (
    DASH,
    count,
    daily_percent,
    loss,
    percent,
    probability,
    ratio,
    share,
    shown,
    shown_estimate,
    signed_loss,
    signed_ratio,
)

OVERFITTING = (
    "Redrawn days, shuffled trades and other circumstances take the trades as they are: they say how wide luck spreads "
    "this result, and cannot say whether it was found by searching. Only three things here speak to that: the null "
    "worlds, the deflated Sharpe ratio (DSR), and days locked away as a holdout."
)
UNUSUAL = "▲"


@dataclass(frozen=True, kw_only=True)
class ReportTable:
    """Rows of text under a head, with a sentence of what they are; the first cell names its row."""

    caption: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]


def in_order(names: Iterable[str], *, traded: str) -> list[str]:
    """Models and rules as every table lists them: the traded model, the other models, the rules without skill."""
    return sorted(names, key=lambda name: (name != traded, name in NO_SKILL_RULES, name))


def differences_table(summary: SummaryRecord) -> ReportTable:
    """The traded model less every other model and rule, paired day by day."""
    return ReportTable(
        caption=f"{summary.traded_model} less each other, paired day by day, with 95 % intervals",
        head=("less", "Sharpe", "mean daily return", "log-loss (below 0 is better)"),
        rows=[
            (
                name,
                shown_estimate(each.sharpe_ratio, signed_ratio),
                shown_estimate(each.daily_return, daily_percent),
                _log_loss(each.log_loss),
            )
            for name in in_order(summary.differences, traded=summary.traded_model)
            for each in [summary.differences[name]]
        ],
    )


def _log_loss(estimate: EstimateRecord | None) -> str:
    return f"{DASH} (a rule)" if estimate is None else shown_estimate(estimate, signed_loss)


def random_signals_sentence(summary: SummaryRecord) -> str:
    """What trades at random would have made."""
    signals = summary.random_signals
    if signals.share_below.value is None:
        return f"Accounts with the same trades at random times: none ({reason_words(signals.share_below.reason)})."
    return (
        f"{count(signals.num_draws)} accounts with the same trades at random times: median net return "
        f"{shown(signals.median_return, percent)}, median Sharpe ratio {shown(signals.median_sharpe, ratio)}; "
        f"{shown(signals.share_below, share)} of them made less than {summary.traded_model}."
    )


def drawdowns_table(monte_carlo: MonteCarloRecord) -> ReportTable:
    """How deep the account might have fallen."""
    levels = sorted(
        monte_carlo.drawdown_quantiles.keys() | monte_carlo.shuffled_drawdown_quantiles.keys(), key=float, reverse=True
    )
    return ReportTable(
        caption=f"Deepest fall in {count(monte_carlo.num_draws)} redrawn histories",
        head=("at least so deep", "days redrawn in blocks", "trades in another order"),
        rows=[
            (
                f"in 1 of {1 / float(level):.0f}",
                _fall(monte_carlo.drawdown_quantiles, level),
                _fall(monte_carlo.shuffled_drawdown_quantiles, level),
            )
            for level in levels
        ],
    )


def _fall(falls: dict[str, float], level: str) -> str:
    return percent(falls[level]) if level in falls else DASH


def chance_of_loss(monte_carlo: MonteCarloRecord) -> str:
    """How many of the histories ended in a loss; of none, so many histories cannot say that the chance is 0."""
    chance = monte_carlo.probability_of_loss
    if chance.value == 0:
        return f"none of the {count(monte_carlo.num_draws)} ends in a loss"
    return f"chance of a loss {shown(chance, probability)}"


def chance_of_loss_sentence(monte_carlo: MonteCarloRecord) -> str:
    """The share of redrawn histories that lose, and what the order of trades can change."""
    return (
        f"Over as many days: {chance_of_loss(monte_carlo)}. The order of the trades changes how deep the account "
        f"falls, and not where it ends."
    )


def stress_table(summary: SummaryRecord) -> ReportTable:
    """The same decisions under other circumstances."""
    return ReportTable(
        caption="The same decisions under other circumstances",
        head=("circumstance", "net return", "Sharpe"),
        rows=[
            (each.name, shown(each.total_return, percent), shown(each.sharpe_ratio, ratio)) for each in summary.stress
        ],
    )


def null_worlds_sentence(summary: SummaryRecord) -> str:
    """How often the procedure did as well where there was nothing to find."""
    worlds = summary.null_worlds
    if worlds is None:
        return "Null worlds were not run: add --null-worlds 20 to the same walkforward command."
    sharpes = [ratio_ for ratio_ in worlds.sharpe_ratios if ratio_ is not None]
    best = f"reached a Sharpe ratio of at most {ratio(max(sharpes))}" if sharpes else "never traded"
    return (
        f"On {count(worlds.num_worlds)} markets redrawn so that nothing can be forecast, the whole procedure {best} "
        f"(it stayed flat on {worlds.num_worlds - len(sharpes)} of them, which counts as 0). Chance of doing as well "
        f"there as on the real one: p = {shown(worlds.p_value, probability)}; the least that so many worlds can show "
        f"is {1 / (1 + worlds.num_worlds):.3f}."
    )


def drift_table(summary: SummaryRecord) -> ReportTable | None:
    """How far each window's newest training days differ from those before them, against its own history."""
    drift = summary.drift
    if drift is None:
        return None
    columns = zip(
        drift.window, drift.auc, drift.percentile, drift.drifting_features, drift.after_the_fact_auc, strict=True
    )
    return ReportTable(
        caption=(
            f"Drift: how well a classifier tells the newest training days from those before them. {UNUSUAL} marks an "
            f"AUC above 95 % of the windows up to it, itself included; that takes {MIN_TO_JUDGE} before it"
        ),
        head=("window", "AUC", "above so many up to it", "drifting features", "AUC of the test days (after the fact)"),
        rows=[
            (
                f"{window} {UNUSUAL}" if is_unusual(percentile.value) else str(window),
                shown(auc, loss),
                shown(percentile, share),
                ", ".join(features) or DASH,
                shown(afterwards, loss),
            )
            for window, auc, percentile, features, afterwards in columns
        ],
    )


def drift_sentence(summary: SummaryRecord) -> str:
    """Whether any window's drift is unusual, and how many windows could be judged at all."""
    drift = summary.drift
    if drift is None:
        return "Drift was not measured."
    judged, measured = num_judged([auc.value for auc in drift.auc]), len(drift.window)
    if not judged:
        return f"Drift: none of {measured} windows could be judged, since that takes {MIN_TO_JUDGE} windows before it."
    pairs = zip(drift.window, drift.percentile, strict=True)
    unusual = ", ".join(str(window) for window, percentile in pairs if is_unusual(percentile.value))
    whose = f"the newest training days of window {unusual}" if unusual else "no window's newest training days"
    return (
        f"Drift: {whose} differ more than usual from those before them; {judged} of {measured} windows could be judged."
    )
