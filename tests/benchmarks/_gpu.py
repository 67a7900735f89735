"""The vote on a GPU: pair-features a second, beside what its units can do at three operations for each."""

import torch

from job.model.kernel import lorentzian_vote
from tests.benchmarks._timing import median_seconds

SHAPE = (256, 4_320, 30)
UNITS_OF_AN_SM, OPERATIONS = 128, 3
VOTES_A_ROUND = 20


def figures() -> dict[str, float | str]:
    """Of the vote without gradients and with those of scales and temperature; a reason where there is no GPU."""
    if not torch.cuda.is_available():
        return {"cuda_reason": "no CUDA device"}
    num_queries, num_bank, num_features = SHAPE
    queries, bank = (torch.randn(n, num_features, device="cuda") for n in (num_queries, num_bank))
    up = torch.randint(0, 2, (num_bank,), device="cuda").float()
    scales = torch.ones(num_features, device="cuda", requires_grad=True)
    temperature = torch.tensor(0.05, device="cuda", requires_grad=True)

    def vote() -> torch.Tensor:
        return lorentzian_vote(queries, bank, up, scales=scales, temperature=temperature).share.sum()

    def votes() -> None:
        with torch.no_grad():
            for _ in range(VOTES_A_ROUND):
                vote()
        torch.cuda.synchronize()

    def steps() -> None:
        for _ in range(VOTES_A_ROUND):
            torch.autograd.grad(vote(), (scales, temperature))
        torch.cuda.synchronize()

    seconds = median_seconds({"vote": votes, "step": steps})
    gpu = torch.cuda.get_device_properties(0)
    limit = gpu.multi_processor_count * UNITS_OF_AN_SM * 1e3 * gpu.clock_rate / OPERATIONS
    speed = num_queries * num_bank * num_features * VOTES_A_ROUND / seconds["vote"]
    return {
        "cuda": gpu.name,
        "cuda_pair_features_per_s": speed,
        "cuda_share_of_limit": speed / limit,
        **{f"cuda_{name}_ms": 1e3 * value / VOTES_A_ROUND for name, value in seconds.items()},
    }
