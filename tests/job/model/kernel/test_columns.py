import gc
import weakref

import pytest
import torch

from job.model.kernel import columns, lay_out_once
from job.model.kernel.columns import Columns
from job.model.kernel.pairs import Embedding, Pairs

GENERATOR = torch.Generator().manual_seed(4)
BANK, QUERIES = (torch.randn(num_rows, 71, generator=GENERATOR) for num_rows in (50, 3))
SCALES = torch.rand(2, 71, generator=GENERATOR) * 1e3


def laid_out(bank: torch.Tensor, member: int, *, embedding: Embedding | None = None) -> Columns:
    """A bank with a member's scales, and what is asked of it."""
    return Columns.of(Pairs(queries=QUERIES, bank=bank, scales=SCALES[member], embedding=embedding))


def test_bank_that_is_laid_out_once_is_laid_out_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """For each member's scales once, the same bits, also beside an embedding; any other bank for every question."""
    constant, made = lay_out_once(BANK.clone()), []
    embedding = Embedding(queries=QUERIES[:, :4], bank=BANK[:, :4], share=torch.tensor(0.1))
    largest = columns._largest

    def counted(values: torch.Tensor, *, dim: int) -> object:
        made.append(dim)
        return largest(values, dim=dim)

    monkeypatch.setattr(columns, "_largest", counted)
    for _ in range(2):
        for member in (0, 1):
            for beside in (None, embedding):
                known, expected = (laid_out(bank, member, embedding=beside) for bank in (constant, BANK))
                assert torch.equal(known.bank, expected.bank)
                assert torch.equal(known.queries, expected.queries)
                assert known.ends.tolist() == expected.ends.tolist()
                assert known.is_split.any() and known.is_split.tolist() == expected.is_split.tolist()
    num_banks = made.count(1)
    num_embedded = 2 * 2 * 2  # which both lay out anew
    assert num_banks == 2 + 2 * 2 * 2 + num_embedded
    assert laid_out(constant, 0).bank is laid_out(constant, 0).bank


def test_layouts_go_with_their_bank() -> None:
    """Nothing is kept of a bank that nobody has any more."""
    bank = lay_out_once(BANK.clone())
    rows = weakref.ref(laid_out(bank, 0).bank)
    assert rows() is not None
    del bank
    gc.collect()
    assert rows() is None
