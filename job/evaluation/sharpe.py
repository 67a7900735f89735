"""How much a Sharpe ratio can be trusted: after its length, its tails, and the number of trials behind it.

Every ratio here is per day, never annual, and the kurtosis is not the excess kurtosis: a normal has 3.

References
----------
Bailey and López de Prado (2012), "The Sharpe Ratio Efficient Frontier" (PSR, minimum track record).
Bailey and López de Prado (2014), "The Deflated Sharpe Ratio".
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from job.arrays import FloatArray
from job.evaluation.measure import ZERO_DEVIATION, Measure, Reason

MIN_DAYS = 30  # below, skewness and kurtosis are noise
CONFIDENCE = 0.95
EULER_GAMMA = 0.5772156649015329
# Expected maximum of N standard normals where the extreme-value form is poor: N = 1, 2, 3, 4.
SMALL_MAXIMA = (0.0, 1 / math.sqrt(math.pi), 1.5 / math.sqrt(math.pi), 1.0293753730)
_NORMAL = NormalDist()


@dataclass(frozen=True, kw_only=True)
class SharpeMoments:
    """What the sampling error of a Sharpe ratio depends on.

    Parameters
    ----------
    num_days : number of daily returns.
    sharpe : mean over standard deviation (ddof 1) of daily returns, not annual.
    skewness : third standardised moment; 0 for a normal.
    kurtosis : fourth standardised moment; 3 for a normal.
    """

    num_days: int
    sharpe: float
    skewness: float
    kurtosis: float

    @property
    def unit_variance(self) -> float:
        """Variance of the estimated ratio times (num_days - 1)."""
        return 1 - self.skewness * self.sharpe + (self.kurtosis - 1) / 4 * self.sharpe**2


def sharpe_moments(returns: FloatArray) -> SharpeMoments | Reason:
    """Moments of daily returns float64 (n_days,), or the reason why they say nothing.

    Raises
    ------
    ValueError
        If a return is not finite.
    """
    returns = np.asarray(returns, dtype=np.float64)
    if returns.ndim != 1 or not np.isfinite(returns).all():
        raise ValueError("returns must be a row of finite numbers")
    if len(returns) < MIN_DAYS:
        return "too_short"
    centred = returns - returns.mean()
    deviation = math.sqrt(np.square(centred).mean())
    if deviation < ZERO_DEVIATION:
        return "zero_variance"
    moments = SharpeMoments(
        num_days=len(returns),
        sharpe=float(returns.mean() / returns.std(ddof=1)),
        skewness=float(((centred / deviation) ** 3).mean()),
        kurtosis=float(((centred / deviation) ** 4).mean()),
    )
    return moments if moments.unit_variance > 0 else "extreme_moments"


def psr(returns: FloatArray, *, benchmark: float = 0.0) -> Measure:
    """Probability that the true Sharpe ratio lies above ``benchmark``.

    Parameters
    ----------
    returns : float64 (n_days,), daily.
    benchmark : daily Sharpe ratio to beat.
    """
    moments = sharpe_moments(returns)
    if isinstance(moments, str):
        return Measure.undefined(moments)
    return Measure.of(probability_above(moments, benchmark=benchmark))


def dsr(returns: FloatArray, *, num_trials: float, trial_sharpes: FloatArray) -> Measure:
    """Probability that the true Sharpe ratio lies above what the best of ``num_trials`` lucky ones would show.

    Parameters
    ----------
    returns : float64 (n_days,), daily.
    num_trials : number of procedures tried, or their effective number, >= 1.
    trial_sharpes : float64 (n_results,), daily Sharpe ratios of the trials that have a result.
    """
    moments = sharpe_moments(returns)
    if isinstance(moments, str):
        return Measure.undefined(moments)
    benchmark = deflated_benchmark(num_days=moments.num_days, num_trials=num_trials, trial_sharpes=trial_sharpes)
    return Measure.of(probability_above(moments, benchmark=benchmark))


def min_track_record_days(returns: FloatArray, *, benchmark: float = 0.0) -> Measure:
    """Days after which the observed Sharpe ratio would stand above ``benchmark`` with 95 % confidence."""
    moments = sharpe_moments(returns)
    if isinstance(moments, str):
        return Measure.undefined(moments)
    return track_record_days(moments, benchmark=benchmark)


def probability_above(moments: SharpeMoments, *, benchmark: float) -> float:
    """The probabilistic Sharpe ratio of known moments."""
    error = math.sqrt(moments.unit_variance / (moments.num_days - 1))
    return _NORMAL.cdf((moments.sharpe - benchmark) / error)


def track_record_days(moments: SharpeMoments, *, benchmark: float) -> Measure:
    """The minimum track record length of known moments."""
    lead = moments.sharpe - benchmark
    if lead < ZERO_DEVIATION:
        return Measure.undefined("not_above_benchmark")
    return Measure.of(1 + moments.unit_variance * (_NORMAL.inv_cdf(CONFIDENCE) / lead) ** 2)


def deflated_benchmark(*, num_days: int, num_trials: float, trial_sharpes: FloatArray) -> float:
    """Daily Sharpe ratio that the best of ``num_trials`` trials without skill is expected to show.

    Notes
    -----
    The spread of the trials is taken to be at least the sampling variance 1 / (num_days - 1) of one ratio without
    skill. A few results spread by chance alone, and many that resemble one another share their luck: that they agree
    says nothing of how lucky they are, and is already paid for by their effective number.
    """
    sample = np.asarray(trial_sharpes, dtype=np.float64)
    if not np.isfinite(sample).all():
        raise ValueError("a trial without a finite Sharpe ratio has no result and must be left out")
    spread = float(sample.var(ddof=1)) if len(sample) > 1 else 0.0
    return math.sqrt(max(spread, 1 / (num_days - 1))) * expected_maximum(num_trials)


def expected_maximum(num_trials: float) -> float:
    """Expected largest of ``num_trials`` independent standard normals; an effective number may be fractional."""
    if not 1 <= num_trials < math.inf:
        raise ValueError(f"num_trials must be finite and at least 1, got {num_trials}")
    num_exact = len(SMALL_MAXIMA)
    if num_trials <= num_exact:
        return float(np.interp(num_trials, range(1, num_exact + 1), SMALL_MAXIMA))
    upper = _NORMAL.inv_cdf(1 - 1 / num_trials)
    far = _NORMAL.inv_cdf(1 - 1 / (num_trials * math.e))
    return (1 - EULER_GAMMA) * upper + EULER_GAMMA * far
