"""What a trained model may depend on: its training span and its seed, nothing else. Pure: training is an argument."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from job.arrays import BoolArray, FloatArray, IntArray
from job.audit.doctored import poisoned, truncated
from job.audit.finding import AuditFinding, Claim
from job.audit.future import Markets
from job.intervals import format_utc
from job.rows import Dataset, LabelledRows
from job.windows import Window

ISOLATION = Claim(
    check="isolation",
    proves="scaler, weights, bank and thresholds do not change when every test row and bar is replaced",
    remedy="Something is fitted on the test: no result of this version can be believed.",
)
DETERMINISM = Claim(
    check="determinism",
    proves="training the same window twice gives the same bytes",
    remedy="A random number has no seed, or the device does not repeat itself: try --device cpu.",
)
PREDICTIONS = Claim(
    check="predictions",
    proves="forecasts are the same when all that came later is cut off before anything is computed",
    remedy="A forecast sees the future: no result of this version can be believed.",
)

# A forecast is a float32 sum whose order follows from how many rows are asked about at once; a leak is far larger.
LARGEST_ROUNDING = 1e-6

Train = Callable[[Dataset, Window], bytes]


@dataclass(frozen=True, kw_only=True)
class Forecasts:
    """Probabilities of up at the close of each bar of a test; ``decision_ms`` int64 (n,), UTC."""

    decision_ms: IntArray
    probability: FloatArray


def check_isolation(*, train: Train, dataset: Dataset, window: Window, seed: int) -> AuditFinding:
    """Train on a window as it is, and with all that lies behind its training span replaced.

    Features and bars become noise, and every label that ends there is turned round, in all markets that are learned.

    Parameters
    ----------
    train : from the data of a whole window to everything that was fitted and chosen, as bytes.
    dataset : of the whole window, test included.
    """
    end_ms, markets = window.train.end_ms, (dataset.rows, *dataset.peers.values())
    num_rows = sum(int((rows.open_time >= end_ms).sum()) for rows in markets)
    if not num_rows:
        return ISOLATION.not_run("the window has no test rows")
    generator = np.random.default_rng(seed)
    replaced = Dataset(
        klines=poisoned(dataset.klines, end_ms, generator=generator),
        rows=_turned(dataset.rows, end_ms, generator),
        peers={symbol: _turned(rows, end_ms, generator) for symbol, rows in dataset.peers.items()},
    )
    as_it_is, other = train(dataset, window), train(replaced, window)
    num_bars = int((dataset.klines.available_at > end_ms).sum())
    num_labels = sum(int(_is_open(rows, end_ms).sum()) for rows in markets)
    return ISOLATION.judge(
        as_it_is == other,
        f"{num_rows:,} rows, {num_bars:,} bars and {num_labels:,} labels after "
        f"{format_utc(end_ms)} UTC replaced; {_compared(as_it_is, other)}",
    )


def _turned(rows: LabelledRows, end_ms: int, generator: np.random.Generator) -> LabelledRows:
    """The rows with noise for the features of those from ``end_ms`` on, and the labels turned round that end later."""
    noise = 100 * generator.standard_normal(rows.features.shape).astype(np.float32)
    return replace(
        rows,
        features=np.where((rows.open_time >= end_ms)[:, None], noise, rows.features),
        up=np.where(_is_open(rows, end_ms), 1 - rows.up, rows.up),
    )


def _is_open(rows: LabelledRows, end_ms: int) -> BoolArray:
    """Which labels end after ``end_ms``."""
    return np.isfinite(rows.up) & (rows.label_end_ms > end_ms)


def check_determinism(*, train: Train, dataset: Dataset, window: Window) -> AuditFinding:
    """Train the same window twice."""
    first, second = train(dataset, window), train(dataset, window)
    return DETERMINISM.judge(first == second, _compared(first, second))


def check_predictions(
    *, forecast: Callable[[Markets], Forecasts], markets: Markets, cut_times: IntArray
) -> AuditFinding:
    """Features, labels, training and forecasts from the bars known at each cut, against those of all bars.

    Parameters
    ----------
    forecast : the whole way from bars to the forecasts of one test, what is examined.
    cut_times : int64, within that test.
    """
    full = forecast(markets)
    num_compared, largest = 0, 0.0
    for cut_ms in map(int, cut_times):
        part = forecast({name: truncated(market, cut_ms) for name, market in markets.items()})
        expected = full.probability[full.decision_ms <= cut_ms]
        found = part.probability[part.decision_ms <= cut_ms]
        if len(expected) != len(found):
            return PREDICTIONS.judge(False, f"{len(expected)} forecasts became {len(found)}")
        num_compared += len(expected)
        apart = np.abs(expected - found)
        apart = np.where(np.isnan(expected) & np.isnan(found), 0.0, np.nan_to_num(apart, nan=np.inf))
        largest = max(largest, float(apart.max(initial=0.0)))
    if not num_compared:
        return PREDICTIONS.not_run("no forecast lies before a cut")
    return PREDICTIONS.judge(
        largest <= LARGEST_ROUNDING,
        f"{len(cut_times)} cut times, {num_compared:,} forecasts compared, largest difference {largest:.1e}",
    )


def _compared(first: bytes, second: bytes) -> str:
    one, other = (hashlib.sha256(data).hexdigest()[:12] for data in (first, second))
    return f"{len(first):,} bytes, sha256 {one} and {other}"
