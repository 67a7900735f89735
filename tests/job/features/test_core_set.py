import numpy as np
import pytest

from job.data.klines import Klines
from job.features.build import build_features
from job.features.registry import feature_set
from job.intervals import interval_ms
from tests.support.klines import START_MS

LAST_ROW_5M: dict[str, float] = {
    "log_return_1": 0.010128,
    "log_return_2": -0.0049959,
    "log_return_3": -0.001714,
    "log_return_4": 0.017285,
    "log_return_6": 0.0056726,
    "log_return_8": 0.030975,
    "log_return_12": 0.041469,
    "log_return_24": 0.075457,
    "log_range_1": 0.018823,
    "log_range_24": 0.10585,
    "body_share": 0.53692,
    "wick_balance": 0.229,
    "channel_position_24": 0.72321,
    "bollinger_position_20": 0.83219,
    "bollinger_width_20": 0.10797,
    "cci_20": 98.7,
    "volume_zscore_24": -0.18192,
    "volume_contrast": 0.042106,
    "volume_balance_12": 0.26301,
    "semivariance_48": 0.14011,
    "trend_efficiency_12": 0.29941,
    "trend_efficiency_48": 0.092561,
    "autocorrelation_48": -0.20678,
    "rsi_14": 60.248,
    "rsi_9": 62.701,
    "atr_14": 0.021563,
    "directional_balance_20": 0.27709,
    "adx_20": 18.582,
    "wave_trend": 64.02,
    "wave_trend_cross": -3.881,
    "macd_line": 0.012807,
    "macd_histogram": 0.0044531,
    "ewm_volatility": -0.014684,
    "1h_log_return_1": 0.041469,
    "1h_log_return_4": 0.051786,
    "1h_log_range_8": 0.11461,
    "1h_bollinger_position_16": 0.63987,
    "1h_mean_rsi_14": 49.776,
    "1h_trend_efficiency_12": -0.049655,
    "4h_log_return_1": 0.051786,
    "4h_log_return_4": -0.055927,
    "4h_log_range_8": 0.27772,
    "4h_bollinger_position_16": 0.39102,
    "4h_mean_rsi_14": 52.039,
    "4h_trend_efficiency_12": 0.13967,
    "btcusdt_log_return_1": -0.010706,
    "btcusdt_log_return_before": 0.012514,
    "btcusdt_log_return_3": -0.021226,
    "btcusdt_log_return_12": -0.023819,
    "btcusdt_beta_48": -0.046754,
    "btcusdt_correlation_48": -0.050261,
    "btcusdt_residual_1": 0.0096275,
    "btcusdt_residual_12": 0.040355,
    "btcusdt_strength_24": 0.056426,
    "btcusdt_volatility_48": -0.036147,
    "day_sine": 0.86603,
    "day_cosine": -0.5,
    "half_day_sine": -0.86603,
    "half_day_cosine": -0.5,
    "week_sine": 0.86603,
    "week_cosine": -0.5,
}
LAST_ROW_1H: dict[str, float] = {
    "mean_rsi_14": 47.608,
    "mean_rsi_9": 28.243,
    "mean_true_range_14": 0.018872,
    "mean_crossover": -0.0042286,
    "volatility": -0.0096368,
    "4h_log_return_4": -0.0081651,
    "4h_bollinger_position_16": 0.47,
}


def waves(interval: str, phase: float) -> Klines:
    """80 hours of bars from sines alone, so that they are the same wherever they are made."""
    step_ms = interval_ms(interval)
    row = np.arange(80 * 3_600_000 // step_ms)
    close = 100 + 9 * np.sin(0.011 * row + phase) + 3 * np.sin(0.17 * row + 2 * phase) + np.sin(1.9 * row * phase)
    open_ = np.concatenate((close[:1], close[:-1]))
    return Klines(
        interval=interval,
        open_time=START_MS + step_ms * row,
        open=open_,
        high=np.maximum(open_, close) + 0.5 + 0.4 * np.sin(2.3 * row),
        low=np.minimum(open_, close) - 0.5 - 0.4 * np.sin(1.7 * row + phase),
        close=close,
        volume=1000 + 700 * np.sin(0.9 * row + phase),
    )


@pytest.mark.parametrize(("interval", "expected"), [("5m", LAST_ROW_5M), ("1h", LAST_ROW_1H)])
def test_core_values_change_only_with_their_version(interval: str, expected: dict[str, float]) -> None:
    """Each column has the value it had when its version was given: where one differs, raise its version."""
    features = feature_set("core", interval, ("BTCUSDT",))
    rows = build_features(features, waves(interval, 1.0), {"BTCUSDT": waves(interval, 2.0)})
    last_row = dict(zip(rows.names, rows.values[-1].tolist(), strict=True))
    assert {name: last_row[name] for name in expected} == pytest.approx(expected, rel=1e-4)


def test_core_values_of_5m_are_all_frozen() -> None:
    """No column is without a frozen value."""
    assert tuple(LAST_ROW_5M) == feature_set("core", "5m", ("BTCUSDT",)).record.names
