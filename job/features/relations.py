"""How the target moves against a context symbol, bar by bar on the same grid.

Each takes the target's and the context symbol's `GridBars` and returns float64 (n,), row t from bars <= t of
both. Moments are taken around zero: over a few hours the mean return is noise.
"""

import numpy as np

from job.arrays import FloatArray
from job.features.grid import GridBars
from job.features.rolling import change, contrast, quotient


def beta(target: GridBars, context: GridBars, *, length: int) -> FloatArray:
    """Slope of the target's returns on the context symbol's; 0 where the latter did not move."""
    return quotient(target.return_products(context, length), context.return_products(context, length))


def correlation(target: GridBars, context: GridBars, *, length: int) -> FloatArray:
    """Correlation of the two returns."""
    roots = np.sqrt(target.return_products(target, length)) * np.sqrt(context.return_products(context, length))
    return quotient(target.return_products(context, length), roots)


def beta_residual(target: GridBars, context: GridBars, *, length: int, beta_length: int) -> FloatArray:
    """Target's log return over ``length`` bars less beta times the context symbol's."""
    explained = beta(target, context, length=beta_length) * change(context.log_close, length)
    return change(target.log_close, length) - explained


def relative_strength(target: GridBars, context: GridBars, *, length: int) -> FloatArray:
    """Target's log return over ``length`` bars less the context symbol's."""
    return change(target.log_close, length) - change(context.log_close, length)


def relative_volatility(target: GridBars, context: GridBars, *, length: int) -> FloatArray:
    """Contrast of the target's against the context symbol's root mean square return."""
    squares, context_squares = target.return_products(target, length), context.return_products(context, length)
    return contrast(np.sqrt(squares), np.sqrt(context_squares))
