"""LorentzianNCA: a straight line, and beside it a neighbour vote under a learned Lorentzian distance.

Shapes: Q queries, B bank rows, F features, M members.

    D(x, b)  = mean_f log(1 + s_f |x_f - b_f|)                    s_f = exp(a_f): one learned scale a feature
    w_b      = softmax_b(log v_b - D / tau), 0 for masked pairs   v_b: the row's own weight; tau: how local the vote is
    vote     = sum_b w_b y_b
    mixed    = (1 - lambda) vote + lambda prior                   lambda learned: how little the vote is worth
    logit p  = line(x) + logit(mixed) - logit(prior)              line: ridge logistic regression, not trained

With an encoder, D is (1 - g) times that plus g mean_k log(1 + |e_k(x) - e_k(b)|), with a learned gate g that begins
at .12. Members are whole votes of their own, which begin with different numbers of neighbours; the forecast is the
mean of their probabilities.

Why so:
- lambda = 1 is the line, and an untrained model is just that: the line's exact solution, so that the class loses to a
  logistic regression only where training errs, and no epoch at all is a choice that validation can make. A line that
  is trained beside the vote by small steps is far from its solution when they are spent.
- Only differences within the scales of training move the vote, so a scale that falls to e^-3 takes its feature out.
  That is how it finds two features that tell something only together, which no line and hardly a tree sees.

Sources: the distance is jdehorty's Lorentzian classification; learning the vote is neighbourhood component analysis
(Goldberger et al., 2004) as ModernNCA (Ye et al., 2024, arXiv 2407.03257) revives it; fast scales are RealMLP's
(Holzmueller et al., 2024, arXiv 2407.04491). The file knows nothing of time, of files or of training.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from job.model.encoder import ResidualEncoder
from job.model.kernel import Embedding, LabelSpans, Neighbours, Vote, lorentzian_vote, nearest, vote_weights
from job.model.line import Line

# A scale above a thousand makes one feature the whole distance; the bound also keeps products finite.
MAX_LOG_SCALE = 6.9
MIN_TEMPERATURE, MAX_TEMPERATURE = 1e-3, 10.0
# Of the neighbours that an untrained vote effectively counts, 1 / sum w^2: members begin near, far and between.
MEMBERS_NEIGHBOURS = (1.0, 0.4, 3.0)
NEIGHBOURS_AT_START = 50.0
SILENT = 20.0  # of the prior's logit share: the vote has no say
PRIOR_LOGIT_AT_START = 0.0  # of training: half of the say for the vote, half for the prior
GATE_LOGIT_AT_START = -2.0
PROBABILITY_FLOOR = 1e-4
ENCODER = "encoder."


class LorentzianNCA(nn.Module):
    """The line and its votes. The bank is given with each call, so that training can sample it.

    Parameters
    ----------
    num_features : int
    prior : float
        Share of up labels in the training rows.
    line : Line or None
        Fitted on them; without one, the line is the prior.
    num_members : int
    encoder : ResidualEncoder or None
    """

    prior: Tensor
    slope: Tensor
    level: Tensor
    correction: Tensor

    def __init__(
        self,
        num_features: int,
        *,
        prior: float,
        line: Line | None = None,
        num_members: int = 1,
        encoder: ResidualEncoder | None = None,
    ) -> None:
        super().__init__()
        self.log_scales = nn.Parameter(torch.zeros(num_members, num_features))
        self.log_temperature = nn.Parameter(torch.zeros(num_members))
        self.prior_logit_share = nn.Parameter(torch.full((num_members,), SILENT))
        self.encoder = encoder
        if encoder is not None:
            self.gate_logit = nn.Parameter(torch.full((num_members,), GATE_LOGIT_AT_START))
        self.register_buffer("prior", torch.tensor(float(prior)))
        slope = torch.zeros(num_features) if line is None else torch.from_numpy(line.slope).float()
        level = torch.logit(self.prior) if line is None else torch.tensor(line.level, dtype=torch.float32)
        self.register_buffer("slope", slope)
        self.register_buffer("level", level)
        self.register_buffer("correction", torch.tensor(0.0))

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> "LorentzianNCA":
        """The network that a stored state is of: its sizes follow from the shapes."""
        num_members, num_features = state["log_scales"].shape
        own = {name.removeprefix(ENCODER): value for name, value in state.items() if name.startswith(ENCODER)}
        network = cls(
            num_features, prior=0.5, num_members=num_members, encoder=ResidualEncoder.like(own) if own else None
        )
        network.load_state_dict({"correction": network.correction} | dict(state))  # which older files do not have
        return network.eval().requires_grad_(False)

    @property
    def num_members(self) -> int:
        """How many votes there are."""
        return len(self.log_scales)

    @property
    def scales(self) -> Tensor:
        """Feature scales s, float (M, F)."""
        return scales_of(self.log_scales)

    @property
    def temperature(self) -> Tensor:
        """Temperatures tau, float (M,)."""
        return temperature_of(self.log_temperature)

    def forward(
        self,
        queries: Tensor,
        bank: Tensor,
        bank_up: Tensor,
        mask: Tensor | LabelSpans | None = None,
        *,
        log_weights: Tensor | None = None,
        member: int = 0,
    ) -> Tensor:
        """One member's logit of p(up).

        Parameters
        ----------
        queries : float (Q, F), scaled features.
        bank : float (B, F), scaled features of rows with known labels.
        bank_up : float (B,), their labels, 0 or 1.
        mask : bool (Q, B), LabelSpans or None
            True where a bank row may not vote, because its label's interval meets the query's, or spans that say so.
            A query with every row masked falls to the line.
        log_weights : float (B,) or None
            Logarithm of what each bank row counts.
        member : int

        Returns
        -------
        float (Q,)
        """
        vote = self.ask(queries, bank, bank_up, mask, log_weights=log_weights, member=member)
        voted = torch.where(vote.has_votes, vote.share, self.prior)
        return self.line(queries) + moved_logit(voted, self.prior_logit_share[member], self.prior)

    def ask(
        self,
        queries: Tensor,
        bank: Tensor,
        bank_up: Tensor,
        mask: Tensor | LabelSpans | None = None,
        *,
        log_weights: Tensor | None = None,
        member: int = 0,
    ) -> Vote:
        """One member's vote, before the prior has its say; arguments as of `forward`."""
        return lorentzian_vote(
            queries,
            bank,
            bank_up,
            scales=self.scales[member],
            temperature=self.temperature[member],
            embedding=self._embedding(queries, bank, member),
            log_weights=log_weights,
            mask=mask,
        )

    def line(self, queries: Tensor) -> Tensor:
        """The line's logit of p(up), float (Q,)."""
        return queries @ self.slope + self.level

    def probability(
        self,
        queries: Tensor,
        bank: Tensor,
        bank_up: Tensor,
        mask: Tensor | LabelSpans | None = None,
        *,
        log_weights: Tensor | None = None,
    ) -> Tensor:
        """Mean of the members' probabilities of up, each corrected for weights of the classes, float (Q,)."""
        logits = [
            self(queries, bank, bank_up, mask, log_weights=log_weights, member=member)
            for member in range(self.num_members)
        ]
        return torch.sigmoid(torch.stack(logits) + self.correction).mean(dim=0)

    @torch.no_grad()
    def correct_prior(self, prior: float) -> None:
        """Let forecasts be of a world where this share is up, when the training rows were weighed as of another.

        Under balanced classes the odds of up are those of the market times a constant, whatever the features; its
        logarithm is taken off again (prior correction: King and Zeng, 2001, Logistic Regression in Rare Events Data).
        """
        self.correction.fill_(torch.logit(torch.tensor(prior)) - torch.logit(self.prior))

    @torch.no_grad()
    def nearest(
        self, queries: Tensor, bank: Tensor, k: int, mask: Tensor | LabelSpans | None = None, *, member: int = 0
    ) -> Neighbours:
        """The k nearest bank rows of each query under a member's learned distance."""
        embedding = self._embedding(queries, bank, member)
        return nearest(queries, bank, self.scales[member], k, embedding=embedding, mask=mask)

    @torch.no_grad()
    def weights(
        self,
        queries: Tensor,
        bank: Tensor,
        mask: Tensor | LabelSpans | None = None,
        *,
        log_weights: Tensor | None = None,
        member: int = 0,
    ) -> Tensor:
        """What each bank row is of a member's vote, float (Q, B): rows sum to 1, or to 0 where all are masked."""
        return vote_weights(
            queries,
            bank,
            scales=self.scales[member],
            temperature=self.temperature[member],
            embedding=self._embedding(queries, bank, member),
            log_weights=log_weights,
            mask=mask,
        )

    @torch.no_grad()
    def measure_like(self, other: "LorentzianNCA") -> None:
        """Begin with another network's distance: its scales and its encoder, and nothing that is of its bank."""
        own = ("log_scales", "gate_logit", ENCODER)
        state = {name: value for name, value in other.state_dict().items() if name.startswith(own)}
        self.load_state_dict(self.state_dict() | state)

    @torch.no_grad()
    def let_vote(self) -> None:
        """Give the votes that have no say yet the one that training begins with."""
        self.prior_logit_share.masked_fill_(self.prior_logit_share >= SILENT, PRIOR_LOGIT_AT_START)

    @torch.no_grad()
    def start_temperature(
        self,
        queries: Tensor,
        bank: Tensor,
        mask: Tensor | LabelSpans,
        *,
        neighbours: float = NEIGHBOURS_AT_START,
    ) -> None:
        """Set tau so that the median query of the first member effectively counts so many rows, by bisection."""
        self.log_temperature.fill_(0.0)
        for member in range(self.num_members):
            wanted = neighbours * MEMBERS_NEIGHBOURS[member % len(MEMBERS_NEIGHBOURS)]
            # At tau = 1 the logarithm of a weight is -D and what the row has in common, which a softmax forgets.
            nearness = self.weights(queries, bank, mask, member=member).log()
            low, high = MIN_TEMPERATURE, MAX_TEMPERATURE
            for _ in range(30):
                middle = (low * high) ** 0.5
                weights = torch.softmax(nearness / middle, dim=1).nan_to_num()  # of a row that is masked everywhere
                is_narrow = bool(effective_neighbours(weights).median() < wanted)
                low, high = (middle, high) if is_narrow else (low, middle)
            self.log_temperature[member] = torch.tensor(low * high).log() / 2

    def _embedding(self, queries: Tensor, bank: Tensor, member: int) -> Embedding | None:
        if self.encoder is None:
            return None
        # Together, so that batch norm sees one sample.
        embedded = self.encoder(torch.cat([queries, bank]), member)
        return Embedding(
            queries=embedded[: len(queries)],
            bank=embedded[len(queries) :],
            share=torch.sigmoid(self.gate_logit[member]),
        )


def scales_of(log_scales: Tensor) -> Tensor:
    """Feature scales s within their bounds."""
    return log_scales.clamp(-MAX_LOG_SCALE, MAX_LOG_SCALE).exp()


def temperature_of(log_temperature: Tensor) -> Tensor:
    """Temperatures tau within their bounds."""
    return log_temperature.exp().clamp(MIN_TEMPERATURE, MAX_TEMPERATURE)


def moved_logit(voted: Tensor, prior_logit_share: Tensor, prior: Tensor) -> Tensor:
    """By how much votes, float (..., Q), move the line's logit, once the prior has had its say."""
    share = torch.sigmoid(prior_logit_share)
    mixed = (1 - share) * voted + share * prior
    return torch.logit(mixed.clamp(PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)) - torch.logit(prior)


def effective_neighbours(weights: Tensor) -> Tensor:
    """How many rows a vote effectively counts, 1 / sum w^2, float (Q,)."""
    return 1 / weights.square().sum(dim=1)
