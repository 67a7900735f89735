import pytest
import torch

from job.model.encoder import EncoderShape, ResidualEncoder


def make_encoder(**shape: float) -> ResidualEncoder:
    """An encoder of five features and two members."""
    generator = torch.Generator().manual_seed(3)
    return ResidualEncoder(5, num_members=2, generator=generator, shape=EncoderShape(**shape))


@pytest.mark.parametrize(("embedded", "num_blocks"), [(32, 1), (7, 0), (16, 2)])
def test_untrained_encoder_is_a_linear_map(embedded: int, num_blocks: int) -> None:
    """Blocks add nothing at first: twice the row is twice the embedding, for every member."""
    encoder = make_encoder(embedded=embedded, num_blocks=num_blocks).eval()
    rows = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    assert len(encoder.blocks) == num_blocks
    for member in (0, 1):
        assert encoder(rows, member).shape == (7, embedded)
        torch.testing.assert_close(encoder(2 * rows, member), 2 * encoder(rows, member))


def test_members_see_other_signs() -> None:
    """The first member sees rows as they are; the second sees some features upside down."""
    encoder = make_encoder()
    assert (encoder.input_scales[0] == 1).all()
    assert set(encoder.input_scales[1].tolist()) == {-1.0, 1.0}


def test_dropout_acts_in_training_alone_and_is_drawn_from_its_own_generator() -> None:
    """Two looks in training differ, whoever else draws; two evaluations are equal."""
    encoder, rows = make_encoder(), torch.randn(64, 5, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        encoder.blocks[0].outer.fill_(1.0)
        first = make_encoder()
        first.blocks[0].outer.fill_(1.0)
        torch.manual_seed(99)
        assert torch.equal(encoder(rows, 0), first(rows, 0))
        assert not torch.equal(encoder(rows, 0), first(rows, 1))
        one = encoder(rows, 0)
        assert not torch.equal(one, encoder(rows, 0))
        assert torch.equal(encoder.eval()(rows, 0), encoder(rows, 0))


def test_dropout_leaves_out_the_share_that_is_asked_for() -> None:
    """With all of the block's weights one, what is added has the share of kept units, scaled up to keep its mean."""
    rows = torch.randn(500, 5, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for share in (0.0, 0.5):
            encoder = make_encoder(hidden=64, dropout=share)
            encoder.blocks[0].inner.fill_(0.0)
            encoder.blocks[0].norm.bias.fill_(1.0)
            encoder.blocks[0].inner[0] = 1.0
            encoder.blocks[0].outer.fill_(1.0)
            added = encoder(rows, 0) - rows @ encoder.front
            expected = torch.relu(encoder.blocks[0].norm(rows @ encoder.front)[:, 0]) * 64
            assert added.mean().item() == pytest.approx(expected.mean().item(), rel=0.05)
            assert torch.allclose(added[:, 0], expected, rtol=1e-4) == (share == 0)
