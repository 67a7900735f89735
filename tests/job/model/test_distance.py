import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from job.model.distance import lorentzian_distance
from job.model.lorentzian import MAX_LOG_SCALE


def sample(num_rows: int, num_features: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Rows as they leave the scaler, within (-3, 3)."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(num_rows, num_features, generator=generator, dtype=torch.float64).clamp(-3, 3)).to(dtype)


def sample_scales(num_features: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Scales on both sides of 1."""
    return sample(1, num_features, seed)[0].exp().to(dtype)


def reference(queries: Tensor, bank: Tensor, scales: Tensor) -> Tensor:
    """The formula, with every difference written out."""
    difference = (queries.double()[:, None, :] - bank.double()[None, :, :]).abs()
    return torch.log1p(scales.double() * difference).mean(dim=2)


def test_lorentzian_distance_by_hand() -> None:
    """Differences 1 and 3 under scales 1 and 2: the mean of log 2 and log 7."""
    distance = lorentzian_distance(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, -3.0]]), torch.tensor([1.0, 2.0]))
    assert distance.item() == pytest.approx((np.log(2) + np.log(7)) / 2, rel=1e-6)


@given(st.integers(1, 30), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_lorentzian_distance_equals_the_formula(num_features: int, seed: int) -> None:
    """The logarithm of a product is the sum of logarithms, for any number of features."""
    queries, bank, scales = (
        sample(5, num_features, seed),
        sample(7, num_features, seed + 1),
        sample_scales(num_features, seed),
    )
    torch.testing.assert_close(lorentzian_distance(queries, bank, scales), reference(queries, bank, scales))


@pytest.mark.parametrize("num_features", [1, 7, 8, 9, 200])
def test_lorentzian_distance_in_float32_stays_close(num_features: int) -> None:
    """Single precision agrees with double to 1e-6 in the distance and 1e-4 in the gradient."""
    queries, bank = sample(20, num_features, 1), sample(30, num_features, 2)
    weight = sample(20, 30, 3)
    wide = sample_scales(num_features, 4).requires_grad_()
    narrow = wide.detach().float().requires_grad_()
    expected = reference(queries, bank, wide)
    distance = lorentzian_distance(queries.float(), bank.float(), narrow)
    torch.testing.assert_close(distance.double(), expected, rtol=0, atol=1e-6)
    (expected * weight).sum().backward()
    (distance * weight.float()).sum().backward()
    torch.testing.assert_close(narrow.grad.double(), wide.grad, rtol=1e-4, atol=1e-4 * float(wide.grad.abs().max()))


@pytest.mark.parametrize("num_features", [1, 8, 11])
def test_lorentzian_distance_gradient_is_right(num_features: int) -> None:
    """The written backward pass agrees with finite differences, ties included."""
    queries, bank = sample(4, num_features, 5), sample(6, num_features, 6)
    bank[0] = queries[0]
    scales = sample_scales(num_features, 7).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: lorentzian_distance(queries, bank, s), (scales,))


def test_lorentzian_distance_of_ties_is_zero() -> None:
    """Equal rows are at distance 0 and pull on no scale."""
    rows = sample(5, 12, 8, torch.float32)
    scales = sample_scales(12, 8, torch.float32).requires_grad_()
    distance = lorentzian_distance(rows, rows, scales)
    assert (distance.diagonal() == 0).all()
    distance.diagonal().sum().backward()
    assert (scales.grad == 0).all()


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_lorentzian_distance_is_a_metric(seed: int) -> None:
    """Symmetric, not negative, and no way round is shorter."""
    rows, scales = sample(8, 9, seed), sample_scales(9, seed)
    distance = lorentzian_distance(rows, rows, scales)
    torch.testing.assert_close(distance, distance.t())
    assert (distance >= 0).all()
    assert (distance[:, None, :] <= distance[:, :, None] + distance[None, :, :] + 1e-12).all()


@pytest.mark.parametrize("log_scale", [-MAX_LOG_SCALE, MAX_LOG_SCALE])
@pytest.mark.parametrize("num_features", [8, 200])
def test_lorentzian_distance_survives_extreme_scales(log_scale: float, num_features: int) -> None:
    """At the largest and smallest scale, and the largest differences, nothing overflows or is lost."""
    scales = torch.full((num_features,), log_scale).exp().requires_grad_()
    queries, bank = torch.full((3, num_features), 3.0), torch.full((2, num_features), -3.0)
    distance = lorentzian_distance(queries, bank, scales)
    distance.sum().backward()
    torch.testing.assert_close(distance.double(), reference(queries, bank, scales.detach()), rtol=1e-4, atol=1e-6)
    expected = 6 * 6 / (1 + 6 * scales.detach().double()) / num_features
    torch.testing.assert_close(scales.grad.double(), expected, rtol=1e-2, atol=0)


@pytest.mark.parametrize(("num_queries", "num_bank"), [(0, 4), (3, 0), (0, 0)])
def test_lorentzian_distance_of_no_rows(num_queries: int, num_bank: int) -> None:
    """Nothing to compare gives an empty matrix, and a gradient of zero."""
    scales = torch.ones(5, requires_grad=True)
    distance = lorentzian_distance(torch.zeros(num_queries, 5), torch.zeros(num_bank, 5), scales)
    assert distance.shape == (num_queries, num_bank)
    distance.sum().backward()
    assert (scales.grad == 0).all()
