"""Pictures: their bytes repeat, they state question, n and baseline, and nothing is drawn that does not exist."""

import re
from collections.abc import Callable

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from job.intervals import DAY_MS
from job.model.classifier import LossCurve
from job.report import equity_figure as equity_module
from job.report import loss_figure as loss_module
from job.report.equity_figure import equity_figure
from job.report.figures import run_figures, training_figures
from job.report.loss_figure import COIN_LOSS, NO_EPOCHS, training_loss_figure, window_losses_figure
from job.report.render import inline_svg, png_bytes, svg_text
from job.report.summary import summary_record
from job.report.thinning import MAX_POINTS
from job.report.windows_figure import windows_figure
from tests.support.runs import TRADED, ExampleRun, example_run, flat_run, undefined_run

SHORT = LossCurve(training=(0.7, 0.69), validation=(0.7, 0.71), best_epoch=0)


def test_picture_ignores_settings_of_the_user() -> None:
    """Widths and styles that the user gave matplotlib change no byte, and are still there afterwards."""
    expected = png_bytes(training_loss_figure((SHORT,)))
    with matplotlib.rc_context({"axes.linewidth": 5.0, "grid.linestyle": "--"}):
        assert png_bytes(training_loss_figure((SHORT,))) == expected
        assert matplotlib.rcParams["axes.linewidth"] == 5


def test_render_repeats_in_any_order() -> None:
    """Drawing a figure once more, in the other format first, changes nothing; and neither carries a date."""
    figure, again = (training_loss_figure((SHORT,)) for _ in range(2))
    png, svg = png_bytes(figure), svg_text(figure)
    assert (svg_text(again), png_bytes(again)) == (svg, png)
    assert b"Software" not in png
    assert "metadata" not in svg


@pytest.mark.parametrize(
    "make_run",
    [lambda: example_run(5), undefined_run],
    ids=["five", "undefined"],
)
def test_run_figures_each_ask_and_tell(make_run: Callable[[], ExampleRun]) -> None:
    """Whatever the run, every picture has a question for a title and a sentence, and says n or why it is empty."""
    run = make_run()
    pictures = run_figures(run.plan, summary_record(run.plan, run.evaluation, "", {}, ""), run.evaluation)
    assert [p.name for p in pictures] == [
        "differences",
        "monte_carlo",
        "drift",
        "equity",
        "metrics_over_windows",
        "metric_correlation",
        "loss_curves",
    ]
    for picture in pictures:
        words = _words(picture.figure)
        assert words[0].endswith("?")
        assert picture.summary.endswith(".")
        is_empty = any(word.startswith("There is nothing to") for word in words)
        assert is_empty or (_says(words, r"\bn = \d|\bn \d") and _says(words, "[Bb]aseline"))


def test_equity_figure_draws_the_account() -> None:
    """The lines end where the accounts end, stay within the limit of points, and keep the deepest fall."""
    run = example_run(5)
    gains, falls = equity_figure(run.plan, run.evaluation).axes
    measures = run.evaluation.models[TRADED].measures
    line = {str(line.get_label()): line for line in gains.lines}[TRADED]
    assert line.get_ydata()[-1] == pytest.approx(measures["total_return"].value)
    assert len(line.get_ydata()) <= MAX_POINTS
    fall = {str(line.get_label()): line for line in falls.lines}[TRADED]
    assert np.min(fall.get_ydata()) == pytest.approx(measures["max_drawdown"].value)
    assert gains.get_ylabel()
    assert falls.get_xlabel().startswith("UTC")


def test_equity_figure_breaks_at_missing_window() -> None:
    """A window that failed is hatched, and no line runs through it."""
    run = example_run(3, failed=(1,))
    gains, falls = equity_figure(run.plan, run.evaluation).axes
    line = {str(line.get_label()): line for line in gains.lines}[TRADED]
    assert np.isnan(line.get_ydata()).sum() == 1
    assert [patch.get_hatch() for patch in gains.patches] == ["///"]
    assert "missing" in falls.get_xlabel()
    whole, _ = equity_figure(example_run(3).plan, example_run(3).evaluation).axes
    assert not whole.patches


def test_windows_figure_marks_what_has_no_value() -> None:
    """Windows without a Sharpe ratio get a cross at the foot and a count, and no point at zero."""
    run = flat_run()
    returns, sharpes = windows_figure(run.plan, run.evaluation).axes
    labels = [str(line.get_label()) for line in sharpes.lines]
    assert "no value in validation or test (2 of 2)" in labels
    assert not any("no value" in str(line.get_label()) for line in returns.lines)
    test = next(line for line in sharpes.lines if str(line.get_label()).startswith("test"))
    assert np.isnan(test.get_ydata()).all()


