"""Is the traded model better than each other model and rule, and how sure is that? Pure."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from job.evaluation.reasons import reason_words
from job.records import DifferenceRecord
from job.report.house_style import BLUE, MUTED, finished, house_style, new_figure, sentence_figure
from job.report.numbers import count
from job.report.tables import in_order

QUESTION = "Which of the others does it beat beyond luck?"


def differences_figure(differences: Mapping[str, DifferenceRecord], *, traded: str, num_days: int) -> Figure:
    """A line a model or rule: the Sharpe ratio that the traded model is ahead by, with its 95 % interval."""
    if not differences:
        return sentence_figure(QUESTION, f"There is nothing to compare {traded} with.")
    with house_style():
        figure = new_figure(QUESTION, height_inches=1.5 + 0.26 * len(differences))
        axes = figure.subplots()
        names = in_order(differences, traded=traded)
        for row, name in enumerate(names):
            _draw(axes, row, differences[name])
        axes.axvline(0, color=MUTED, linewidth=1.2, linestyle=":")
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(differences) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.set_title(
            f"Sharpe ratio of {traded} less each other's, paired day by day with 95 % intervals, n = {count(num_days)} "
            "days.\nRight of 0, it is better; an interval that holds 0 (baseline: equally good) shows nothing."
        )
        axes.set_xlabel("difference of Sharpe ratios, per year")
        return finished(figure)


def _draw(axes: Axes, row: int, difference: DifferenceRecord) -> None:
    """A dot and its interval; filled where that excludes zero, and words where there is none."""
    lead = difference.sharpe_ratio
    if lead.value is None or lead.low is None or lead.high is None:
        axes.text(0, row, f"  no interval ({reason_words(lead.reason)})", va="center", fontsize=8, color=MUTED)
        return
    is_shown = lead.low > 0 or lead.high < 0
    colour = BLUE if is_shown else MUTED
    axes.plot([lead.low, lead.high], [row, row], color=colour)
    axes.plot(lead.value, row, "o", color=colour, markersize=5, markerfacecolor=colour if is_shown else "none")
