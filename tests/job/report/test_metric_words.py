"""The words of metrics cover every metric there is."""

from job.records import MeasureRecord
from job.report.metric_words import METRICS, shown_metric, words_of
from tests.support.runs import TRADED, example_run


def test_metrics_all_have_words() -> None:
    """Every metric of a window and of the headline has a label and a meaning, and no label is used twice."""
    run = example_run()
    window = run.windows[0].models[TRADED]
    names = set(run.evaluation.models[TRADED].measures) | set(window.validation) | set(window.test)
    assert names <= set(METRICS)
    assert all(words.meaning.endswith(".") for words in METRICS.values())
    assert len({words.label for words in METRICS.values()}) == len(METRICS)


def test_words_of_new_metric_is_its_name() -> None:
    """A metric that has no words yet is still shown."""
    assert words_of("tail_ratio").label == "tail ratio"
    assert shown_metric("tail_ratio", {"tail_ratio": MeasureRecord(value=1.5)}) == "1.50"


def test_shown_metric_without_losses_is_infinite_only_for_profit_factor() -> None:
    """A profit factor without a losing trade is infinite and says so; other ratios without losses do not exist."""
    none = MeasureRecord(value=None, reason="no_losses")
    assert shown_metric("profit_factor", {"profit_factor": none}) == "∞ (no losses)"
    assert shown_metric("sortino_ratio", {"sortino_ratio": none}) == "– (no losses)"
    assert shown_metric("sortino_ratio", {}) == "–"
