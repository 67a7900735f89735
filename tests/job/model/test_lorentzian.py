import numpy as np
import pytest
import torch
from torch import Tensor

from job.labels import fixed_labels
from job.model.bank import TrainingBank
from job.model.encoder import EncoderShape, ResidualEncoder
from job.model.line import Line
from job.model.lorentzian import LorentzianNCA, effective_neighbours
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


def make_line(num_features: int) -> Line:
    """A line with the slopes 0, 1, 2 ... tenths."""
    return Line(slope=np.arange(num_features) / 10, level=-0.2)


def test_forward_equals_the_written_formula() -> None:
    """The logit is the line's and what the mixed vote adds, with weights v prod (1 + s|d|)^(-1 / (F tau))."""
    network = LorentzianNCA(3, prior=0.4, line=make_line(3))
    with torch.no_grad():
        network.log_scales.copy_(torch.tensor([[0.5, -0.3, 1.0]]))
        network.log_temperature.fill_(-2.0)
        network.prior_logit_share.fill_(-1.0)
    queries, bank, up = sample(4, 3, 0), sample(20, 3, 1), sample_up(20, 2)
    log_weights = sample(20, 1, 5)[:, 0]
    x, b = queries.double().numpy(), bank.double().numpy()
    scales, temperature, share = np.exp([0.5, -0.3, 1.0]), np.exp(-2.0), 1 / (1 + np.exp(1.0))
    kernel = np.prod(1 + scales * np.abs(x[:, None] - b[None]), axis=2) ** (-1 / (3 * temperature))
    kernel *= np.exp(log_weights.double().numpy())
    vote = kernel @ up.double().numpy() / kernel.sum(axis=1)
    mixed = (1 - share) * vote + share * 0.4
    expected = x @ [0.0, 0.1, 0.2] - 0.2 + np.log(mixed / (1 - mixed)) - np.log(0.4 / 0.6)
    logit = network(queries, bank, up, log_weights=log_weights).detach().numpy()
    np.testing.assert_allclose(logit, expected, rtol=1e-4)
    weights = network.weights(queries, bank, log_weights=log_weights).numpy()
    np.testing.assert_allclose(weights, kernel / kernel.sum(axis=1, keepdims=True), rtol=1e-4)


def test_forward_of_a_fully_masked_query_is_the_line() -> None:
    """A query that no row may answer gets exactly the line's forecast, and every gradient stays finite."""
    network = LorentzianNCA(4, prior=0.37, line=make_line(4))
    queries, bank, up = sample(3, 4, 0), sample(30, 4, 1), sample_up(30, 2)
    mask = torch.zeros(3, 30, dtype=torch.bool)
    mask[1] = True
    logit = network(queries, bank, up, mask)
    torch.testing.assert_close(logit[1].detach(), network.line(queries)[1])
    logit.sum().backward()
    for parameter in network.parameters():
        assert torch.isfinite(parameter.grad).all()
    network.zero_grad()
    network(queries, bank, up, torch.ones_like(mask)).sum().backward()
    assert (network.log_scales.grad == 0).all()
    assert (network.log_temperature.grad == 0).all()


def test_forward_nests_the_line() -> None:
    """With the whole say for the prior, the forecast is the line's; without a line, the prior."""
    network, lineless = LorentzianNCA(5, prior=0.6, line=make_line(5)), LorentzianNCA(5, prior=0.6)
    with torch.no_grad():
        network.prior_logit_share.fill_(40.0)
        lineless.prior_logit_share.fill_(40.0)
    queries, bank, up = sample(6, 5, 3), sample(10, 5, 4), sample_up(10, 5)
    torch.testing.assert_close(network(queries, bank, up).detach(), queries @ (torch.arange(5.0) / 10) - 0.2)
    torch.testing.assert_close(torch.sigmoid(lineless(queries, bank, up)).detach(), torch.full((6,), 0.6))


def test_untrained_model_is_the_line_until_it_may_vote() -> None:
    """Nothing but the line speaks before training; then half of the say is the vote's, and what was learned stays."""
    network = LorentzianNCA(5, prior=0.6, line=make_line(5), num_members=2)
    queries, bank, up = sample(6, 5, 3), sample(10, 5, 4), sample_up(10, 5)
    torch.testing.assert_close(network.probability(queries, bank, up), torch.sigmoid(network.line(queries)))
    with torch.no_grad():
        network.prior_logit_share[1] = -3.0
    network.let_vote()
    assert network.prior_logit_share.tolist() == [0.0, -3.0]


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


def test_probability_is_the_mean_of_the_members() -> None:
    """Each member has scales and a temperature of its own; probabilities are averaged, not logits."""
    network = LorentzianNCA(3, prior=0.5, num_members=2)
    network.let_vote()
    with torch.no_grad():
        network.log_scales.copy_(torch.tensor([[0.0, 3.0, -3.0], [3.0, -3.0, 0.0]]))
        network.log_temperature.copy_(torch.tensor([-3.0, -1.0]))
    queries, bank, up = sample(6, 3, 3), sample(50, 3, 4), sample_up(50, 5)
    each = [torch.sigmoid(network(queries, bank, up, member=member)) for member in (0, 1)]
    assert not torch.allclose(*each, atol=0.01)
    torch.testing.assert_close(network.probability(queries, bank, up), (each[0] + each[1]) / 2)


