"""What every metric means, in the words of the report."""

from dash import html
from dash.development.base_component import Component

from dashboard.components.prose import prose
from job.report.metric_words import METRICS

OWN_WORDS = {
    "verdict": "`no evidence`: the 95 % interval of the Sharpe ratio reaches zero, or its deflated value is below "
    "0.95. `weak`: neither, but a rule without skill may have done as well. `evidence`: none of these.",
    "DSR": "Deflated Sharpe ratio: the probability that the result is more than the best that so many tries would show "
    "by luck. 0.95 is asked for.",
    "PSR(0)": "The probability that the true Sharpe ratio is above 0, had this been the only try.",
    "trials, N": "Procedures whose test overlaps this one, over the whole ledger, whether they succeeded or not.",
    "PBO": "Probability that the best trial of one half of the days is below the middle in the other; from ten trials.",
    "SPA p": "Chance of such a lead if a rule without skill were as good; below 0.05 is asked for.",
    "break-even cost": "Cost of one side, in basis points, at which the net return is zero.",
    "95 % interval": "From 5,000 histories redrawn in blocks of days.",
    "decay": "Median Sharpe ratio of the test windows less that of their validation: what is lost on unseen days.",
}


def help_content() -> list[Component]:
    """Definitions: the judgement first, then every metric."""
    own = [(label, meaning) for label, meaning in OWN_WORDS.items()]
    metrics = [(words.label, words.meaning) for words in METRICS.values() if words.meaning]
    return [
        html.P(
            "A year has 365 days: crypto trades on all of them. Returns are net of all costs unless said otherwise."
        ),
        html.Dl([part for label, meaning in [*own, *metrics] for part in (html.Dt(label), html.Dd(prose(meaning)))]),
    ]
