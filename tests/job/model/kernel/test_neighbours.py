from dataclasses import replace

import pytest
import torch

from job.model.kernel import explain, nearest, vote_weights
from tests.support.kernel_cases import distances_of, make_case, make_spans


@pytest.mark.parametrize("num_features", [1, 2, 5, 30, 200])
@pytest.mark.parametrize("k", [1, 8, 128])
def test_nearest_equals_brute_force(num_features: int, k: int) -> None:
    """The distances of a full sort in double precision, and rows that have them, on both sides of a tile."""
    case = make_case(30, 1400, num_features)
    found = nearest(case.queries, case.bank, case.scales, k)
    exact = distances_of(case)
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
    bank = case.bank[distances_of(case)[0].argsort(descending=True)]
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
    expected = distances_of(replace(case, scales=scales)).sort(dim=1).values[:, :5]
    torch.testing.assert_close(found.distance.double(), expected, rtol=1e-6, atol=0)


def test_nearest_of_no_queries_and_of_too_many_rows() -> None:
    """No queries have no neighbours; more neighbours than rows are refused in words."""
    case = make_case(0, 4, 3)
    assert nearest(case.queries, case.bank, case.scales, 4).row.shape == (0, 4)
    with pytest.raises(ValueError, match="5 nearest rows cannot be found in a bank of 4"):
        nearest(case.queries, case.bank, case.scales, 5)


@pytest.mark.parametrize("backend", ["cpu", "chunked"])
def test_nearest_of_an_embedding_equals_brute_force(backend: str) -> None:
    """Distances are those of both groups together, in double precision's order."""
    case = make_case(20, 1400, 9, num_embedded=14)
    found = nearest(case.queries, case.bank, case.scales, 8, embedding=case.embedding, backend=backend, num_threads=2)
    expected = distances_of(case).sort(dim=1).values[:, :8]
    torch.testing.assert_close(found.distance.double(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("backend", ["cpu", "chunked"])
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_nearest_passes_over_what_is_masked(backend: str, scale: float) -> None:
    """No masked row is among the nearest; past the last that is not, distances are infinite."""
    case, spans = make_case(20, 1100, 200), make_spans(20, 1100)
    scales, meets = case.scales * scale, spans.meet()
    found = nearest(case.queries, case.bank, scales, 8, mask=spans, backend=backend)
    expected = distances_of(replace(case, scales=scales)).masked_fill(meets, torch.inf).sort(dim=1).values[:, :8]
    assert not meets.gather(1, found.row).any()
    torch.testing.assert_close(found.distance.double(), expected, rtol=1e-6, atol=1e-6)
    few = torch.ones(20, 1100, dtype=torch.bool)
    few[:, 700:703] = False
    found = nearest(case.queries, case.bank, scales, 5, mask=few, backend=backend)
    assert (found.row[:, :3].sort(dim=1).values == torch.arange(700, 703)).all()
    assert found.distance.isinf().tolist() == [[False, False, False, True, True]] * 20


@pytest.mark.parametrize("backend", ["cpu", "chunked", "torch"])
@pytest.mark.parametrize("num_embedded", [0, 5])
def test_vote_weights_make_the_vote(backend: str, num_embedded: int) -> None:
    """Weights of a query sum to 1, make its share, and are 0 where masked; a query without votes has none."""
    case = make_case(20, 1100, 9, num_embedded=num_embedded)
    mask = make_spans(20, 1100).meet()
    mask[3] = True
    case = replace(case, mask=mask, log_weights=torch.rand(1100, generator=torch.Generator().manual_seed(3)).log())
    weights = vote_weights(
        case.queries, case.bank, scales=case.scales, temperature=case.temperature, embedding=case.embedding,
        log_weights=case.log_weights, mask=mask, backend=backend,
    )  # fmt: skip
    torch.testing.assert_close(weights @ case.labels, case.vote(backend).share, rtol=0, atol=1e-5)
    total = torch.ones(20)
    total[3] = 0
    torch.testing.assert_close(weights.sum(dim=1), total, rtol=0, atol=1e-5)
    assert (weights[mask] == 0).all()


def test_explain_tells_the_heaviest_rows() -> None:
    """One feature, two rows of three equally near: halves of the vote, two effective rows, in the order of the bank."""
    told = explain(
        torch.zeros(1, 1), torch.tensor([[1e6], [1.0], [-1.0]]), 2, scales=torch.ones(1), temperature=torch.tensor(0.05)
    )
    assert told.row.tolist() == [[1, 2]]
    assert told.weight[0].tolist() == pytest.approx([0.5, 0.5])
    assert told.num_effective.item() == pytest.approx(2)


def test_explain_of_a_query_without_votes_is_empty() -> None:
    """Nobody voted: weights and the effective number of rows are 0, and a broken row is not hidden by that."""
    case = make_case(2, 30, 4)
    mask = torch.zeros(2, 30, dtype=torch.bool)
    mask[0] = True
    arguments = {"scales": case.scales, "temperature": case.temperature, "mask": mask}
    told = explain(case.queries, case.bank, 3, **arguments)
    assert told.num_effective[0] == 0
    assert (told.weight[0] == 0).all()
    assert told.num_effective[1] > 1
    assert explain(case.queries * torch.nan, case.bank, 3, **arguments).num_effective[1].isnan()
