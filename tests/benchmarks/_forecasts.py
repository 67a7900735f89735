"""What a learner forecasts as a window's procedure has it: chosen on two blocks, refitted, shrunk to the prior."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch

from job.arrays import FloatArray
from job.data.feature_rows import FeatureRows
from job.data.kline_files import read_kline_file
from job.data.klines import Klines
from job.features.build import build_features
from job.features.registry import feature_set
from job.intervals import interval_ms
from job.labels import Labels, fixed_labels
from job.learners import make_learners
from job.model.calibration import fit_slope, shrink
from job.model.classifier import Learner
from job.rows import LabelledRows, join_labels
from job.settings.procedure import ModelSettings
from job.windows import EMBARGO_BARS, Window, plan_windows

FOLDER = Path("../shared/data")
INTERVAL, HORIZON_BARS = "5m", 12
TARGET, CONTEXT = "SOLUSDT", ("BTCUSDT", "ETHUSDT")
FAR = 0.005  # fifty basis points
VENUE = "binance-perp"


@dataclass(frozen=True, kw_only=True)
class Forecasts:
    """Of a test: the labels and the probabilities of up, float64 (n,), where labels are known, and the bars."""

    open_time: np.ndarray
    up: FloatArray
    probability: FloatArray


def learner_of(model: str, names: tuple[str, ...], *, stream: int, **settings: object) -> Learner:
    """The learner of a name, on the CPU."""
    torch.set_num_threads(1)
    learners = make_learners(
        ModelSettings.model_validate(settings), feature_names=names, stream=stream, device=torch.device("cpu")
    )
    return next(learner for learner in learners if learner.name == model)


def forecast_test(learner: Learner, rows: LabelledRows, window: Window, *, bar_ms: int) -> Forecasts:
    """Fit on a window's training span; calibrated forecasts of its test."""
    assert window.test is not None
    fits, priors, up = [], [], []
    for number, block in enumerate(window.blocks):
        fit = rows.to_learn(block.fit, held_out=block.validation, embargo_bars=0, bar_ms=bar_ms)
        validation = rows.within(block.validation)
        first_ms = window.test.start_ms + bar_ms
        validation = validation.forget_after(first_ms, embargo_ms=EMBARGO_BARS * bar_ms)
        fits.append(learner.validate(fit, validation, block=number))
        priors.append(np.full(len(validation), fit.up.mean()))
        up.append(validation.up)
    known = np.isfinite(np.concatenate(up))
    pooled = (np.concatenate(part)[known] for part in ([f.probability for f in fits], up, priors))
    probability, labels, prior = pooled
    slope = fit_slope(probability, labels, prior=prior)
    train = rows.to_learn(window.train, held_out=window.test, embargo_bars=EMBARGO_BARS, bar_ms=bar_ms)
    classifier, _ = learner.refit(train, tuple(fits))
    test = rows.within(window.test)
    test = test.select(np.isfinite(test.up))
    forecast = shrink(classifier.predict(test.features), prior=float(train.up.mean()), slope=slope)
    return Forecasts(open_time=test.open_time, up=test.up, probability=forecast)


@cache
def real_rows(label: str) -> tuple[LabelledRows, tuple[str, ...]]:
    """The real klines' feature rows with one of `LABELS`, and the features' names."""
    klines, features = _real_features()
    return join_labels(features, klines, LABELS[label](klines)), features.names


def real_windows(rows: LabelledRows) -> tuple[Window, ...]:
    """The guide's windows."""
    bar_ms = interval_ms(INTERVAL)
    first_ms, end_ms = int(rows.open_time[0]), int(rows.open_time[-1]) + bar_ms
    return plan_windows(
        first_open_ms=first_ms, end_ms=end_ms, data_days=180, window_size=30, test_size=7, anchored=False
    )


@cache
def _real_features() -> tuple[Klines, FeatureRows]:
    paths = {symbol: FOLDER / f"{symbol}-{INTERVAL}.csv.gz" for symbol in (TARGET, *CONTEXT)}
    klines = {
        symbol: read_kline_file(path, symbol=None, interval=None, venue=VENUE).klines for symbol, path in paths.items()
    }
    context = {symbol: klines[symbol] for symbol in CONTEXT}
    return klines[TARGET], build_features(feature_set("core", INTERVAL, CONTEXT), klines[TARGET], context)


def _far_up(klines: Klines) -> Labels:
    """Up where the price rises by more than `FAR` within the horizon's bars, from open to open."""
    plain = fixed_labels(klines, horizon_bars=HORIZON_BARS)
    entry = np.append(klines.open[1:], np.nan)
    later = np.full(len(klines), np.nan)
    later[: -1 - HORIZON_BARS] = klines.open[1 + HORIZON_BARS :]
    return replace(plain, up=np.where(np.isfinite(plain.up), later > entry * (1 + FAR), np.nan))


LABELS: dict[str, Callable[[Klines], Labels]] = {
    "up": partial(fixed_labels, horizon_bars=HORIZON_BARS),
    "far up": _far_up,
}
