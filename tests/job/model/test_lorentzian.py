import numpy as np
import pytest
import torch
from torch import Tensor

from job.labels import fixed_labels
from job.model.distance import lorentzian_distance
from job.model.fit import TrainingBank
from job.model.lorentzian import NEIGHBOURS_AT_START, LorentzianNCA, effective_neighbours, vote_weights
from job.model.scaling import RobustScaler
from job.rows import LabelledRows
from tests.support.klines import random_klines
from tests.support.labelled import BAR_MS


def sample(num_rows: int, num_features: int, seed: int) -> Tensor:
    """Standard normal rows."""
    return torch.randn(num_rows, num_features, generator=torch.Generator().manual_seed(seed))


def sample_up(num_rows: int, seed: int) -> Tensor:
    """Coin flips."""
    return (torch.rand(num_rows, generator=torch.Generator().manual_seed(seed)) < 0.5).float()


def test_forward_equals_the_written_formula() -> None:
    """The logit is the mixed kernel vote plus the linear skip, with weights prod (1 + s|d|)^(-1 / (F tau))."""
    network = LorentzianNCA(3, prior=0.4)
    with torch.no_grad():
        network.log_scales.copy_(torch.tensor([0.5, -0.3, 1.0]))
        network.log_temperature.fill_(-2.0)
        network.prior_logit_share.fill_(-1.0)
        network.skip.copy_(torch.tensor([0.2, 0.0, -0.1]))
    queries, bank, up = sample(4, 3, 0), sample(20, 3, 1), sample_up(20, 2)
    x, b = queries.double().numpy(), bank.double().numpy()
    scales, temperature, share = np.exp([0.5, -0.3, 1.0]), np.exp(-2.0), 1 / (1 + np.exp(1.0))
    kernel = np.prod(1 + scales * np.abs(x[:, None] - b[None]), axis=2) ** (-1 / (3 * temperature))
    vote = kernel @ up.double().numpy() / kernel.sum(axis=1)
    mixed = (1 - share) * vote + share * 0.4
    expected = np.log(mixed / (1 - mixed)) + x @ [0.2, 0.0, -0.1]
    logit = network(queries, bank, up).detach().numpy()
    np.testing.assert_allclose(logit, expected, rtol=1e-4)


def test_forward_of_a_fully_masked_query_is_the_prior() -> None:
    """A query that no row may answer gets exactly the prior, and every gradient stays finite."""
    network = LorentzianNCA(4, prior=0.37)
    queries, bank, up = sample(3, 4, 0), sample(30, 4, 1), sample_up(30, 2)
    mask = torch.zeros(3, 30, dtype=torch.bool)
    mask[1] = True
    logit = network(queries, bank, up, mask)
    assert torch.sigmoid(logit[1]).item() == pytest.approx(0.37, abs=1e-6)
    logit.sum().backward()
    for parameter in network.parameters():
        assert torch.isfinite(parameter.grad).all()
    network.zero_grad()
    network(queries, bank, up, torch.ones_like(mask)).sum().backward()
    assert (network.log_scales.grad == 0).all()
    assert (network.log_temperature.grad == 0).all()


def test_forward_nests_logistic_regression() -> None:
    """With the whole weight on the prior, the logit is the prior's plus a linear form."""
    network = LorentzianNCA(5, prior=0.6)
    with torch.no_grad():
        network.prior_logit_share.fill_(40.0)
        network.skip.copy_(torch.arange(5.0))
    queries = sample(6, 5, 3)
    logit = network(queries, sample(10, 5, 4), sample_up(10, 5))
    torch.testing.assert_close(logit.detach(), np.log(0.6 / 0.4) + queries @ torch.arange(5.0))


def test_forward_survives_extremes() -> None:
    """At both ends of scales and temperature, certain votes included, logit and gradients are finite."""
    for log_scale, log_temperature in [(50.0, -50.0), (-50.0, 50.0), (50.0, 50.0), (-50.0, -50.0)]:
        network = LorentzianNCA(9, prior=0.5)
        with torch.no_grad():
            network.log_scales.fill_(log_scale)
            network.log_temperature.fill_(log_temperature)
            network.prior_logit_share.fill_(-50.0)
        logit = network(sample(5, 9, 0), sample(40, 9, 1), torch.ones(40))
        logit.sum().backward()
        assert torch.isfinite(logit).all()
        assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


