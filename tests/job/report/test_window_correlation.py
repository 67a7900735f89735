"""Correlations over windows: equal to scipy's, and what is left out is named."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from job.report.window_correlation import TEST_METRICS, VALIDATION_METRICS, correlate_windows
from tests.support.runs import TRADED, example_run, undefined_run


def test_correlate_windows_equals_scipy() -> None:
    """Each cell is Spearman's correlation of the windows that have both metrics."""
    windows = example_run(8).windows
    correlation = correlate_windows(windows)
    row, column = (correlation.names.index(name) for name in ("test_sharpe_ratio", "validation_log_loss"))
    models = [window.models[TRADED] for window in windows]
    pairs = [(m.test["sharpe_ratio"].value, m.validation["log_loss"].value) for m in models]
    known = np.array([pair for pair in pairs if None not in pair])
    assert 4 <= len(known) < len(windows)
    assert correlation.num_windows[row, column] == len(known)
    assert correlation.value[row, column] == pytest.approx(spearmanr(known[:, 0], known[:, 1]).statistic)
    np.testing.assert_allclose(correlation.value, correlation.value.T)


def test_correlate_windows_drops_visibly() -> None:
    """A metric that is constant, or that too few windows have, is named with the reason and nowhere else."""
    windows = example_run(8).windows
    constant = windows[0].models[TRADED].test["auc"]
    changed = [
        window.model_copy(
            update={
                "models": window.models
                | {
                    TRADED: window.models[TRADED].model_copy(
                        update={"test": window.models[TRADED].test | {"auc": constant}}
                    )
                }
            }
        )
        for window in windows
    ]
    correlation = correlate_windows(changed)
    assert correlation.dropped == {"test_auc": "constant"}
    assert "test_auc" not in correlation.names
    nothing = correlate_windows(undefined_run().windows)
    assert nothing.names == ()
    assert len(nothing.dropped) == len(VALIDATION_METRICS) + len(TEST_METRICS)
    assert set(nothing.dropped.values()) == {"0 of 2 windows have it"}
