"""How much a trade may cost before the edge is gone."""

from collections.abc import Callable

from job.backtest.costs import FULL_NOTIONAL_BPS, Costs
from job.evaluation.measure import Measure

TOLERANCE_BPS = 1e-6


def break_even_bps(replay: Callable[[Costs], float]) -> Measure:
    """Cost of one side at which the net total return is zero, in basis points.

    Parameters
    ----------
    replay : net total return of the same targets under other costs, a fraction; it must not grow with cost.
        Over several windows: backtest each, stitch, and return the total.

    Returns
    -------
    Measure
        ``no_trades`` if costs change nothing, ``no_edge_before_costs`` if free trading earns nothing either.
    """

    def net_return(cost_bps: float) -> float:
        return replay(Costs(fee_bps=cost_bps, slippage_bps=0.0))

    free = net_return(0.0)
    if free == net_return(FULL_NOTIONAL_BPS):
        return Measure.undefined("no_trades")
    if free <= 0:
        return Measure.undefined("no_edge_before_costs")
    earns, loses = 0.0, FULL_NOTIONAL_BPS
    while loses - earns > TOLERANCE_BPS:
        middle = (earns + loses) / 2
        earns, loses = (middle, loses) if net_return(middle) > 0 else (earns, middle)
    return Measure.of((earns + loses) / 2)
