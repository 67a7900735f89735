"""AdamW (Loshchilov & Hutter, 2019), as torch has it, for parameters in groups.

torch's own optimizers load its compiler at their first use, two seconds that a window's process does not have.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

MEAN_DECAY, SQUARE_DECAY = 0.9, 0.999
EPSILON = 1e-8


class AdamW:
    """Adam with weight decay that does not pass through its averages.

    Parameters
    ----------
    groups : each with its ``params``, its rate ``lr`` and its ``weight_decay``, other entries stay as they are. Rate
        and decay are numbers, or tensors like a parameter, of which each number has its own.
    """

    def __init__(self, groups: Sequence[dict[str, Any]]) -> None:
        self.param_groups = [{**group, "params": list(group["params"])} for group in groups]
        self._averages: dict[Tensor, tuple[Tensor, Tensor]] = {}
        self._num_steps = 0

    def zero_grad(self) -> None:
        """Forget gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient; those without one stay, and do not decay."""
        self._num_steps += 1
        mean_share, square_share = 1 - MEAN_DECAY**self._num_steps, 1 - SQUARE_DECAY**self._num_steps
        for group in self.param_groups:
            rate = group["lr"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                if parameter not in self._averages:
                    self._averages[parameter] = (torch.zeros_like(parameter), torch.zeros_like(parameter))
                mean, square = self._averages[parameter]
                mean.lerp_(parameter.grad, 1 - MEAN_DECAY)
                square.mul_(SQUARE_DECAY).addcmul_(parameter.grad, parameter.grad, value=1 - SQUARE_DECAY)
                spread = square.sqrt().div_(square_share**0.5).add_(EPSILON)
                parameter.mul_(1 - rate * group["weight_decay"])
                if isinstance(rate, Tensor):
                    parameter.sub_(mean.div(spread).mul_(rate / mean_share))
                else:
                    parameter.addcdiv_(mean, spread, value=-rate / mean_share)
