import pytest
import torch

from job.model.kernel import nearest
from job.model.kernel.torch_kernel import distances
from tests.support.kernel_cases import make_case


@pytest.mark.parametrize("num_features", [1, 2, 5, 30, 200])
@pytest.mark.parametrize("k", [1, 8, 128])
def test_nearest_equals_brute_force(num_features: int, k: int) -> None:
    """The distances of a full sort in double precision, and rows that have them, on both sides of a tile."""
    case = make_case(30, 1400, num_features)
    found = nearest(case.queries, case.bank, case.scales, k)
    exact = distances(case.queries.double(), case.bank.double(), case.scales.double())
    expected = exact.sort(dim=1).values[:, :k]
    torch.testing.assert_close(found.distance.double(), expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(exact.gather(1, found.row), expected, rtol=0, atol=1e-6)
    assert all(len(set(rows)) == k for rows in found.row.tolist())
    assert (found.distance.diff(dim=1) >= 0).all()


@pytest.mark.parametrize("backend", ["cpu", "torch"])
def test_nearest_of_equals_is_the_lower_row(backend: str) -> None:
    """A bank repeated four times in reverse: of equal rows the lower number comes first, also as the last of k."""
    case = make_case(20, 400, 6)
    bank = torch.cat([case.bank, case.bank.flip(0), case.bank, case.bank.flip(0)])
    found = nearest(case.queries, bank, case.scales, 6, backend=backend)
    once = nearest(case.queries, case.bank, case.scales, 2, backend=backend).row
    for query in range(20):
        near, next_near = (int(row) for row in once[query])
        copies = [near, 799 - near, 800 + near, 1599 - near, next_near, 799 - next_near]
        assert found.row[query].tolist() == copies


def test_nearest_of_itself_is_first() -> None:
    """A bank row asked about is its own nearest, at distance exactly 0."""
    case = make_case(1, 300, 12)
    found = nearest(case.bank, case.bank, case.scales, 3)
    assert found.row[:, 0].tolist() == list(range(300))
    assert (found.distance[:, 0] == 0).all()


def test_nearest_takes_the_whole_bank_in_order() -> None:
    """With k the size of the bank every row is there once, in any order of arrival, whatever the number of threads."""
    case = make_case(9, 70, 4)
    bank = case.bank[distances(case.queries[:1], case.bank, case.scales)[0].argsort(descending=True)]
    found = nearest(case.queries, bank, case.scales, 70)
    assert (found.row.sort(dim=1).values == torch.arange(70)).all()
    threaded = nearest(case.queries, bank, case.scales, 70, num_threads=2)
    assert torch.equal(found.row, threaded.row)
    assert torch.equal(found.distance, threaded.distance)


def test_nearest_survives_extreme_scales() -> None:
    """Where products need splitting, order and distance are still those of double precision."""
    case = make_case(10, 300, 200)
    scales = torch.full((200,), 1e3)
    found = nearest(case.queries, case.bank, scales, 5)
    expected = distances(case.queries.double(), case.bank.double(), scales.double()).sort(dim=1).values[:, :5]
    torch.testing.assert_close(found.distance.double(), expected, rtol=1e-6, atol=0)


def test_nearest_of_no_queries_and_of_too_many_rows() -> None:
    """No queries have no neighbours; more neighbours than rows are refused in words."""
    case = make_case(0, 4, 3)
    assert nearest(case.queries, case.bank, case.scales, 4).row.shape == (0, 4)
    with pytest.raises(ValueError, match="5 nearest rows cannot be found in a bank of 4"):
        nearest(case.queries, case.bank, case.scales, 5)
