"""LorentzianNCA in its pure form: a neighbour vote under the Lorentzian distance, made learnable.

Shapes: Q queries, B bank rows, F features.

    D(x, b)  = mean_f log(1 + s_f |x_f - b_f|)                 s_f = exp(a_f): one learned scale a feature
    w_b      = softmax_b(-D / tau), 0 for masked pairs         tau learned: how local the vote is
    vote     = sum_b w_b y_b
    mixed    = (1 - lambda) vote + lambda prior                lambda learned: how little the vote is worth
    logit p  = logit(mixed) + x . beta                         beta starts at zero: nests logistic regression

Sources: the distance is jdehorty's Lorentzian classification; learning the vote is neighbourhood component
analysis (Goldberger et al., 2004) as ModernNCA (Ye et al., 2024, arXiv 2407.03257) revives it. The file knows
nothing of time, of files or of training.
"""

import torch
from torch import Tensor, nn

from job.model.distance import lorentzian_distance
from job.model.kernel import lorentzian_vote

# A scale above a thousand makes one feature the whole distance; the bound also keeps products finite.
MAX_LOG_SCALE = 6.9
MIN_TEMPERATURE, MAX_TEMPERATURE = 1e-3, 10.0
# How many neighbours the untrained vote effectively counts, 1 / sum w^2, before training says otherwise.
NEIGHBOURS_AT_START = 50.0
PRIOR_LOGIT_AT_START = -1.5  # the vote has four fifths of the say at first: training is too short to give it them
PROBABILITY_FLOOR = 1e-4
MASKED_SCORE = -1e30


class LorentzianNCA(nn.Module):
    """The learned vote. The bank is given with each call, so that training can sample it.

    Parameters
    ----------
    num_features : int
    prior : float
        Share of up labels in the training rows.
    """

    prior: Tensor

    def __init__(self, num_features: int, *, prior: float) -> None:
        super().__init__()
        self.log_scales = nn.Parameter(torch.zeros(num_features))
        self.log_temperature = nn.Parameter(torch.zeros(()))
        self.prior_logit_share = nn.Parameter(torch.tensor(PRIOR_LOGIT_AT_START))
        self.skip = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("prior", torch.tensor(float(prior)))

    @property
    def scales(self) -> Tensor:
        """Feature scales s, float (F,)."""
        return self.log_scales.clamp(-MAX_LOG_SCALE, MAX_LOG_SCALE).exp()

    @property
    def temperature(self) -> Tensor:
        """Temperature tau, a positive scalar."""
        return self.log_temperature.exp().clamp(MIN_TEMPERATURE, MAX_TEMPERATURE)

    def forward(self, queries: Tensor, bank: Tensor, bank_up: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logit of p(up).

        Parameters
        ----------
        queries : float (Q, F), scaled features.
        bank : float (B, F), scaled features of rows with known labels.
        bank_up : float (B,), their labels, 0 or 1.
        mask : bool (Q, B) or None
            True where a bank row may not vote, because its label's interval meets the query's. A query with every
            row masked falls to the prior.

        Returns
        -------
        float (Q,)
        """
        vote = lorentzian_vote(queries, bank, bank_up, scales=self.scales, temperature=self.temperature, mask=mask)
        voted = torch.where(vote.has_votes, vote.share, self.prior)
        share = torch.sigmoid(self.prior_logit_share)
        mixed = (1 - share) * voted + share * self.prior
        return torch.logit(mixed.clamp(PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)) + queries @ self.skip

    @torch.no_grad()
    def start_temperature(self, queries: Tensor, bank: Tensor, mask: Tensor) -> None:
        """Set tau so that the median query effectively counts `NEIGHBOURS_AT_START` rows, by bisection."""
        distance = lorentzian_distance(queries, bank, self.scales)
        low, high = MIN_TEMPERATURE, MAX_TEMPERATURE
        for _ in range(30):
            middle = (low * high) ** 0.5
            weights = vote_weights(distance, torch.tensor(middle), mask)
            if effective_neighbours(weights).median() < NEIGHBOURS_AT_START:
                low = middle
            else:
                high = middle
        self.log_temperature.fill_(torch.tensor(low * high).log() / 2)


def vote_weights(distance: Tensor, temperature: Tensor, mask: Tensor | None) -> Tensor:
    """Softmax of -D / tau over the bank, float (Q, B): rows sum to 1, or to 0 where all are masked."""
    score = -distance / temperature
    if mask is None:
        return torch.softmax(score, dim=1)
    # A finite score keeps a row whose every pair is masked free of 0/0, forwards and backwards.
    return torch.softmax(score.masked_fill(mask, MASKED_SCORE), dim=1).masked_fill(mask, 0.0)


def effective_neighbours(weights: Tensor) -> Tensor:
    """How many rows a vote effectively counts, 1 / sum w^2, float (Q,)."""
    return 1 / weights.square().sum(dim=1)
