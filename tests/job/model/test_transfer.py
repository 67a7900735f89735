"""Tests of what the vote learns from other markets."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from job.errors import NoDataError
from job.model.classifier import mean_log_loss
from job.model.encoder import EncoderShape, ResidualEncoder
from job.model.fit import LorentzianLearner
from job.model.lorentzian import LorentzianNCA
from job.model.transfer import Peers, PooledLearner, TransferLearner, known_in_time
from job.rows import LabelledRows
from job.settings.procedure import ModelSettings
from tests.support.labelled import BAR_MS, intervals_meet, make_rows, random_rows
from tests.support.toy_worlds import make_world

OF_DISTANCE = ("log_scales", "gate_logit", "encoder.")
CPU = torch.device("cpu")
SETTINGS = ModelSettings(epochs=1, lr=0.01)
FIT_ROWS = 100
FIT, VALIDATION = random_rows(FIT_ROWS, strength=1.0), random_rows(60, strength=1.0, seed=1, first_bar=FIT_ROWS + 5)
PEERS = {"BTCUSDT": random_rows(150, strength=1.0, seed=2), "ETHUSDT": random_rows(150, strength=1.0, seed=3)}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Small arrays are fastest on one thread, and a busy machine stays fair."""
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield


def forecast(kind: type[TransferLearner | PooledLearner], peers: Peers) -> bytes:
    """Forecasts of the validation, by the fit of a block and by the refit."""
    learner = kind(SETTINGS, stream=0, device=CPU, peers=peers)
    validated = replace(learner.validate(FIT, VALIDATION, block=0), losses={1.0: 0.0})  # the refit trains
    classifier, _ = learner.refit(FIT, (validated,))
    return validated.probability.tobytes() + classifier.predict(VALIDATION.features).tobytes()


@cache
def forecast_of_peers(kind: type[TransferLearner | PooledLearner]) -> bytes:
    """The same with the peers as they are."""
    return forecast(kind, PEERS)


def changed(rows: LabelledRows, mask: np.ndarray) -> LabelledRows:
    """Noise for the features of some rows, and their labels turned round."""
    noise = np.random.default_rng(0).standard_normal(rows.features.shape).astype(np.float32)
    return replace(
        rows,
        features=np.where(mask[:, None], 100 * noise, rows.features),
        up=np.where(mask, 1 - rows.up, rows.up),
    )


def test_peers_are_cut_where_the_last_label_was_known() -> None:
    """Labels of three bars, own rows to bar 99: a peer's row of bar 99 is the last, and none without a label stays."""
    own, peer = make_rows(np.arange(100), np.full(100, 3)), make_rows(np.arange(40, 200), np.full(160, 3))
    peer.up[20] = np.nan
    known = known_in_time({"BTCUSDT": peer, "LATE": replace(peer, label_end_ms=peer.label_end_ms - BAR_MS)}, own)
    kept = known["BTCUSDT"]
    assert len(kept) == 59
    assert kept.label_end_ms.max() == own.label_end_ms.max()
    assert known["LATE"].open_time.max() == own.open_time.max() + BAR_MS


def test_no_label_of_a_peer_meets_what_is_held_out() -> None:
    """Whatever the lives of labels: the purge of the traded market's rows is the purge of all."""
    generator = np.random.default_rng(4)
    rows, peer = (make_rows(np.arange(200), generator.integers(0, 30, 200)) for _ in range(2))
    held_out = rows.select(np.arange(140, 200))
    own = rows.select((rows.label_end_ms < held_out.decision_ms[0]) & (rows.open_time < held_out.open_time[0]))
    (kept,) = known_in_time({"BTCUSDT": peer}, own).values()
    assert len(kept) > 100
    assert not intervals_meet(kept, held_out).any()


def test_peer_with_too_few_rows_is_named() -> None:
    """Its symbol, both numbers, and ways on."""
    early = make_rows(np.arange(40), np.zeros(40))
    with pytest.raises(NoDataError, match="40 labelled rows of ETHUSDT to learn from beside 40") as caught:
        known_in_time({"ETHUSDT": early}, early)
    assert "--transfer none" in caught.value.remedy


@pytest.mark.parametrize("kind", [TransferLearner, PooledLearner])
def test_what_peers_know_later_changes_nothing(kind: type[TransferLearner | PooledLearner]) -> None:
    """Their rows that end after the fit may be anything, to the bit; the last one before may not."""
    last_ms = FIT.label_end_ms.max()
    (symbol, peer), other = next(iter(PEERS.items())), PEERS["ETHUSDT"]
    as_it_is = forecast_of_peers(kind)
    later, sooner = (changed(peer, mask) for mask in (peer.label_end_ms > last_ms, peer.label_end_ms == last_ms))
    assert forecast(kind, {symbol: later, "ETHUSDT": other}) == as_it_is
    assert forecast(kind, {symbol: sooner, "ETHUSDT": other}) != as_it_is


