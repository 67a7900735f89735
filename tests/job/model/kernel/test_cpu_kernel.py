from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from job.model.kernel import lorentzian_vote
from tests.support.kernel_cases import Case, ask, make_case, make_spans, worst_error

SHAPES = [(64, 256, 71, 0), (40, 1500, 30, 9), (17, 1025, 200, 0), (5, 3, 1, 1), (33, 2049, 2, 32), (20, 300, 7, 200)]


def assert_agrees(case: Case, *, forward: float = 1e-6, backward: float = 1e-5) -> None:
    """The compiled loops say what double precision says."""
    found, found_gradients = ask(case, "cpu")
    expected, expected_gradients = ask(case.to(torch.float64), "torch")
    assert torch.equal(found.has_votes, expected.has_votes)
    is_real = expected.has_votes
    assert worst_error(found.share, expected.share) <= forward
    assert worst_error(found.log_normaliser[is_real], expected.log_normaliser[is_real]) <= forward
    for name, gradient in expected_gradients.items():
        assert worst_error(found_gradients[name], gradient) <= backward, name


@pytest.mark.parametrize("shape", SHAPES)
def test_cpu_vote_equals_double_precision(shape: tuple[int, int, int, int]) -> None:
    """The vote to 1e-6 and every gradient to 1e-5 of its largest value, at sizes on both sides of every tile."""
    *sizes, num_embedded = shape
    assert_agrees(make_case(*sizes, num_embedded=num_embedded))


def test_cpu_vote_takes_any_numbers_as_labels() -> None:
    """Labels may be residuals, of both signs and any size: the vote is their weighted mean, and gradients follow."""
    case = make_case(20, 700, 11, num_embedded=5)
    residuals = torch.randn(700, generator=torch.Generator().manual_seed(2)) * 30 - 4
    assert_agrees(replace(case, labels=residuals))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_cpu_vote_at_a_gate_s_ends(share: float) -> None:
    """A shut gate is a vote without the embedding, an open one a vote by it alone; gradients are there at both."""
    case = make_case(15, 400, 6, num_embedded=8)
    embedding = replace(case.embedding, share=torch.tensor(share))
    case = replace(case, embedding=embedding, temperature=torch.tensor(0.2))
    assert_agrees(case)
    alone = replace(case, embedding=None)
    if share == 1:
        alone = replace(alone, queries=embedding.queries, bank=embedding.bank, scales=torch.ones(8))
    torch.testing.assert_close(ask(case, "cpu")[0].share, ask(alone, "cpu")[0].share, rtol=0, atol=1e-6)


def test_cpu_vote_of_an_embedding_knows_weights_and_spans() -> None:
    """Two groups of features, weights of rows and masked spans, causal or not, all at once."""
    case, spans = make_case(40, 1100, 9, num_embedded=6), make_spans(40, 1100)
    weights = torch.rand(1100, generator=torch.Generator().manual_seed(3)).log()
    for mask in (spans, replace(spans, is_causal=True)):
        # The gate's gradient is the difference of two groups' means, which are nearly equal.
        assert_agrees(replace(case, log_weights=weights, mask=mask), backward=5e-5)


def test_cpu_vote_knows_weights_of_rows() -> None:
    """Log-weights enter the vote, its normaliser and every gradient; a row of weight 0 has no say."""
    case = make_case(20, 300, 12)
    weights = torch.rand(300, generator=torch.Generator().manual_seed(3)).log()
    weights[:10] = -1e30
    assert_agrees(replace(case, log_weights=weights))
    muted = replace(case, log_weights=weights, labels=torch.cat([1 - case.labels[:10], case.labels[10:]]))
    before, after = (ask(c, "cpu")[0].share for c in (replace(case, log_weights=weights), muted))
    assert torch.equal(before, after)


def test_cpu_vote_by_spans_equals_brute_force() -> None:
    """Masking by spans is masking by the matrix of what meets, bit for bit; a mask of less is told apart."""
    case, spans = make_case(40, 1100, 10), make_spans(40, 1100)
    meets = spans.meet()
    assert 0 < int(meets.sum()) < meets.numel()
    by_spans, by_pairs = (ask(replace(case, mask=mask), "cpu") for mask in (spans, meets))
    assert torch.equal(by_spans[0].share, by_pairs[0].share)
    assert torch.equal(by_spans[0].log_normaliser, by_pairs[0].log_normaliser)
    for name, gradient in by_spans[1].items():
        assert torch.equal(gradient, by_pairs[1][name])
    assert_agrees(replace(case, mask=spans))
    less = meets.clone()
    less[tuple(meets.nonzero()[0])] = False
    assert not torch.equal(ask(replace(case, mask=less), "cpu")[0].share, by_spans[0].share)


