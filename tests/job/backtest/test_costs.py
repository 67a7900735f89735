import pytest

from job.backtest.costs import Costs


def test_costs_convert_basis_points_to_fractions() -> None:
    """One basis point is one part in ten thousand of the notional, per side."""
    costs = Costs(fee_bps=5, slippage_bps=2)
    assert costs.fee == pytest.approx(0.0005)
    assert costs.slippage == pytest.approx(0.0002)
    assert costs.per_side_bps == 7
    assert costs.round_trip == pytest.approx(0.0014)


@pytest.mark.parametrize("bad", [-0.1, 10_001, float("nan"), float("inf")])
def test_costs_refuse_what_is_no_cost(bad: float) -> None:
    """A negative, endless or undefined cost is refused, for the fee and for the slippage."""
    with pytest.raises(ValueError, match="fee_bps"):
        Costs(fee_bps=bad, slippage_bps=0)
    with pytest.raises(ValueError, match="slippage_bps"):
        Costs(fee_bps=0, slippage_bps=bad)
