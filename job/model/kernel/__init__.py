"""The Lorentzian vote and its nearest rows, fused: one interface, and backends that agree."""

from job.model.kernel.columns import lay_out_once
from job.model.kernel.neighbours import Influence, Neighbours, explain, nearest
from job.model.kernel.pairs import Embedding
from job.model.kernel.spans import LabelSpans
from job.model.kernel.vote import Vote, lorentzian_vote, vote_weights

__all__ = [
    "Embedding",
    "Influence",
    "LabelSpans",
    "Neighbours",
    "Vote",
    "explain",
    "lay_out_once",
    "lorentzian_vote",
    "nearest",
    "vote_weights",
]
