"""The Lorentzian vote and its nearest rows, fused: one interface, and backends that agree."""

from job.model.kernel.spans import LabelSpans
from job.model.kernel.vote import Neighbours, Vote, lorentzian_vote, nearest

__all__ = ["LabelSpans", "Neighbours", "Vote", "lorentzian_vote", "nearest"]