def test_cpu_vote_gives_no_weight_to_what_meets() -> None:
    """Labels of masked rows can be anything, and a nearest row that is masked pulls on nothing."""
    case, spans = make_case(30, 30, 6), make_spans(30, 30)
    same = replace(spans, query_start_ms=spans.bank_start_ms, query_end_ms=spans.bank_end_ms)
    case = replace(case, queries=case.bank.clone(), mask=same, temperature=torch.tensor(0.01))
    vote, gradients = ask(case, "cpu")
    for query in range(30):
        flipped = torch.where(same.meet()[query], 1 - case.labels, case.labels)
        assert ask(replace(case, labels=flipped), "cpu")[0].share[query] == vote.share[query]
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())
    diagonal = ask(replace(case, mask=torch.eye(30, dtype=torch.bool)), "cpu")[0]
    assert not torch.equal(diagonal.share, vote.share)


def test_cpu_vote_of_nobody_is_told() -> None:
    """A query whose every row is masked has share 0, normaliser -inf, and gradients of zero; the others keep theirs."""
    case = make_case(3, 50, 8)
    mask = torch.zeros(3, 50, dtype=torch.bool)
    mask[1] = True
    vote, gradients = ask(replace(case, mask=mask), "cpu")
    assert vote.has_votes.tolist() == [True, False, True]
    assert vote.share[1] == 0
    assert (gradients["queries"][1] == 0).all()
    assert_agrees(replace(case, mask=mask))
    vote, gradients = ask(replace(case, mask=torch.ones_like(mask)), "cpu")
    assert not vote.has_votes.any()
    assert all((gradient == 0).all() for gradient in gradients.values())


def test_cpu_vote_of_nobody_has_no_gradients_where_distances_are_infinite() -> None:
    """A masked pair counts nothing even if its product overflows."""
    case = make_case(3, 50, 8, num_embedded=2)
    mask = torch.zeros(3, 50, dtype=torch.bool)
    mask[:, 7] = True
    bank = case.bank.clone()
    bank[7] = 1e38
    vote, _ = ask(replace(case, bank=bank, mask=mask), "cpu")
    expected, _ = ask(replace(case, mask=mask), "cpu")
    torch.testing.assert_close(vote.share, expected.share)


def test_cpu_vote_of_equal_rows() -> None:
    """Equal values have distance 0 and pull on nothing there, in every feature and in some."""
    case = make_case(40, 60, 9)
    queries = case.queries.clone()
    queries[:20] = case.bank[:20]
    queries[20:, ::2] = case.bank[20:40, ::2]
    bank = torch.cat([case.bank[:30], case.bank[:30]])
    assert_agrees(replace(case, queries=queries, bank=bank))
    apart = replace(case, queries=queries[:1], bank=queries[:1].expand(60, -1).clone())
    vote, gradients = ask(apart, "cpu")
    assert vote.share.item() == pytest.approx(case.labels.mean().item(), rel=1e-6)
    assert all((gradients[name] == 0).all() for name in ("queries", "bank", "scales"))


def test_cpu_vote_of_one_row() -> None:
    """A bank of one row: its label, and only the normaliser pulls."""
    case = replace(make_case(6, 1, 5), labels=torch.ones(1))
    assert_agrees(case)
    assert (ask(case, "cpu")[0].share == 1).all()


@pytest.mark.parametrize(("num_queries", "num_bank"), [(0, 5), (4, 0), (0, 0)])
@pytest.mark.parametrize("backend", ["cpu", "torch"])
def test_vote_without_rows(backend: str, num_queries: int, num_bank: int) -> None:
    """No queries, no votes; no bank, no votes either; and gradients of zero."""
    vote, gradients = ask(make_case(num_queries, num_bank, 4), backend)
    assert vote.share.shape == (num_queries,)
    assert not vote.has_votes.any()
    assert all((gradient == 0).all() for gradient in gradients.values())


@pytest.mark.parametrize("log_scale", [-6.9, 6.9])
def test_cpu_vote_survives_extreme_scales(log_scale: float) -> None:
    """With 200 features at scales of a thousand and of a thousandth nothing overflows or is lost."""
    case = make_case(10, 300, 200, temperature=0.01 if log_scale < 0 else 0.05)
    assert_agrees(replace(case, scales=torch.full((200,), log_scale).exp()), forward=3e-6, backward=1e-4)


def test_cpu_vote_survives_scales_beyond_its_own() -> None:
    """At a hundred thousand the vote is right; close pairs' gradients lose digits to cancellation, no more."""
    case = replace(make_case(10, 300, 200), scales=torch.full((200,), 1e5))
    assert_agrees(case, forward=1e-5, backward=1e-3)