def test_encoder_takes_its_share_of_the_distance() -> None:
    """With the gate shut the encoder changes nothing; open, weights follow the embedding's distance alone."""
    encoder = ResidualEncoder(4, num_members=1, generator=torch.Generator().manual_seed(0))
    network, plain = LorentzianNCA(4, prior=0.5, encoder=encoder).eval(), LorentzianNCA(4, prior=0.5)
    queries, bank = sample(5, 4, 0), sample(40, 4, 1)
    with torch.no_grad():
        network.gate_logit.fill_(-40.0)
    torch.testing.assert_close(network.weights(queries, bank), plain.weights(queries, bank))
    with torch.no_grad():
        network.gate_logit.fill_(40.0)
        apart = (encoder(queries, 0)[:, None] - encoder(bank, 0)[None]).abs()
        expected = torch.softmax(-torch.log1p(apart).mean(dim=2), dim=1)
    torch.testing.assert_close(network.weights(queries, bank), expected, rtol=1e-4, atol=1e-6)


def test_effective_neighbours_counts_equal_weights() -> None:
    """Ten equal weights count ten; one weight counts one."""
    assert effective_neighbours(torch.full((1, 10), 0.1)).item() == pytest.approx(10)
    assert effective_neighbours(torch.tensor([[1.0, 0.0]])).item() == 1


@pytest.mark.parametrize("num_features", [3, 40])
@pytest.mark.parametrize("num_rows", [300, 2000])
def test_start_temperature_counts_the_neighbours_of_each_member(num_features: int, num_rows: int) -> None:
    """The untrained median query effectively counts 50, 20 and 150 rows, whatever the number of rows and features."""
    network = LorentzianNCA(num_features, prior=0.5, num_members=3)
    queries, bank = sample(100, num_features, 0), sample(num_rows, num_features, 1)
    mask = torch.zeros(100, num_rows, dtype=torch.bool)
    mask[:, :10] = True
    mask[0] = True  # a query that nobody may answer is no reason to stop
    for neighbours, wanted in ((50, (50, 20, 150)), (20, (20, 8, 60))):
        network.start_temperature(queries, bank, mask, neighbours=neighbours)
        for member, count in enumerate(wanted):
            weights = network.weights(queries[1:], bank, mask[1:], member=member)
            assert effective_neighbours(weights).median().item() == pytest.approx(count, rel=0.03)


def test_correction_moves_the_odds_alone() -> None:
    """A vote that learned under a prior of a half forecasts, corrected to a quarter, a third of its odds."""
    network = LorentzianNCA(3, prior=0.5, line=make_line(3), num_members=2)
    network.let_vote()
    queries, bank, up = sample(5, 3, 0), sample(40, 3, 1), sample_up(40, 2)
    before = network.probability(queries, bank, up)
    logits = torch.stack([network(queries, bank, up, member=member) for member in (0, 1)])
    network.correct_prior(0.25)
    after = network.probability(queries, bank, up)
    torch.testing.assert_close(after, torch.sigmoid(logits - np.log(3)).mean(dim=0))
    assert (after < before).all()
    torch.testing.assert_close(network(queries, bank, up), logits[0])  # what is trained does not know of it


def test_nearest_is_measured_with_learned_scales() -> None:
    """A feature whose scale has fallen counts for nothing, and a masked row is not found."""
    network = LorentzianNCA(2, prior=0.5)
    with torch.no_grad():
        network.log_scales.copy_(torch.tensor([[0.0, -6.9]]))
    bank = torch.tensor([[0.0, 5.0], [1.0, 0.0], [2.0, 0.0]])
    found = network.nearest(torch.zeros(1, 2), bank, 2)
    assert found.row.tolist() == [[0, 1]]
    assert found.distance[0, 1].item() == pytest.approx(np.log(2) / 2)
    assert network.nearest(torch.zeros(1, 2), bank, 1, torch.tensor([[True, False, False]])).row.tolist() == [[1]]


@pytest.mark.parametrize("shape", [None, EncoderShape(embedded=4, hidden=8, num_blocks=2), EncoderShape(num_blocks=0)])
def test_network_is_rebuilt_from_its_state_alone(shape: EncoderShape | None) -> None:
    """Members, features and every size of the encoder follow from the shapes; forecasts are equal to the bit."""
    generator = torch.Generator().manual_seed(1)
    encoder = shape and ResidualEncoder(3, num_members=2, generator=generator, shape=shape)
    network = LorentzianNCA(3, prior=0.4, line=make_line(3), num_members=2, encoder=encoder).eval()
    network.let_vote()
    network.correct_prior(0.3)
    rebuilt = LorentzianNCA.from_state(network.state_dict())
    queries, bank, up = sample(5, 3, 0), sample(40, 3, 1), sample_up(40, 2)
    assert torch.equal(rebuilt.probability(queries, bank, up), network.probability(queries, bank, up))
    older = {name: value for name, value in network.state_dict().items() if name != "correction"}
    assert LorentzianNCA.from_state(older).correction == 0


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
    mask = bank.overlap(everyone, everyone).meet() if mask_of == "band" else torch.eye(len(bank), dtype=torch.bool)
    network = LorentzianNCA(bank.features.shape[1], prior=0.5)
    with torch.no_grad():
        network.log_temperature.fill_(np.log(0.05))
    weights = network.weights(bank.features, bank.features, mask)
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
    overlap = bank.overlap(everyone, everyone).meet()
    apart = torch.from_numpy(np.abs(rows.decision_ms[:, None] - rows.decision_ms[None, :]) // BAR_MS)
    assert torch.equal(overlap, apart <= 5)
    some, others = torch.tensor([7, 3]), torch.tensor([9, 200, 4])
    assert torch.equal(bank.overlap(some, others).meet(), overlap[some][:, others])
