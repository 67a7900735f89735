"""The choice inside one window: everything on validation, then one refit. Pure.

Two forward blocks inside the training span are forecast by fits that end before them. Their pooled forecasts fix
the learner's own hyperparameter, the shrinkage to the prior and the thresholds. Then the learner is refitted on the
whole training span with what was chosen, or, where that is not wanted, on the days before the last validation alone.
Nothing here can see a test: the window is given without its test bars.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from job import interruption
from job.arrays import Float32Array, FloatArray, IntArray
from job.backtest.account import Backtest
from job.backtest.stitch import stitch
from job.data.klines import Klines
from job.effective_sample import effective_rows
from job.errors import NoDataError
from job.intervals import interval_ms
from job.model.calibration import fit_slope, shrink
from job.model.classifier import Classifier, Learner, LossCurve, OnEpoch, ValidatedFit
from job.model.fit import LorentzianClassifier
from job.model.live import predict_live
from job.model.search import SearchChoice
from job.rows import LabelledRows
from job.settings.procedure import OptimizeMetric
from job.signals import TradingRules, trade
from job.threshold_choice import ThresholdChoice, ValidationBars, choose_thresholds
from job.windows import EMBARGO_BARS, Block, Span, Window

# Fewer labelled rows than this are an accident of holes in the data, not a training set.
MIN_ROWS = 50

# Told of each epoch: part of the fit (0 and 1 the forward blocks, 2 the refit), epoch, training loss.
OnProgress = Callable[[int, int, float], None]


@dataclass(frozen=True, kw_only=True)
class TrainedProcedure:
    """One learner, chosen and refitted on one window's training span.

    Parameters
    ----------
    classifier : fitted on the whole training span, or without a refit on its first four fifths.
    prior : share of up labels in what it was fitted on.
    slope : shrinkage of forecasts to the prior, see `job.model.calibration`.
    choice : the thresholds and what they were chosen on.
    curves : loss curves of the forward blocks and the refit; empty for learners without epochs.
    validation_account : the account over the validation blocks at the chosen thresholds.
    validation_up, validation_probability : float64 (n,), pooled over the blocks, calibrated.
    validation_prior : float64 (n,), share of up labels in the rows that each of these forecasts was learned from.
    row_open_ms : int64 (n,), open times of the labelled rows that the classifier was fitted on: those of its bank.
    effective_rows : how many of them are independent, see `job.effective_sample`.
    search : how its settings were chosen, where they were.
    live_from_ms : open time from which rows join the bank as their labels end, see `job.model.live`; None for never.
    """

    classifier: Classifier
    prior: float
    slope: float
    choice: ThresholdChoice
    curves: tuple[LossCurve, ...]
    validation_account: Backtest
    validation_up: FloatArray
    validation_probability: FloatArray
    validation_prior: FloatArray
    row_open_ms: IntArray
    effective_rows: float
    search: SearchChoice | None = None
    live_from_ms: int | None = None

    @property
    def num_rows(self) -> int:
        """Labelled rows that the classifier was fitted on."""
        return len(self.row_open_ms)

    @property
    def best_epoch(self) -> int | None:
        """Epochs of the last fit."""
        return self.curves[-1].best_epoch if self.curves else None

    def forecast(self, features: Float32Array) -> FloatArray:
        """Calibrated probability of up, float64 (n,)."""
        return shrink(self.classifier.predict(features), prior=self.prior, slope=self.slope)

    def forecast_rows(self, rows: LabelledRows) -> FloatArray:
        """The same of rows after the fit, those before each with labels that have ended among its voters, if so set."""
        if self.live_from_ms is None:
            return self.forecast(rows.features)
        assert isinstance(self.classifier, LorentzianClassifier)
        said = predict_live(self.classifier, rows, rows, from_ms=self.live_from_ms)
        return shrink(said, prior=self.prior, slope=self.slope)


def train_procedure(
    learner: Learner,
    rows: LabelledRows,
    klines: Klines,
    window: Window,
    *,
    metric: OptimizeMetric,
    rules: TradingRules,
    seed: int,
    refit: bool = True,
    on_progress: OnProgress | None = None,
) -> TrainedProcedure:
    """Choose and fit one learner on a window's training span.

    Parameters
    ----------
    learner : how to fit.
    rows, klines : may reach past the training span; what lies there is cut off here, first of all.
    window : its test span says only where the training must have ended.
    metric, rules, seed : see `choose_thresholds`.
    refit : fit what was chosen on all training days; otherwise on those before the last validation, so that what
        the newest days are worth can be measured.
    """
    bar_ms = interval_ms(klines.interval)
    rows, klines = rows.within(window.train), klines.between(window.train.start_ms, window.train.end_ms)
    forecasts = []
    for number, block in enumerate(window.blocks):
        interruption.check()
        forecasts.append(
            _forecast_block(
                learner, rows, block, number=number, test=window.test, bar_ms=bar_ms, on_progress=on_progress
            )
        )
    up = np.concatenate([f.validation.up for f in forecasts])
    prior = np.concatenate([np.full(len(f.validation), f.prior) for f in forecasts])
    slope = _pooled_slope(forecasts, up, prior)
    bars = tuple(f.bars(klines, slope) for f in forecasts)
    choice = choose_thresholds(bars, metric=metric, rules=rules, seed=seed)
    train = _rows_to_fit(rows, window, refit=refit, bar_ms=bar_ms)
    fits = tuple(f.fit for f in forecasts)
    classifier, curve = learner.refit(train, fits, on_epoch=_part(on_progress, len(fits)))
    return TrainedProcedure(
        classifier=classifier,
        prior=float(train.up.mean()),
        slope=slope,
        choice=choice,
        curves=tuple(c for c in (*(fit.curve for fit in fits), curve) if c is not None),
        validation_account=stitch([trade(b.klines, b.probability, choice.thresholds, rules) for b in bars]),
        validation_up=up,
        validation_probability=np.concatenate([f.calibrated(slope) for f in forecasts]),
        validation_prior=prior,
        row_open_ms=train.open_time,
        effective_rows=effective_rows(train.label_start_ms, train.label_end_ms),
    )


def _rows_to_fit(rows: LabelledRows, window: Window, *, refit: bool, bar_ms: int) -> LabelledRows:
    if refit:
        return rows.to_learn(window.train, held_out=window.test, embargo_bars=EMBARGO_BARS, bar_ms=bar_ms)
    last = window.blocks[-1]
    return rows.to_learn(last.fit, held_out=last.validation, embargo_bars=0, bar_ms=bar_ms)


@dataclass(frozen=True, kw_only=True)
class _BlockForecast:
    """One forward block: its validation rows, and what a fit before them said of them."""

    span: Span
    validation: LabelledRows
    fit: ValidatedFit
    prior: float

    def calibrated(self, slope: float) -> FloatArray:
        return shrink(self.fit.probability, prior=self.prior, slope=slope)

    def bars(self, klines: Klines, slope: float) -> ValidationBars:
        return validation_bars(klines, self.span, self.validation, self.fit.heard(self.calibrated(slope)))


def on_bars(klines: Klines, open_time: IntArray, value: FloatArray) -> FloatArray:
    """Values of rows placed on their bars, float64 (n_bars,); NaN for a bar that has no row."""
    placed = np.full(len(klines), np.nan)
    _, at_bar, at_row = np.intersect1d(klines.open_time, open_time, assume_unique=True, return_indices=True)
    placed[at_bar] = value[at_row]
    return placed


def validation_bars(klines: Klines, span: Span, rows: LabelledRows, probability: FloatArray) -> ValidationBars:
    """A block's bars, each with the forecast of its row."""
    own = klines.between(span.start_ms, span.end_ms)
    return ValidationBars(klines=own, probability=on_bars(own, rows.open_time, probability))