def test_windows_figure_says_how_long_validation_and_test_are() -> None:
    """Two fifths of a training span; where that grows from window to window, the shortest and the longest are named."""
    run = example_run(3)
    first = run.plan.windows[0]
    grown = tuple(window.model_copy(update={"train_start_ms": first.train_start_ms}) for window in run.plan.windows)
    rolling, anchored = (
        windows_figure(plan, run.evaluation).axes[0].get_legend_handles_labels()[1]
        for plan in (run.plan, run.plan.model_copy(update={"windows": grown}))
    )
    days = (first.test_start_ms - first.train_start_ms) // DAY_MS
    shortest, longest = 2 * days / 5, 2 * (days + 14) / 5
    assert f"validation ({shortest:g} days)" in rolling
    assert f"validation ({shortest:g} to {longest:g} days)" in anchored
    assert "test (7 days)" in rolling


def test_training_figures_show_every_part() -> None:
    """One panel a forward block with both losses, one for the refit with its training loss only, and the coin."""
    curves = example_run().trained[TRADED].curves
    (picture,) = training_figures(curves)
    panels = picture.figure.axes
    assert picture.name == "loss_curve"
    assert [len(axes.lines) for axes in panels] == [4, 4, 3]
    assert "refit" in panels[2].get_title(loc="left")
    np.testing.assert_allclose(panels[0].lines[1].get_ydata(), curves[0].validation)
    assert panels[0].lines[-1].get_ydata()[0] == pytest.approx(COIN_LOSS)


def test_loss_figures_without_epochs_say_so() -> None:
    """A model without epochs gets a sentence instead of an empty frame."""
    without = [window.model_copy(update={"loss_curves": ()}) for window in example_run().windows]
    for figure in (window_losses_figure(without), training_loss_figure(())):
        assert NO_EPOCHS in _words(figure)


def test_training_figure_draws_a_single_epoch() -> None:
    """The shortest training there is can be drawn."""
    (axes,) = training_loss_figure((SHORT,)).axes
    np.testing.assert_allclose(axes.lines[0].get_ydata(), SHORT.training)


def test_inline_svg_takes_the_theme_and_keeps_ids_apart() -> None:
    """On the page, ink and paper are the page's own, every id carries the picture's name, and nothing is fetched."""
    run = example_run(1)
    svg = inline_svg(windows_figure(run.plan, run.evaluation), name="windows", summary='a "b" <c>')
    assert "var(--ink)" in svg
    assert "var(--paper)" in svg
    assert "http" not in svg
    assert 'aria-label="a &quot;b&quot; &lt;c&gt;"' in svg
    ids = re.findall(r'\sid="([^"]*)"', svg)
    assert ids
    assert all(each.startswith("windows-") for each in ids)
    targets = re.findall(r'(?:href="#|url\(#)([^")]*)', svg)
    assert targets
    assert set(targets) <= set(ids)


def _words(figure: Figure) -> list[str]:
    """All text of a figure, its title first."""
    texts = [figure.get_suptitle(), figure.get_supxlabel()]
    for axes in figure.axes:
        texts += [axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()]
        texts += [text.get_text() for text in axes.texts]
    for legend in figure.legends:
        texts += [text.get_text() for text in legend.get_texts()]
    return texts


def _says(words: list[str], pattern: str) -> bool:
    return any(re.search(pattern, word) for word in words)


def test_figures_of_many_windows_draw_some_lines_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number that can be told apart, one border and one fit in so many; no line of their own is lost."""
    run = example_run(5)
    whole, few = {}, {}
    for lines in (whole, few):
        equity, losses = equity_figure(run.plan, run.evaluation), window_losses_figure(run.windows)
        lines |= {"borders": len(equity.axes[0].lines), "fits": len(losses.axes[0].lines)}
        lines["words"] = (equity.axes[1].get_xlabel(), losses.axes[0].get_title(loc="left"))
        monkeypatch.setattr(equity_module, "MAX_BORDERS", 2)
        monkeypatch.setattr(loss_module, "MAX_FITS", 4)
    assert whole["borders"] - few["borders"] == 5 - 2
    assert whole["fits"] - few["fits"] == 10 - 4
    assert "one in" not in "".join(whole["words"])
    assert few["words"][0].endswith("open one window in 3")
    assert few["words"][1].endswith("n = 10 fits, one in 3 drawn")
