import subprocess
import sys

import torch

from job.model.adamw import AdamW


def _parameters() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in ((5,), (), (3, 4))]


def test_adamw_moves_as_torch_s() -> None:
    """Fifty steps of two groups, rates that change, and a parameter whose gradient is missing: torch's own numbers."""
    ours, theirs = _parameters(), _parameters()
    for parameters in (ours, theirs):
        parameters.append(torch.ones(2, requires_grad=True))

    def groups(parameters: list[torch.Tensor]) -> list[dict[str, object]]:
        return [
            {"params": parameters[:2], "lr": 0.1, "weight_decay": 0.0, "speed": 6.0},
            {"params": iter(parameters[2:]), "lr": 0.01, "weight_decay": 0.3},
        ]

    optimizers = [AdamW(groups(ours)), torch.optim.AdamW(groups(theirs))]
    for step in range(50):
        for parameters, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            assert parameters[0].grad is None
            sum(((part - 1) ** 2).sum() * (1 + step % 3) for part in parameters[:3]).backward()
            optimizer.param_groups[0]["lr"] = 0.1 / (1 + step)
            optimizer.step()
    for found, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)
    assert (ours[3] == 1).all()
    assert optimizers[0].param_groups[0]["speed"] == 6.0


def test_adamw_gives_each_number_its_own_rate_and_decay() -> None:
    """Two parameters in the rows of one matrix move as each would under its own numbers."""
    rates, decays = (0.1, 0.01), (0.0, 0.3)
    rows = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    stacked, apart = rows.clone().requires_grad_(), [row.clone().requires_grad_() for row in rows]
    group = {"params": [stacked], "lr": torch.tensor(rates)[:, None], "weight_decay": torch.tensor(decays)[:, None]}
    optimizers = [AdamW([group])] + [
        AdamW([{"params": [row], "lr": rate, "weight_decay": decay}])
        for row, rate, decay in zip(apart, rates, decays, strict=True)
    ]
    for _ in range(10):
        for optimizer, parameter in zip(optimizers, (stacked, *apart), strict=True):
            optimizer.zero_grad()
            ((parameter - 1) ** 2).sum().backward()
            optimizer.step()
    torch.testing.assert_close(stacked, torch.stack(apart), rtol=1e-5, atol=1e-7)


def test_adamw_does_not_load_the_compiler() -> None:
    """A step leaves torch's compiler where it is."""
    program = (
        "import sys, torch; from job.model.adamw import AdamW; p = torch.ones(1, requires_grad=True);"
        "p.sum().backward(); AdamW([{'params': [p], 'lr': 0.1, 'weight_decay': 0.1}]).step();"
        "print('torch._dynamo' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "False"
