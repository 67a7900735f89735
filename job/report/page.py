"""The run on one page that needs nothing else: no script, no font, no picture from anywhere.

Equal results give equal bytes: nothing here knows the run's id, the time, or the machine.
"""

from collections.abc import Sequence

from job.evaluation.verdict import NEXT
from job.intervals import format_utc_day
from job.records import HoldoutRecord, PlanRecord, SummaryRecord
from job.report.figures import Picture
from job.report.headline import headline_lines, verdict_lines, what_days_can_show
from job.report.holdout import holdout_part
from job.report.markup import Markup, element, join
from job.report.metric_words import METRICS
from job.report.page_parts import drift_part, luck_part, models_part
from job.report.page_style import STYLE
from job.report.page_tables import blend_tables, provenance, transfer_tables, windows_table
from job.report.render import inline_svg
from job.run_evaluation import RunEvaluation

# A shape beside the word, since colour alone must not carry it.
SIGNS = {"no evidence": "○", "weak": "◐", "evidence": "●"}

REST_OF_PICTURES = ("equity", "metrics_over_windows", "metric_correlation", "loss_curves")

MODELS = (
    "best_model_window_i is the model that the procedure made for window i: chosen on validation, never on a test.",
    "best_model_final is the same procedure refitted on the newest days, for use from now on. It has no test score of "
    "its own; what may be expected of it is the joined out-of-sample result above, with its interval and its DSR.",
)
HEADLINE_WORDS = {
    "PSR(0)": "Probabilistic Sharpe ratio: chance that the true Sharpe ratio is above 0, given length and tails.",
    "DSR": "Deflated Sharpe ratio: the same chance, against what the best of so many trials without skill would show.",
    "PBO": "Probability of backtest overfitting: how often the trial that was best on half of the days is below the "
    "median on the other half.",
    "SPA p": "Chance of so good a result if it were no better than always flat, always long, following the last "
    "return, or the middle one of trades at random; the largest of the four.",
    "break-even cost": "Fee and slippage of one side at which the net return would be zero.",
    "95 % interval": "Where the Sharpe ratio would fall in 95 of 100 histories redrawn from these days in blocks.",
}


def report_page(
    plan: PlanRecord,
    summary: SummaryRecord,
    evaluation: RunEvaluation,
    figures: Sequence[Picture],
    holdout: HoldoutRecord | None = None,
) -> bytes:
    """The page as UTF-8.

    Parameters
    ----------
    plan, summary, evaluation : of the run.
    figures : its pictures, in order.
    holdout : what the days that are locked away have said; None where nobody has opened them.
    """
    title = f"{summary.symbol} {summary.interval}: {summary.verdict}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    body = element(
        "body",
        element("a", "Skip to the result", href="#result", class_="skip"),
        _header(summary),
        element(
            "main",
            _verdict(summary),
            _section("Models and rules", *models_part(summary), *_pictures(figures, "differences")),
            _section("What luck could have made of it", *luck_part(summary), *_pictures(figures, "monte_carlo")),
            _section("Days locked away", *holdout_part(plan, holdout)),
            _section("Did the market drift?", *_pictures(figures, "drift"), *drift_part(summary)),
            _section(
                "Windows",
                windows_table(plan, summary, evaluation.windows),
                *blend_tables(evaluation.windows),
                *transfer_tables(summary, evaluation.windows),
            ),
            _section("Pictures", *_pictures(figures, *REST_OF_PICTURES)),
            _section("Which model to use", *(element("p", sentence) for sentence in MODELS)),
            _section("What the numbers mean", element("div", _words(), class_="words")),
            _section("Where this comes from", element("div", provenance(plan), class_="pairs")),
            id="result",
        ),
        element("footer", element("p", "Past results of a rule on paper; not advice.", class_="muted")),
    )
    page = join([Markup("<!doctype html>\n"), element("html", head, "\n", body, lang="en"), "\n"])
    return page.encode("utf-8", "replace")


def _header(summary: SummaryRecord) -> Markup:
    first, last = format_utc_day(summary.first_test_ms), format_utc_day(summary.last_test_ms - 1)
    return element(
        "header",
        element("h1", f"Is there anything in {summary.traded_model} on {summary.symbol} {summary.interval}?"),
        element("p", f"Walk-forward test, {first} to {last} UTC, after costs. {summary.headline}", class_="muted"),
    )


def _verdict(summary: SummaryRecord) -> Markup:
    word = element("p", f"{SIGNS[summary.verdict]} {summary.verdict}", class_="word")
    parts = [word, element("p", summary.verdict_reason)]
    if summary.verdict == "no evidence":
        parts.append(
            element("p", "This is an answer, and a useful one: nothing has been shown that would justify money.")
        )
    *lines, (settle, what_next) = verdict_lines(summary)
    parts += [element("p", element("strong", f"{about}: "), said) for about, said in lines]
    sentences, _, command = what_next.rpartition(NEXT)
    parts.append(element("p", element("strong", f"{settle}: "), sentences))
    parts.append(element("p", element("strong", NEXT), element("code", command)))
    numbers = [
        element("div", element("dt", line.label), element("dd", line.value, class_="value"), element("dd", line.note))
        for line in headline_lines(summary)
    ]
    return element(
        "section",
        element("h2", "Verdict"),
        element("div", *parts, class_="verdict"),
        element("p", what_days_can_show(summary)),
        element("dl", *numbers, class_="numbers"),
        *(element("p", element("strong", "Note: "), warning) for warning in summary.warnings),
    )


def _section(title: str, *children: str) -> Markup:
    return element("section", element("h2", title), *children)


def _pictures(pictures: Sequence[Picture], *names: str) -> list[Markup]:
    return [_picture(picture) for picture in pictures if picture.name in names]


def _picture(picture: Picture) -> Markup:
    name = picture.name.replace("_", "-")
    drawing = Markup(inline_svg(picture.figure, name=name, summary=picture.summary))
    scrolling = element("div", drawing, class_="picture", role="region", tabindex="0", aria_label=f"Picture: {name}")
    return element("figure", scrolling, element("figcaption", picture.summary))


def _words() -> Markup:
    meanings = HEADLINE_WORDS | {words.label: words.meaning for words in METRICS.values()}
    return element(
        "dl", *(element("div", element("dt", name), element("dd", meaning)) for name, meaning in meanings.items())
    )