def validation_rows(rows: LabelledRows, block: Block, *, test: Span | None, bar_ms: int) -> LabelledRows:
    """The rows that a forward block forecasts, without labels that reach into the test."""
    validation = rows.within(block.validation)
    if test is None:
        return validation
    return validation.forget_after(test.start_ms + bar_ms, embargo_ms=EMBARGO_BARS * bar_ms)


def _forecast_block(
    learner: Learner,
    rows: LabelledRows,
    block: Block,
    *,
    number: int,
    test: Span | None,
    bar_ms: int,
    on_progress: OnProgress | None,
) -> _BlockForecast:
    fit, validation = block_rows(rows, block, test=test, bar_ms=bar_ms)
    result = learner.validate(fit, validation, block=number, on_epoch=_part(on_progress, number))
    return _BlockForecast(span=block.validation, validation=validation, fit=result, prior=float(fit.up.mean()))


def block_rows(
    rows: LabelledRows, block: Block, *, test: Span | None, bar_ms: int
) -> tuple[LabelledRows, LabelledRows]:
    """The rows that a forward block learns from, and those that it forecasts.

    Raises
    ------
    NoDataError
        Where either are too few, or nothing can be learned from the former.
    """
    fit = rows.to_learn(block.fit, held_out=block.validation, embargo_bars=0, bar_ms=bar_ms)
    validation = validation_rows(rows, block, test=test, bar_ms=bar_ms)
    if len(fit) < MIN_ROWS or np.isfinite(validation.up).sum() < MIN_ROWS:
        raise NoDataError(
            f"The training span {block.fit} has {len(fit)} labelled rows, and its validation "
            f"{int(np.isfinite(validation.up).sum())}; each needs {MIN_ROWS}.",
            remedy="Collect more history without holes, or raise --window-size.",
        )
    if fit.up.min() == fit.up.max():
        raise NoDataError(
            f"All {len(fit)} labels of the training span {block.fit} are the same.",
            remedy="Use another --label or --horizon, or check the klines.",
        )
    return fit, validation


def _pooled_slope(forecasts: list[_BlockForecast], up: FloatArray, prior: FloatArray) -> float:
    probability = np.concatenate([f.fit.probability for f in forecasts])
    is_labelled = np.isfinite(up)
    return fit_slope(probability[is_labelled], up[is_labelled], prior=prior[is_labelled])


def _part(on_progress: OnProgress | None, part: int) -> OnEpoch | None:
    if on_progress is None:
        return None
    return lambda epoch, loss: on_progress(part, epoch, loss)
