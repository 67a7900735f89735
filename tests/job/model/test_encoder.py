import torch

from job.model.encoder import EMBEDDED, ResidualEncoder


def make_encoder(num_members: int = 2) -> ResidualEncoder:
    """An encoder of five features."""
    return ResidualEncoder(5, num_members=num_members, generator=torch.Generator().manual_seed(3))


def test_untrained_encoder_is_a_linear_map() -> None:
    """The block adds nothing at first: twice the row is twice the embedding, for every member."""
    encoder, rows = make_encoder().eval(), torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    for member in (0, 1):
        assert encoder(rows, member).shape == (7, EMBEDDED)
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
        encoder.outer.fill_(1.0)
        first = make_encoder()
        first.outer.fill_(1.0)
        torch.manual_seed(99)
        assert torch.equal(encoder(rows, 0), first(rows, 0))
        assert not torch.equal(encoder(rows, 0), first(rows, 1))
        one = encoder(rows, 0)
        assert not torch.equal(one, encoder(rows, 0))
        assert torch.equal(encoder.eval()(rows, 0), encoder(rows, 0))
