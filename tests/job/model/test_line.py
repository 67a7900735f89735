from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from job.model import line
from job.model.line import INVERSE_PENALTIES, fit_line, held_out_losses, trust
from job.rows import LabelledRows
from tests.support.labelled import random_rows


def losses_of(rows: LabelledRows) -> np.ndarray:
    """Held-out losses of each penalty, every row counting one."""
    columns = np.column_stack([rows.features.astype(np.float64), np.ones(len(rows))])
    return held_out_losses(columns, rows, np.ones(len(rows)))


@pytest.mark.parametrize("inverse_penalty", [1e-3, 1.0])
def test_fit_line_equals_scikit_learn(monkeypatch: pytest.MonkeyPatch, inverse_penalty: float) -> None:
    """At one penalty, with weights, the solution is the library's to five digits."""
    monkeypatch.setattr(line, "INVERSE_PENALTIES", (inverse_penalty,))
    rows = random_rows(400, strength=1.5)
    weights = np.random.default_rng(0).uniform(0.2, 2.0, len(rows))
    fitted = fit_line(rows.features, rows, weights)
    reference = LogisticRegression(C=inverse_penalty, tol=1e-10, max_iter=2000)
    reference.fit(rows.features.astype(np.float64), rows.up, sample_weight=weights)
    np.testing.assert_allclose(fitted.slope, reference.coef_[0], rtol=1e-5, atol=1e-7)
    assert fitted.level == pytest.approx(reference.intercept_[0], rel=1e-5, abs=1e-7)


def test_strict_lines_are_trusted_on_noise_and_free_ones_on_a_signal() -> None:
    """Where nothing is to be learned the line is nearly flat; where there is much, it is nearly free."""
    noise, signal = random_rows(900, num_features=20), random_rows(900, num_features=20, strength=3.0)
    assert losses_of(noise).argmin() == 0
    assert losses_of(signal).argmin() >= INVERSE_PENALTIES.index(1e-2)
    flat, steep = (fit_line(rows.features, rows, np.ones(900)).slope for rows in (noise, signal))
    assert np.abs(flat).max() < 0.15
    assert steep[2] > 1.0


def test_trust_follows_the_number_of_independent_labels() -> None:
    """Lines are averaged by exp(-N x loss): evenly for equal losses, and more sharply the fewer labels overlap."""
    losses = np.array([0.70, 0.69, 0.70])
    sharp, blunt = (trust(losses, random_rows(400, horizon_bars=bars)) for bars in (1, 20))
    assert sharp.sum() == pytest.approx(1)
    assert sharp[1] > blunt[1] > 1 / 3
    assert sharp[0] == sharp[2]
    np.testing.assert_allclose(trust(np.zeros(4), random_rows(50)), 0.25)


def test_penalties_are_judged_by_rows_that_share_no_label() -> None:
    """Features that only tell when a row was, and labels that neighbours share: unpurged, free lines look better."""
    rows = random_rows(600, num_features=30, horizon_bars=50)
    generator = np.random.default_rng(4)
    moods = np.repeat(generator.standard_normal((12, 30)), 50, axis=0)
    up = np.repeat(generator.integers(0, 2, 12), 50).astype(np.float64)
    rows = replace(rows, features=moods.astype(np.float32), up=up)
    unpurged = replace(rows, label_end_ms=rows.decision_ms + 1)
    assert losses_of(rows).argmin() < losses_of(unpurged).argmin()


def test_line_survives_a_perfect_separation_and_one_kind_of_label_in_a_stretch() -> None:
    """The penalty keeps it finite."""
    rows = random_rows(300)
    rows = replace(rows, up=(rows.features[:, 0] > 0).astype(np.float64))
    rows.up[:60] = 1.0
    fitted = fit_line(rows.features, rows, np.ones(300))
    assert np.isfinite(fitted.slope).all()
    assert np.argmax(np.abs(fitted.slope)) == 0