def test_vote_weights_are_a_distribution_over_the_unmasked() -> None:
    """Weights sum to one, nearer rows weigh more, masked ones exactly nothing, whatever their distance."""
    distance = torch.tensor([[0.0, 1.0, 2.0, 3.0]])
    mask = torch.tensor([[True, False, False, True]])
    weights = vote_weights(distance, torch.tensor(0.5), mask)
    assert (weights[mask] == 0).all()
    assert weights.sum().item() == pytest.approx(1)
    assert weights[0, 1] / weights[0, 2] == pytest.approx(np.exp(2), rel=1e-5)
    torch.testing.assert_close(vote_weights(distance, torch.tensor(0.5), None), torch.softmax(-2 * distance, dim=1))


def test_effective_neighbours_counts_equal_weights() -> None:
    """Ten equal weights count ten; one weight counts one."""
    assert effective_neighbours(torch.full((1, 10), 0.1)).item() == pytest.approx(10)
    assert effective_neighbours(torch.tensor([[1.0, 0.0]])).item() == 1


@pytest.mark.parametrize("num_features", [3, 40])
@pytest.mark.parametrize("num_rows", [300, 2000])
def test_start_temperature_counts_fifty_neighbours(num_features: int, num_rows: int) -> None:
    """The untrained median query effectively counts 50 rows, whatever the number of rows and features."""
    network = LorentzianNCA(num_features, prior=0.5)
    queries, bank = sample(100, num_features, 0), sample(num_rows, num_features, 1)
    mask = torch.zeros(100, num_rows, dtype=torch.bool)
    mask[:, :10] = True
    network.start_temperature(queries, bank, mask)
    with torch.no_grad():
        weights = vote_weights(lorentzian_distance(queries, bank, network.scales), network.temperature, mask)
    assert effective_neighbours(weights).median().item() == pytest.approx(NEIGHBOURS_AT_START, rel=0.02)


def walk_rows(horizon_bars: int, seed: int) -> LabelledRows:
    """A random walk's bars, with features of the recent past and forward labels: nothing can be forecast."""
    klines = random_klines(900, "1h", seed=seed)
    log_close = np.log(klines.close)
    past = [log_close[96:] - log_close[96 - back : -back] for back in (12, 24, 48, 96)]
    labels = fixed_labels(klines, horizon_bars=horizon_bars)
    rows = LabelledRows(
        open_time=klines.open_time[96:],
        decision_ms=klines.available_at[96:],
        features=np.stack(past, axis=1).astype(np.float32),
        up=labels.up[96:],
        label_end_ms=labels.end_ms[96:],
    )
    return rows.select(np.isfinite(rows.up))


def left_out_accuracy(rows: LabelledRows, mask_of: str) -> float:
    """Share of rows whose own label is told by the vote of the others."""
    bank = TrainingBank.of(rows, RobustScaler.fit(rows.features), torch.device("cpu"))
    everyone = torch.arange(len(bank))
    mask = bank.overlap(everyone, everyone) if mask_of == "band" else torch.eye(len(bank), dtype=torch.bool)
    with torch.no_grad():
        distance = lorentzian_distance(bank.features, bank.features, torch.ones(bank.features.shape[1]))
        weights = vote_weights(distance, torch.tensor(0.05), mask)
    assert (weights[mask] == 0).all()
    return float((((weights @ bank.up) > 0.5) == (bank.up > 0.5)).double().mean())


@pytest.mark.parametrize("horizon_bars", [12, 24])
def test_band_mask_stops_the_vote_from_seeing_its_own_label(horizon_bars: int) -> None:
    """On random walks, leaving only the row itself out looks like skill; leaving its label's overlap out does not."""
    walks = [walk_rows(horizon_bars, seed) for seed in range(6)]
    assert np.mean([left_out_accuracy(rows, "diagonal") for rows in walks]) > 0.6
    assert np.mean([left_out_accuracy(rows, "band") for rows in walks]) == pytest.approx(0.5, abs=0.05)


def test_overlap_is_exact_and_symmetric() -> None:
    """Two rows overlap where their label intervals share a moment: the row itself, and h bars to both sides."""
    rows = walk_rows(5, 0)
    bank = TrainingBank.of(rows, RobustScaler.fit(rows.features), torch.device("cpu"))
    everyone = torch.arange(len(bank))
    overlap = bank.overlap(everyone, everyone)
    apart = torch.from_numpy(np.abs(rows.decision_ms[:, None] - rows.decision_ms[None, :]) // BAR_MS)
    assert torch.equal(overlap, apart <= 5)
    some, others = torch.tensor([7, 3]), torch.tensor([9, 200, 4])
    assert torch.equal(bank.overlap(some, others), overlap[some][:, others])
