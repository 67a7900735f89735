"""What a trade costs. Knows nothing of prices or positions."""

from dataclasses import dataclass

BPS = 1e-4  # one basis point as a fraction
FULL_NOTIONAL_BPS = 10_000.0


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Cost of one side of a trade, in basis points of its notional.

    Parameters
    ----------
    fee_bps : charged on the notional of every fill, in [0, 10,000].
    slippage_bps : how much worse than the quoted open every fill is, in [0, 10,000).

    Raises
    ------
    ValueError
        If a cost is negative, not finite or out of range.
    """

    fee_bps: float
    slippage_bps: float

    def __post_init__(self) -> None:
        if not 0 <= self.fee_bps <= FULL_NOTIONAL_BPS:
            raise ValueError(f"fee_bps must lie in [0, 10000], got {self.fee_bps}")
        if not 0 <= self.slippage_bps < FULL_NOTIONAL_BPS:
            raise ValueError(f"slippage_bps must lie in [0, 10000), got {self.slippage_bps}")

    @property
    def fee(self) -> float:
        """Fee of one side as a fraction of its notional."""
        return self.fee_bps * BPS

    @property
    def slippage(self) -> float:
        """Slippage of one side as a fraction of the quoted price."""
        return self.slippage_bps * BPS

    @property
    def per_side_bps(self) -> float:
        """Fee and slippage of one side together."""
        return self.fee_bps + self.slippage_bps

    @property
    def round_trip(self) -> float:
        """Cost of entering and leaving, as a fraction of the notional, to first order."""
        return 2 * self.per_side_bps * BPS
