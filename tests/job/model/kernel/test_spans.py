from dataclasses import replace

import torch

from job.model.kernel import LabelSpans
from tests.support.kernel_cases import ask, make_case, make_spans


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


def test_causal_spans_meet_all_that_had_not_ended() -> None:
    """A row votes only if its label ended before the query's decision: rows of the future and of the present do not."""
    spans = LabelSpans(
        query_start_ms=torch.tensor([100]),
        query_end_ms=torch.tensor([110]),
        bank_start_ms=torch.tensor([80, 90, 111, 500]),
        bank_end_ms=torch.tensor([99, 100, 120, 510]),
        is_causal=True,
    )
    assert spans.meet().tolist() == [[False, True, True, True]]
    assert replace(spans, is_causal=False).meet().tolist() == [[False, True, False, False]]


def test_vote_under_causal_spans_is_blind_to_the_future() -> None:
    """Labels of rows that had not ended cannot change a vote, on any backend; without the rule they do."""
    case = make_case(12, 200, 5)
    spans = replace(make_spans(12, 200), is_causal=True)
    future = spans.meet()
    for backend in ("cpu", "chunked", "torch"):
        for query in range(12):
            flipped = replace(case, labels=torch.where(future[query], 1 - case.labels, case.labels))
            before, after = (ask(replace(c, mask=spans), backend)[0].share[query] for c in (case, flipped))
            assert before == after
        open_spans = replace(spans, is_causal=False)
        assert not torch.equal(
            ask(replace(case, mask=open_spans), backend)[0].share, ask(replace(case, mask=spans), backend)[0].share
        )
