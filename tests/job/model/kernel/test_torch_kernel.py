import pytest
import torch

from job.model.kernel import LabelSpans, lorentzian_vote
from tests.support.kernel_cases import make_case, make_spans


@pytest.mark.parametrize("is_masked", [False, True])
def test_torch_vote_gradients_are_right(is_masked: bool) -> None:
    """Autograd agrees with finite differences in queries, bank, scales and temperature, a query without votes too."""
    case = make_case(4, 6, 3, temperature=0.3).to(torch.float64)
    mask = torch.rand(4, 6, generator=torch.Generator().manual_seed(1)) < 0.3 if is_masked else None
    if mask is not None:
        mask[0] = True
    inputs = tuple(t.clone().requires_grad_() for t in (case.queries, case.bank, case.scales, case.temperature))

    def outputs(queries, bank, scales, temperature):
        vote = lorentzian_vote(queries, bank, case.labels, scales=scales, temperature=temperature, mask=mask)
        return vote.share, vote.log_normaliser.masked_fill(~vote.has_votes, 0.0)

    assert torch.autograd.gradcheck(outputs, inputs)


def test_torch_vote_by_hand() -> None:
    """One feature, differences 1 and 3, temperature 1: weights 1/2 and 1/4, the second twice as heavy."""
    vote = lorentzian_vote(
        torch.zeros(1, 1), torch.tensor([[1.0], [-3.0]]), torch.tensor([1.0, 0.0]), scales=torch.ones(1),
        temperature=torch.tensor(1.0), log_weights=torch.tensor([1.0, 2.0]).log(), backend="torch",
    )  # fmt: skip
    assert vote.share.item() == pytest.approx(0.5, rel=1e-6)
    assert vote.log_normaliser.item() == pytest.approx(0.0, abs=1e-6)


def test_spans_that_share_a_moment_meet() -> None:
    """Both ends belong to a span; one before, one after and one that only touches, each way."""
    query = torch.tensor([100])
    spans = LabelSpans(
        query_start_ms=query,
        query_end_ms=query + 10,
        bank_start_ms=torch.tensor([80, 90, 110, 111, 104, 0]),
        bank_end_ms=torch.tensor([99, 100, 120, 120, 105, 900]),
    )
    assert spans.meet().tolist() == [[False, True, True, False, True, True]]


def test_spans_mask_more_than_the_row_itself() -> None:
    """A row meets itself and its neighbours in time: a mask of the diagonal alone would be another."""
    spans = make_spans(50, 50)
    same = LabelSpans(
        query_start_ms=spans.bank_start_ms,
        query_end_ms=spans.bank_end_ms,
        bank_start_ms=spans.bank_start_ms,
        bank_end_ms=spans.bank_end_ms,
    )
    assert same.meet().diagonal().all()
    assert same.meet().sum() > 2 * 50
    assert torch.equal(same.meet(), same.meet().t())
