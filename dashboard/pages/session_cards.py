"""The numbers of a session as cards: each with its interval, what it rests on, and what to hold against it. Pure."""

from dashboard.components.cards import NumberCard
from dashboard.figures.run_parts import written
from job.records import LONG, IntervalRecord, MeasureRecord, SummaryRecord
from job.report.metric_words import words_of
from job.report.numbers import (
    bps,
    count,
    percent,
    probability,
    ratio,
    share,
    shown_estimate,
    shown_interval,
    signed_ratio,
)


def session_cards(summary: SummaryRecord) -> list[NumberCard]:
    """The traded model on the joined tests; the name of a card is the path of its number in the summary."""
    days = f"n = {count(summary.num_days)} days"
    return [
        _own(summary, "total_return", f"{days}; {LONG} {_of(summary, LONG, 'total_return')}, always flat 0"),
        _own(summary, "sharpe_ratio", f"95 % interval {_interval(summary)}; {days}. {_lead(summary)}"),
        _own(summary, "max_drawdown", f"bar by bar; {LONG} {_of(summary, LONG, 'max_drawdown')}"),
        NumberCard(
            name="dsr",
            label="DSR",
            value=written(summary.dsr, probability),
            note=f"chance that it is more than the luck of the trials behind it, N = {count(summary.num_trials)}; "
            "0.95 is asked for",
        ),
        NumberCard(
            name="psr",
            label="PSR(0)",
            value=written(summary.psr, probability),
            note="chance that the true Sharpe ratio is above 0, had this been the only trial",
        ),
        NumberCard(
            name="random_signals.share_below",
            label="better than random times",
            value=written(summary.random_signals.share_below, share),
            note=f"of {count(summary.random_signals.num_draws)} accounts with the same trades at random times; their "
            f"median net return: {written(summary.random_signals.median_return, percent)}",
        ),
        NumberCard(
            name="break_even_bps",
            label="break-even cost",
            value=written(summary.break_even_bps, bps),
            note=f"a side; {bps(summary.assumed_cost_bps)} were assumed",
        ),
        NumberCard(
            name="windows_above_zero",
            label="windows above 0",
            value=written(summary.windows_above_zero, share),
            note=f"n = {count(summary.num_done)} windows; the worst made {written(summary.worst_window, percent)}",
        ),
        _own(summary, "n_trades", f"in the market {_of(summary, summary.traded_model, 'exposure')} of the time"),
        _own(summary, "win_rate", f"of {_of(summary, summary.traded_model, 'n_trades')} closed trades, after costs"),
        _own(summary, "expected_value_bps", f"after costs, of {_of(summary, summary.traded_model, 'n_trades')} trades"),
        _own(summary, "turnover", f"fees {_fees(summary)} of the first account"),
    ]


def _own(summary: SummaryRecord, metric: str, note: str) -> NumberCard:
    return NumberCard(
        name=f"models.{summary.traded_model}.measures.{metric}",
        label=words_of(metric).label,
        value=_of(summary, summary.traded_model, metric),
        note=note,
    )


def _of(summary: SummaryRecord, model: str, metric: str) -> str:
    own = summary.models.get(model)
    measure: MeasureRecord | None = None if own is None else own.measures.get(metric)
    return written(measure, words_of(metric).form)


def _fees(summary: SummaryRecord) -> str:
    """What was paid: no gain, so without a sign."""
    return written(summary.models[summary.traded_model].measures.get("fees"), "{:.1%}".format)


def _interval(summary: SummaryRecord) -> str:
    interval: IntervalRecord = summary.models[summary.traded_model].sharpe_interval
    return shown_interval(interval, ratio)


def _lead(summary: SummaryRecord) -> str:
    difference = summary.differences.get(LONG)
    return "" if difference is None else f"Less {LONG}: {shown_estimate(difference.sharpe_ratio, signed_ratio)}"
