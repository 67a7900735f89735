"""A bank that grows between two fits: what came after a fit votes too, each row from the moment its label is known.

So a live system goes on learning without being fitted: scales, temperature, calibration and thresholds stay what the
fit has made them. Whether a row may vote is told for every query by itself, from the spans of their labels, so that a
week can be forecast at once and no row of it hears of its own future. Novelty is measured to the rows of the fit.

A later row counts as much as the mean row of the fit whose label is the same: any weight from the later rows
themselves would have to look at all of them.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from job.arrays import BoolArray, FloatArray, IntArray
from job.model.fit import PREDICT_CHUNK, LorentzianClassifier
from job.model.kernel import LabelSpans
from job.rows import LabelledRows
from job.windows import EMBARGO_BARS

ALWAYS_MS = np.iinfo(np.int64).min  # when the label of a row of the fit ended, as far as a later row need know


@torch.no_grad()
def predict_live(
    classifier: LorentzianClassifier, asking: LabelledRows, among: LabelledRows, *, from_ms: int
) -> FloatArray:
    """Probability of up, float64 (n,), each with the later rows in the bank whose labels had ended an embargo before.

    Parameters
    ----------
    asking : rows that are forecast.
    among : rows that may join, labelled or not; the asking ones may be among them.
    from_ms : the first open time that the fit has not seen: earlier rows do not join.
    """
    known = among.select(_is_later(among, from_ms))
    grown = _grown(classifier, known)
    device = classifier.bank.device
    ended_ms = np.concatenate([np.full(len(classifier.bank), ALWAYS_MS), known.label_end_ms])
    bank_ended_ms = torch.from_numpy(ended_ms).to(device)
    queries = torch.from_numpy(classifier.scaler.transform(asking.features))
    # A label that ends in this millisecond or later is not known yet.
    unknown_ms = torch.from_numpy(last_known_ms(asking) + 1)
    chunks = [
        grown.network.probability(
            part.to(device),
            grown.bank,
            grown.bank_up,
            _not_ended(unknown.to(device), bank_ended_ms),
            log_weights=grown.log_weights,
        )
        for part, unknown in zip(
            torch.split(queries, PREDICT_CHUNK), torch.split(unknown_ms, PREDICT_CHUNK), strict=True
        )
    ]
    return torch.cat(chunks).double().cpu().numpy() if len(asking) else np.empty(0)


def joined_by(
    classifier: LorentzianClassifier, among: LabelledRows, *, from_ms: int
) -> tuple[LorentzianClassifier, IntArray]:
    """The vote as the last of these rows finds it, and the open times, int64, of those that have joined its bank.

    Parameters
    ----------
    among, from_ms : as of `predict_live`, in time order.
    """
    is_known = _is_later(among, from_ms) & (among.label_end_ms <= last_known_ms(among)[-1])
    known = among.select(is_known)
    return _grown(classifier, known), known.open_time


def last_known_ms(asking: LabelledRows) -> IntArray:
    """When a label must have ended to vote on each row: an embargo before its own label begins, int64 (n,)."""
    bar_ms = asking.decision_ms - asking.open_time
    ended: IntArray = asking.label_start_ms - EMBARGO_BARS * bar_ms
    return ended


def _is_later(rows: LabelledRows, from_ms: int) -> BoolArray:
    """Which rows may ever join, bool (n,): labelled, and not known to the fit."""
    return np.isfinite(rows.up) & (rows.open_time >= from_ms)


def _not_ended(unknown_ms: Tensor, ended_ms: Tensor) -> LabelSpans:
    """Spans that meet where a label has not ended in time; nothing else keeps rows apart, so starts say nothing."""
    return LabelSpans(
        query_start_ms=unknown_ms,
        query_end_ms=unknown_ms,
        bank_start_ms=torch.full_like(ended_ms, ALWAYS_MS),
        bank_end_ms=ended_ms,
    )


def _grown(classifier: LorentzianClassifier, known: LabelledRows) -> LorentzianClassifier:
    """The same vote with more rows in its bank."""
    device = classifier.bank.device
    features = torch.from_numpy(classifier.scaler.transform(known.features)).to(device)
    up = torch.from_numpy(known.up.astype(np.float32)).to(device)
    log_weights = torch.where(up == 1, _mean_log_weight(classifier, 1), _mean_log_weight(classifier, 0))
    return replace(
        classifier,
        bank=torch.cat([classifier.bank, features]),
        bank_up=torch.cat([classifier.bank_up, up]),
        log_weights=torch.cat([classifier.log_weights, log_weights]),
    )


def _mean_log_weight(classifier: LorentzianClassifier, label: int) -> Tensor:
    """Logarithm of what a row of the fit with this label counts in the mean; of any row, where there is none."""
    weights, is_of = classifier.log_weights.exp(), classifier.bank_up == label
    return (weights[is_of] if bool(is_of.any()) else weights).mean().log()
