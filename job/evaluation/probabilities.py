"""How a probability is written wherever one is read: a verdict, a table, a picture. Pure."""


def written_probability(value: float) -> str:
    """``0.953``; what would round to certainty says so."""
    if 0 < value < 0.001:
        return "<0.001"
    return ">0.999" if 0.999 < value < 1 else f"{value:.3f}"
