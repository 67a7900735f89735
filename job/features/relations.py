"""How the target moves against a context symbol, bar by bar on the same grid.

Each takes the target's and the context symbol's `GridBars` and returns float64 (n,), row t from bars <= t of
both. Moments are taken around zero: over a few hours the mean return is noise.
"""

import numpy as np

from job.arrays import FloatArray
from job.features.grid import GridBars
from job.features.rolling import change, contrast, quotient, rolling_sum


def beta(target: GridBars, context: GridBars, *, length: int) -> FloatArray:
    """Slope of the target's returns on the context symbol's; 0 where the latter did not move."""
    products = rolling_sum(target.log_return * context.log_return, length)
    return quotient(products, rolling_sum(np.square(context.log_return), length))


def correlation(target: GridBars, context: GridBars, *, length: int) -> FloatArray:
    """Correlation of the two returns."""
    products = rolling_sum(target.log_return * context.log_return, length)
    squares = rolling_sum(np.square(target.log_return), length)
    context_squares = rolling_sum(np.square(context.log_return), length)
    return quotient(products, np.sqrt(squares) * np.sqrt(context_squares))


def beta_residual(target: GridBars, context: GridBars, *, length: int, beta_length: int) -> FloatArray:
    """Target's log return over ``length`` bars less beta times the context symbol's."""
    explained = beta(target, context, length=beta_length) * change(context.log_close, length)
    return change(target.log_close, length) - explained


def relative_strength(target: GridBars, context: GridBars, *, length: int) -> FloatArray:
    """Target's log return over ``length`` bars less the context symbol's."""
    return change(target.log_close, length) - change(context.log_close, length)


def relative_volatility(target: GridBars, context: GridBars, *, length: int) -> FloatArray:
    """Contrast of the target's against the context symbol's root mean square return."""
    squares = rolling_sum(np.square(target.log_return), length)
    return contrast(np.sqrt(squares), np.sqrt(rolling_sum(np.square(context.log_return), length)))
