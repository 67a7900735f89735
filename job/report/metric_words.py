"""Every metric's label, form and meaning in plain words. Knows no value."""

from dataclasses import dataclass

from job.records import MeasureRecord
from job.report.numbers import Form, amount, count, loss, percent, ratio, share, shown


@dataclass(frozen=True, kw_only=True)
class MetricWords:
    """How one metric is named, written and explained."""

    label: str
    form: Form
    meaning: str


METRICS = {
    "total_return": MetricWords(
        label="net return", form=percent, meaning="Gain or loss of the account, after all fees and slippage."
    ),
    "annual_return": MetricWords(
        label="annual return",
        form=percent,
        meaning="The same per year: compounded from 90 days on, else the mean scaled up.",
    ),
    "max_drawdown": MetricWords(
        label="max drawdown", form=percent, meaning="Deepest fall of the account from an earlier high."
    ),
    "sharpe_ratio": MetricWords(
        label="Sharpe",
        form=ratio,
        meaning="Mean return over its standard deviation, per year of 365 days. The headline uses UTC days, a single "
        "window its bars.",
    ),
    "sortino_ratio": MetricWords(
        label="Sortino", form=ratio, meaning="Like Sharpe, but only falls below zero count as risk."
    ),
    "calmar_ratio": MetricWords(label="Calmar", form=ratio, meaning="Annual return over the deepest fall."),
    "recovery_factor": MetricWords(
        label="recovery", form=ratio, meaning="Net profit over the deepest fall, both in money; negative after a loss."
    ),
    "percent_profitable": MetricWords(
        label="bars up", form=share, meaning="Share of the bars in the market that gained. Not the win rate."
    ),
    "percent_profitable_days": MetricWords(
        label="days up", form=share, meaning="Share of the days in the market that gained."
    ),
    "win_rate": MetricWords(label="win rate", form=share, meaning="Share of closed trades that earned after costs."),
    "profit_factor": MetricWords(
        label="profit factor",
        form=ratio,
        meaning="What winning trades earned over what losing trades lost; infinite without a loss.",
    ),
    "expected_value": MetricWords(
        label="mean trade", form=loss, meaning="Mean net result of a trade, in units of the first account."
    ),
    "expected_value_bps": MetricWords(
        label="mean trade (bps)",
        form=ratio,
        meaning="Mean net result of a trade, in basis points of the size it was entered with.",
    ),
    "risk_reward_ratio": MetricWords(
        label="win to loss", form=ratio, meaning="Mean winning trade over mean losing trade."
    ),
    "planned_rr": MetricWords(
        label="planned win to loss",
        form=ratio,
        meaning="Distance of the take-profit over that of the stop-loss; there is none where either is not set.",
    ),
    "max_consecutive_losses": MetricWords(label="losses in a row", form=count, meaning="Longest run of losing trades."),
    "avg_hold_bars": MetricWords(label="bars held", form=ratio, meaning="Mean number of bars that a trade was held."),
    "n_trades": MetricWords(label="trades", form=count, meaning="Closed trades."),
    "exposure": MetricWords(label="exposure", form=share, meaning="Share of bars with a position."),
    "turnover": MetricWords(
        label="turnover", form=ratio, meaning="Everything bought and sold, in multiples of the mean account."
    ),
    "fees": MetricWords(label="fees", form=amount, meaning="All fees, in units of the first account."),
    "funding": MetricWords(
        label="funding",
        form=percent,
        meaning="Funding paid, less what was received, in units of the first account.",
    ),
    "n_bars": MetricWords(label="bars", form=count, meaning="Bars behind the numbers."),
    "n_days": MetricWords(label="days", form=count, meaning="UTC days behind the numbers."),
    "log_loss": MetricWords(
        label="log-loss",
        form=loss,
        meaning="How far the probabilities were from what happened; a coin scores 0.6931, less is better.",
    ),
    "brier": MetricWords(
        label="Brier",
        form=loss,
        meaning="Mean squared distance of the probabilities; a coin scores 0.25, less is better.",
    ),
    "brier_skill": MetricWords(
        label="Brier skill",
        form=loss,
        meaning="Share of the Brier score that the model saves against the share of ups in its training rows.",
    ),
    "auc": MetricWords(
        label="AUC", form=loss, meaning="Chance that an up is forecast above a down; a coin scores 0.5."
    ),
    "mcc": MetricWords(label="MCC", form=loss, meaning="Correlation of forecast side and true side; a coin scores 0."),
    "base_rate": MetricWords(label="ups", form=share, meaning="Share of labels that were up."),
    "n_labels": MetricWords(label="labels", form=count, meaning="Forecasts that have a label."),
}


def words_of(name: str) -> MetricWords:
    """Words of a metric; one that is new here gets its own key for a label."""
    return METRICS.get(name) or MetricWords(label=name.replace("_", " "), form=ratio, meaning="")


def shown_metric(name: str, measures: dict[str, MeasureRecord]) -> str:
    """A metric as it is written; a dash where these measures do not have it at all."""
    measure = measures.get(name)
    if measure is None:
        return "–"
    if name == "profit_factor" and measure.reason == "no_losses":
        return "∞ (no losses)"
    return shown(measure, words_of(name).form)
