"""The fused kernel against the same formula by other means, in one run: training steps, exact nearest rows, start-up.

A step is the vote and its gradients for scales and temperature, at 256 queries x 4,320 bank rows x 30 features; a full
one has those of queries and bank too. Peers: eager torch, `torch.compile` of the same lines, and PyKeOps; one that
cannot run here gives null and a reason. Rounds are interleaved. Start-up is from torch at hand, as the job has it, to
the first step done: ours with its file of machine code, the compiled form's without a cache and with one.
Bars: 1.5 and 4 times compiled, 20 times eager; nearest rows as `knn` has them; 0.3 s; 50 MB; on a GPU .6 of its limit.
"""

import statistics
import tempfile
from collections.abc import Callable

import torch
from torch import Tensor

from job.model.kernel import lorentzian_vote
from tests.benchmarks import _formula, _gpu, knn
from tests.benchmarks._timing import NUM_THREADS, fresh_process, median_seconds, use_threads

SHAPE = (256, 4_320, 30)
MEMORY_SHAPE = (256, 8_640, 90)
NUM_STARTS = 7
COLD_START = """
import sys, time, torch
torch.set_num_threads(2)
q, b, y = torch.randn(64, 30), torch.randn(256, 30), torch.ones(256)
s, t = torch.ones(30, requires_grad=True), torch.tensor(0.1, requires_grad=True)
def ours():
    from job.model.kernel import lorentzian_vote
    return lorentzian_vote(q, b, y, scales=s, temperature=t).share
def compiled():
    formula = lambda s, t: torch.softmax(-torch.log1p((q[:, None] - b).abs() * s).mean(2) / t, 1) @ y
    return torch.compile(formula, dynamic=False)(s, t)
start = time.perf_counter()
{"ours": ours, "compiled": compiled}[sys.argv[1]]().sum().backward()
print(time.perf_counter() - start)
"""
# Linux forgets the most memory that a process held when 5 is written there.
PEAK = """
import sys, torch
from job.model.kernel import lorentzian_vote
torch.set_num_threads(2)
def held(name):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024
def step(Q, B, F):
    q, b = torch.randn(Q, F, requires_grad=True), torch.randn(B, F, requires_grad=True)
    s, t, y = torch.ones(F, requires_grad=True), torch.tensor(0.05, requires_grad=True), torch.ones(B)
    def run():
        lorentzian_vote(q, b, y, scales=s, temperature=t, num_threads=2).share.sum().backward()
    return run
step(4, 64, 8)()
run = step(*map(int, sys.argv[1:]))
before = held("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
run()
print(held("VmHWM") - before)
"""


def measure() -> dict[str, float | str | None]:
    """Ratios to the peers, milliseconds of a step by each, seconds to the first, and megabytes that one adds."""
    use_threads()
    steps = median_seconds(_steps())
    cold = {name: _cold_start(name) for name in ("ours", "compiled") if name not in _formula.REASONS}
    figures: dict[str, float | str | None] = {
        "fit_vs_eager_ratio": steps["eager"] / steps["ours"],
        "fit_vs_compiled_ratio": _ratio(steps, "compiled", "ours"),
        "fit_full_vs_compiled_ratio": _ratio(steps, "compiled_full", "ours_full"),
        "fit_vs_keops_ratio": _ratio(steps, "keops", "ours"),
        **knn.ratios(),
        "cold_start_s": cold["ours"],
        "compiled_cold_start_s": cold.get("compiled"),
        "peak_extra_mb": statistics.median(fresh_process(PEAK, *map(str, MEMORY_SHAPE))[0] for _ in range(NUM_STARTS)),
        **{f"{name}_ms": 1e3 * seconds for name, seconds in steps.items()},
        **_gpu.figures(),
    }
    if "compiled" in cold:
        figures["compiled_cached_start_s"] = _cold_start("compiled", is_cached=True)
    return figures | {f"{peer}_reason": reason for peer, reason in _formula.REASONS.items()}


def _ratio(seconds: dict[str, float], peer: str, ours: str) -> float | None:
    return seconds[peer] / seconds[ours] if peer in seconds else None


def _steps() -> dict[str, Callable[[], None]]:
    """A training step by each peer, by name."""
    peers: dict[str, _formula.Vote] = {"ours": _ours, "ours_one_thread": _ours_alone, "eager": _formula.vote}
    full: dict[str, _formula.Vote] = {"ours_full": _ours}
    scales_only, with_rows = (_formula.compiled(_formula.vote) for _ in range(2))
    if scales_only is not None and with_rows is not None:
        peers["compiled"], full["compiled_full"] = scales_only, with_rows
    if "keops" not in _formula.REASONS:
        peers["keops"] = _formula.keops_vote
    return {
        **{name: _step(vote, is_full=False) for name, vote in peers.items()},
        **{name: _step(vote, is_full=True) for name, vote in full.items()},
    }


def _step(vote: _formula.Vote, *, is_full: bool) -> Callable[[], None]:
    num_queries, num_bank, num_features = SHAPE
    generator = torch.Generator().manual_seed(0)
    queries, bank = (
        torch.randn(n, num_features, generator=generator).requires_grad_(is_full) for n in (num_queries, num_bank)
    )
    up = (torch.rand(num_bank, generator=generator) < 0.5).float()
    scales, temperature = torch.ones(num_features, requires_grad=True), torch.tensor(0.05, requires_grad=True)
    pull = torch.randn(num_queries, generator=generator)

    def run() -> None:
        learned = [part for part in (queries, bank, scales, temperature) if part.requires_grad]
        torch.autograd.grad(vote(queries, bank, up, scales, temperature) @ pull, learned)

    return run


def _ours(queries: Tensor, bank: Tensor, up: Tensor, scales: Tensor, temperature: Tensor) -> Tensor:
    return lorentzian_vote(queries, bank, up, scales=scales, temperature=temperature, num_threads=NUM_THREADS).share


def _ours_alone(queries: Tensor, bank: Tensor, up: Tensor, scales: Tensor, temperature: Tensor) -> Tensor:
    return lorentzian_vote(queries, bank, up, scales=scales, temperature=temperature).share


def _cold_start(peer: str, *, is_cached: bool = False) -> float:
    """Median seconds to the first step in fresh interpreters; the compiled form's cache is empty, or filled."""
    if peer == "ours":
        fresh_process(COLD_START, peer)  # where no machine code is kept yet, this compiles it
        return statistics.median(fresh_process(COLD_START, peer)[0] for _ in range(NUM_STARTS))
    if not is_cached:
        return _compiled_start()
    with tempfile.TemporaryDirectory() as folder:
        _compiled_start(folder)
        return statistics.median(_compiled_start(folder) for _ in range(NUM_STARTS))


def _compiled_start(folder: str | None = None) -> float:
    with tempfile.TemporaryDirectory() as empty:
        program = f"import os; os.environ['TORCHINDUCTOR_CACHE_DIR'] = {folder or empty!r}\n{COLD_START}"
        return fresh_process(program, "compiled")[0]
