"""The lines that a run is judged by, in the order in which they are read. Pure."""

from dataclasses import dataclass

from job.records import FLAT, LONG, MeasureRecord, SummaryRecord
from job.report.metric_words import shown_metric
from job.report.numbers import bps, count, percent, probability, ratio, share, shown, shown_interval
from job.report.sampling import STANDARD_ERRORS, sharpe_standard_error


@dataclass(frozen=True, kw_only=True)
class HeadlineLine:
    """One number: what it is, what it came to, and what to hold against it."""

    label: str
    value: str
    note: str


def headline_lines(summary: SummaryRecord) -> tuple[HeadlineLine, ...]:
    """The numbers of the traded model on the joined test windows."""
    traded = summary.models[summary.traded_model]
    return (
        HeadlineLine(label="out-of-sample days", value=count(summary.num_days), note=summary.headline),
        HeadlineLine(
            label="trades",
            value=shown_metric("n_trades", traded.measures),
            note=f"in the market {shown_metric('exposure', traded.measures)} of the time",
        ),
        HeadlineLine(
            label="net return",
            value=shown_metric("total_return", traded.measures),
            note=f"always long {_return_of(summary, LONG)}, flat {_return_of(summary, FLAT)}",
        ),
        HeadlineLine(
            label="Sharpe ratio",
            value=shown_metric("sharpe_ratio", traded.measures),
            note=f"95 % interval: {shown_interval(traded.sharpe_interval)}",
        ),
        HeadlineLine(
            label="win to loss",
            value=shown_metric("risk_reward_ratio", traded.measures),
            note=f"mean winning trade over mean losing one; planned: {shown_metric('planned_rr', traded.measures)}",
        ),
        HeadlineLine(
            label="PSR(0)",
            value=shown(summary.psr, probability),
            note="chance that the true Sharpe ratio is above 0, had this been the only trial",
        ),
        HeadlineLine(
            label="trials, N",
            value=count(summary.num_trials),
            note=(
                f"{count(summary.num_trials_of_symbol)} of them on {summary.symbol}; all are worth "
                f"{shown(summary.effective_trials, ratio)} independent ones. N counted in {summary.trials_counted_in}; "
                f"runs kept elsewhere are not seen, later ones not until `lorentzian finalize --run-id` counts again"
            ),
        ),
        HeadlineLine(
            label="DSR",
            value=shown(summary.dsr, probability),
            note=(
                "the same chance against the best that so many independent lucky trials would show; 0.95 is asked for. "
                f"Were all trials independent: {shown(summary.dsr_of_all_trials, probability)}"
            ),
        ),
        HeadlineLine(
            label="PBO",
            value=shown(summary.pbo, probability),
            note=(
                "chance that the best trial of one half of the days is below the middle in the other; weak on so few "
                "days: noise gives 0.5 give or take 0.2, and a good edge not much less"
            ),
        ),
        HeadlineLine(
            label="SPA p",
            value=shown(summary.spa_p, probability),
            note="chance of such a lead if a rule without skill were as good; below 0.05 is asked for",
        ),
        HeadlineLine(
            label="windows above 0",
            value=shown(summary.windows_above_zero, share),
            note=f"of {count(summary.num_done)} windows that finished",
        ),
        HeadlineLine(
            label="worst window",
            value=shown(summary.worst_window, percent),
            note="net return" if summary.worst_window_index is None else f"window {summary.worst_window_index}",
        ),
        HeadlineLine(
            label="break-even cost",
            value=shown(summary.break_even_bps, bps),
            note=f"a side; {bps(summary.assumed_cost_bps)} were assumed",
        ),
        HeadlineLine(
            label="funding paid",
            value=shown_metric("funding", traded.measures),
            note=f"of the first account, less what was received; fees {shown_metric('fees', traded.measures)}",
        ),
    )


def verdict_lines(summary: SummaryRecord) -> tuple[tuple[str, str], ...]:
    """The lines beside the verdict, which never change its word: what each is about, and what it says."""
    return (
        ("Forecast", f"{summary.forecast}. {summary.forecast_reason}"),
        ("Model", f"{summary.model}. {summary.model_reason}"),
        ("What would settle it", summary.next),
    )


def what_days_can_show(summary: SummaryRecord) -> str:
    """How little a test of this length can prove, whatever it found."""
    if summary.num_days < 1:
        return "There is no day of test returns, and nothing can be shown."
    error = sharpe_standard_error(summary.num_days)
    reach = STANDARD_ERRORS * error
    return (
        f"What {count(summary.num_days)} days can show at all: the standard error of an annual Sharpe ratio over them "
        f"is sqrt(365/{summary.num_days}) = {ratio(error)}, so the 95 % interval of a ratio near zero reaches about "
        f"±{reach:.1f} around it."
    )


def _return_of(summary: SummaryRecord, rule: str) -> str:
    """Net return of a rule and, where both exist, the traded model's lead over it."""
    own = summary.models[summary.traded_model].measures.get("total_return")
    other = summary.models[rule].measures.get("total_return") if rule in summary.models else None
    if other is None:
        return shown(MeasureRecord(value=None, reason="not evaluated"), percent)
    if own is None or own.value is None or other.value is None:
        return shown(other, percent)
    return f"{percent(other.value)} (lead {percent(own.value - other.value)})"