def test_transferred_vote_begins_as_the_line_of_its_own_market() -> None:
    """No epoch at all is what it is from scratch, so that validation can do without the other markets."""
    scratch = LorentzianLearner(SETTINGS, stream=0, device=CPU).validate(FIT, VALIDATION, block=0)
    transferred = TransferLearner(SETTINGS, stream=0, device=CPU, peers=PEERS).validate(FIT, VALIDATION, block=0)
    assert transferred.losses[0.0] == pytest.approx(scratch.losses[0.0], abs=1e-7)
    assert transferred.losses[1.0] != scratch.losses[1.0]


def test_bank_is_of_the_traded_market_alone() -> None:
    """What votes, and what features are scaled by, is its own; the distance is not."""
    own = LorentzianLearner(SETTINGS, stream=0, device=CPU)
    transferred = TransferLearner(SETTINGS, stream=0, device=CPU, peers=PEERS)
    validated = replace(own.validate(FIT, VALIDATION, block=0), losses={1.0: 0.0})
    (one, _), (other, _) = (learner.refit(FIT, (validated,)) for learner in (own, transferred))
    assert torch.equal(one.bank, other.bank) and torch.equal(one.bank_up, other.bank_up)
    assert one.scaler.range.tobytes() == other.scaler.range.tobytes()
    assert torch.equal(one.network.slope, other.network.slope)
    assert not torch.allclose(one.network.scales, other.network.scales, atol=0.05)


@pytest.mark.parametrize("num_members", [1, 3])
def test_distance_is_all_that_a_vote_takes_from_another(num_members: int) -> None:
    """Every distance is the other's, encoder and gate too; line, prior, temperature and the vote's say stay its own."""
    generator = torch.Generator().manual_seed(0)
    shape = EncoderShape(embedded=4, hidden=8, num_blocks=1, dropout=0.0)

    def vote(prior: float) -> LorentzianNCA:
        encoder = ResidualEncoder(6, num_members=num_members, generator=generator, shape=shape)
        return LorentzianNCA(6, prior=prior, num_members=num_members, encoder=encoder).eval().requires_grad_(False)

    own, other = vote(0.4), vote(0.6)
    for parameter in other.parameters():
        parameter.normal_(generator=generator)
    kept = {name: value.clone() for name, value in own.state_dict().items() if not name.startswith(OF_DISTANCE)}
    own.measure_like(other)
    queries, bank = torch.randn(3, 6, generator=generator), torch.randn(20, 6, generator=generator)
    for member in range(num_members):
        distances = [each.nearest(queries, bank, 5, member=member).distance for each in (own, other)]
        assert torch.equal(*distances)
    assert all(torch.equal(own.state_dict()[name], value) for name, value in kept.items())
    assert {"log_temperature", "prior_logit_share", "slope", "level", "prior", "correction"} == set(kept)


@pytest.mark.parametrize("kind", [TransferLearner, PooledLearner])
def test_units_of_a_peer_do_not_matter(kind: type[TransferLearner | PooledLearner]) -> None:
    """A market whose moves are four times as large, around another centre, teaches the same."""
    larger = {symbol: replace(rows, features=4 * rows.features + 8) for symbol, rows in PEERS.items()}
    as_it_is, other = (np.frombuffer(said) for said in (forecast_of_peers(kind), forecast(kind, larger)))
    np.testing.assert_allclose(as_it_is, other, rtol=0, atol=1e-3)


@pytest.mark.slow
def test_peers_help_where_they_share_what_there_is_to_learn() -> None:
    """What exists only between two features is found sooner with two markets more, and nothing is lost without."""
    assert _lead("interaction") < -0.005
    assert _lead("null") < 0.003


def _lead(shared: str) -> float:
    """The transferred vote's log-loss on unseen rows less that from scratch; peers are of the ``shared`` world."""
    rows = make_world("interaction", 1)
    peers = {f"PEER{number}": make_world(shared, 1_000 + number) for number in range(2)}
    fit, validation, test = (rows.select(np.arange(*part)) for part in ((600, 1_500), (1_500, 1_800), (1_800, 2_472)))
    settings = ModelSettings(epochs=10)
    losses = []
    for learner in (
        TransferLearner(settings, stream=0, device=CPU, peers=peers),
        LorentzianLearner(settings, stream=0, device=CPU),
    ):
        validated = learner.validate(fit, validation, block=0)
        classifier, _ = learner.refit(rows.select(np.arange(600, 1_800)), (validated,))
        losses.append(mean_log_loss(test.up, classifier.predict(test.features)))
    return losses[0] - losses[1]