@pytest.mark.parametrize("temperature", [1e-3, 10.0])
def test_cpu_vote_survives_extreme_temperatures(temperature: float) -> None:
    """From one neighbour's vote to everybody's."""
    assert_agrees(make_case(20, 500, 30, temperature=temperature), forward=2e-4, backward=2e-3)


@pytest.mark.parametrize("place", ["queries", "bank", "scales", "temperature"])
def test_cpu_vote_passes_on_what_is_no_number(place: str) -> None:
    """Not-a-number in an argument is never voted away."""
    case = make_case(3, 40, 8)
    broken = getattr(case, place).clone()
    broken.reshape(-1)[0] = torch.nan
    vote, _ = ask(replace(case, **{place: broken}), "cpu")
    assert vote.share.isnan().any()
    assert place == "queries" or vote.share.isnan().all()


@pytest.mark.parametrize("with_spans", [False, True])
def test_cpu_vote_is_the_same_for_any_threads(with_spans: bool) -> None:
    """Equal bytes from call to call and for 1, 2, 3 and 7 threads."""
    case = make_case(90, 2100, 31, num_embedded=12 if with_spans else 0)
    case = replace(case, mask=make_spans(90, 2100) if with_spans else None)
    first, first_gradients = ask(case, "cpu")
    for num_threads in (1, 2, 3, 7):
        vote, gradients = ask(case, "cpu", num_threads=num_threads)
        assert vote.share.numpy().tobytes() == first.share.numpy().tobytes()
        assert vote.log_normaliser.numpy().tobytes() == first.log_normaliser.numpy().tobytes()
        for name, gradient in gradients.items():
            assert gradient.numpy().tobytes() == first_gradients[name].numpy().tobytes(), name


def test_cpu_vote_computes_only_what_is_asked() -> None:
    """The gradient for scales alone is the one that comes with all others."""
    case = make_case(20, 1100, 7)
    _, expected = ask(case, "cpu")
    scales = case.scales.clone().requires_grad_()
    vote = lorentzian_vote(case.queries, case.bank, case.labels, scales=scales, temperature=case.temperature)
    pull = torch.randn(2, 20, generator=torch.Generator().manual_seed(7))
    (vote.share @ pull[0] + vote.log_normaliser @ pull[1]).backward()
    torch.testing.assert_close(scales.grad, expected["scales"], rtol=1e-5, atol=1e-6 * float(scales.grad.abs().max()))


@pytest.mark.parametrize("asked", [{"embedded bank"}, {"embedded queries", "scales"}, {"queries"}, {"embedded share"}])
def test_cpu_vote_of_an_embedding_computes_only_what_is_asked(asked: set[str]) -> None:
    """Whatever part of the arguments learns, its gradient is the one that comes with all others; the rest have none."""
    case = make_case(20, 1100, 7, num_embedded=5)
    _, expected = ask(case, "cpu")
    learning = case.learning()
    for name, tensor in learning.learned().items():
        tensor.requires_grad_(name in asked)
    vote = learning.vote("cpu")
    pull = torch.randn(2, 20, generator=torch.Generator().manual_seed(7))
    (vote.share @ pull[0] + vote.log_normaliser @ pull[1]).backward()
    for name, tensor in learning.learned().items():
        assert (tensor.grad is not None) == (name in asked)
        if name in asked:
            torch.testing.assert_close(
                tensor.grad, expected[name], rtol=1e-4, atol=1e-5 * float(tensor.grad.abs().max())
            )


def test_cpu_vote_without_gradients_is_the_same() -> None:
    """Bit for bit, though no weights of pairs are kept."""
    case = make_case(20, 1100, 7, num_embedded=5)
    with torch.no_grad():
        found = case.learning().vote("cpu")
    kept = case.learning().vote("cpu")
    assert torch.equal(found.share, kept.share)
    assert torch.equal(found.log_normaliser, kept.log_normaliser)


@given(st.integers(1, 40), st.integers(1, 80), st.integers(1, 20), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_cpu_vote_equals_double_precision_at_any_size(
    num_queries: int, num_bank: int, num_features: int, seed: int
) -> None:
    """The share is right within 1e-5, and between the least label and the greatest."""
    case = make_case(num_queries, num_bank, num_features, seed=seed, temperature=0.2)
    found, expected = ask(case, "cpu")[0], ask(case.to(torch.float64), "torch")[0]
    torch.testing.assert_close(found.share.double(), expected.share, rtol=0, atol=1e-5)
    torch.testing.assert_close(found.log_normaliser.double(), expected.log_normaliser, rtol=0, atol=1e-5)
    assert (found.share >= 0).all() and (found.share <= 1 + 1e-6).all()
