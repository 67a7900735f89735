"""The page that asks what would make a result false."""

from dash import html
from dash.development.base_component import Component

from dashboard.components.cards import NumberCard, number_cards
from dashboard.components.table_grid import plain_table
from dashboard.figures.run_parts import written
from dashboard.page import Page
from dashboard.pages.honesty_checks import checks_table, leakage_checks, outcomes
from dashboard.pages.session import report_table, verdict_details, verdict_part
from dashboard.pages.session_frame import framed, run_frame
from dashboard.repository import Repository
from job.records import SummaryRecord
from job.report.numbers import bps, count, probability, ratio
from job.report.tables import OVERFITTING, drawdowns_table


def layout(repository: Repository, *, run_id: str) -> list[Component]:
    """Verdict, deflation, leaks, and what luck and other circumstances make of it."""
    session = repository.session(run_id)
    parts = run_frame(session, "honesty")
    result = session.result
    if result is None:
        return parts
    audit = repository.audit(run_id)
    checks = leakage_checks(session, result, None if audit is None else audit.value)
    return [
        *parts,
        verdict_part(result.summary),
        number_cards(honesty_cards(result.summary)),
        verdict_details(result.summary),
        *(framed(name, session) for name in ("deflation", "record")),
        html.H2("What would show a leak?", className="chart-question"),
        html.P(f"{outcomes(checks)}. What was not run proves nothing, either way.", className="muted"),
        plain_table(checks_table(checks), label="Checks for leaks"),
        html.P(OVERFITTING),
        *(framed(name, session) for name in ("null_worlds", "regimes", "stress", "fan")),
        report_table(drawdowns_table(result.summary.monte_carlo)),
        framed("drift", session),
    ]


def honesty_cards(summary: SummaryRecord) -> list[NumberCard]:
    """The numbers that belief hangs on; the name of a card is the path of its number in the summary."""
    return [
        NumberCard(
            name="num_trials",
            label="trials, N",
            value=count(summary.num_trials),
            note=f"counted in {summary.trials_counted_in}",
        ),
        NumberCard(
            name="effective_trials",
            label="worth so many independent trials",
            value=written(summary.effective_trials, ratio),
            note="trials whose returns move together share their luck",
        ),
        NumberCard(
            name="luck_sharpe",
            label="Sharpe of the luckiest",
            value=written(summary.luck_sharpe, ratio),
            note="what the best of so many trials without skill is expected to show",
        ),
        NumberCard(
            name="dsr",
            label="DSR",
            value=written(summary.dsr, probability),
            note="chance that the true Sharpe ratio is above that; 0.95 is asked for",
        ),
        NumberCard(
            name="dsr_of_all_trials",
            label="DSR, all independent",
            value=written(summary.dsr_of_all_trials, probability),
            note="were no two trials alike",
        ),
        NumberCard(
            name="pbo",
            label="PBO",
            value=written(summary.pbo, probability),
            note=f"takes 10 trials, there are {count(summary.num_trials)}; noise gives 0.5 give or take 0.2",
        ),
        NumberCard(
            name="spa_p",
            label="SPA p",
            value=written(summary.spa_p, probability),
            note="chance of such a lead if a rule without skill were as good; below 0.05 is asked for",
        ),
        NumberCard(
            name="min_track_record_days",
            label="minimum track record, days",
            value=written(summary.min_track_record_days, count),
            note=f"n = {count(summary.num_days)} days were tested",
        ),
        NumberCard(
            name="smallest_visible_sharpe",
            label="smallest visible Sharpe",
            value=written(summary.smallest_visible_sharpe, ratio),
            note="stands out from zero in four of five runs of this length",
        ),
        NumberCard(
            name="break_even_bps",
            label="break-even cost",
            value=written(summary.break_even_bps, bps),
            note=f"a side; {bps(summary.assumed_cost_bps)} were assumed",
        ),
    ]


PAGE = Page(
    path="/run/<run_id>/honesty",
    title="Honesty",
    question="What would make this false?",
    layout=layout,
    needs=("plots",),
)
