from dataclasses import replace

import pytest
import torch

from job.model.kernel import lorentzian_vote, nearest, torch_kernel
from tests.support.kernel_cases import ask, make_case, worst_error


@pytest.mark.parametrize("num_embedded", [0, 2])
@pytest.mark.parametrize("is_masked", [False, True])
@pytest.mark.parametrize("backend", ["torch", "chunked"])
def test_torch_vote_gradients_are_right(
    backend: str, is_masked: bool, num_embedded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradients agree with finite differences in every argument that learns, with a query without votes too."""
    monkeypatch.setattr(torch_kernel, "CHUNK", 2 * 4 * 6)
    case = make_case(4, 6, 3, num_embedded=num_embedded, temperature=0.3).to(torch.float64)
    if is_masked:
        mask = torch.rand(4, 6, generator=torch.Generator().manual_seed(1)) < 0.3
        mask[0] = True
        case = replace(case, mask=mask)
    learning = case.learning()

    def outputs(*_: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        vote = learning.vote(backend)
        return vote.share, vote.log_normaliser.masked_fill(~vote.has_votes, 0.0)

    assert torch.autograd.gradcheck(outputs, tuple(learning.learned().values()))


@pytest.mark.parametrize("num_features", [1, 5, 33])
def test_chunked_vote_equals_the_formula(num_features: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few features are in work at once, the vote and its gradients are those of the formula."""
    case = make_case(12, 90, num_features, num_embedded=4).to(torch.float64)
    expected, expected_gradients = ask(case, "torch")
    for chunk in (1, 3 * 12 * 90, 1 << 24):
        monkeypatch.setattr(torch_kernel, "CHUNK", chunk)
        found, gradients = ask(case, "chunked")
        torch.testing.assert_close(found.share, expected.share)
        torch.testing.assert_close(found.log_normaliser, expected.log_normaliser)
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, expected_gradients[name])


def test_chunked_vote_keeps_few_numbers() -> None:
    """What the graph keeps for the backward pass is of the order of the pairs, not of pairs times features."""
    case, kept = make_case(32, 128, 50).learning(), []
    with torch.autograd.graph.saved_tensors_hooks(lambda part: kept.append(part.numel()) or part, lambda part: part):
        case.vote("chunked")
        assert max(kept) <= max(32 * 128, 128 * 50)
        kept.clear()
        case.vote("torch")
        assert max(kept) >= 32 * 128 * 50


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("num_embedded", [0, 16])
def test_cuda_vote_equals_double_precision(num_embedded: int) -> None:
    """On a GPU, in float32: the vote to 1e-5 and every gradient to 1e-4 of its largest value."""
    case = make_case(64, 700, 30, num_embedded=num_embedded)
    expected, expected_gradients = ask(case.to(torch.float64), "torch")
    found, gradients = ask(case.on("cuda"), "auto")
    assert worst_error(found.share.cpu(), expected.share) <= 1e-5
    for name, gradient in gradients.items():
        assert worst_error(gradient.cpu(), expected_gradients[name]) <= 1e-4, name


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_nearest_equals_the_cpu() -> None:
    """On a GPU the nearest rows have the distances that the CPU finds."""
    case = make_case(64, 700, 30)
    there = case.on("cuda")
    found = nearest(there.queries, there.bank, there.scales, 8)
    expected = nearest(case.queries, case.bank, case.scales, 8)
    torch.testing.assert_close(found.distance.cpu(), expected.distance, rtol=0, atol=1e-5)


def test_torch_vote_by_hand() -> None:
    """One feature, differences 1 and 3, temperature 1: weights 1/2 and 1/4, the second twice as heavy."""
    vote = lorentzian_vote(
        torch.zeros(1, 1), torch.tensor([[1.0], [-3.0]]), torch.tensor([1.0, 0.0]), scales=torch.ones(1),
        temperature=torch.tensor(1.0), log_weights=torch.tensor([1.0, 2.0]).log(), backend="torch",
    )  # fmt: skip
    assert vote.share.item() == pytest.approx(0.5, rel=1e-6)
    assert vote.log_normaliser.item() == pytest.approx(0.0, abs=1e-6)
