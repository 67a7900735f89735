"""Random numbers on their way to the device. The CPU draws them, so that every device is given the same ones."""

import torch
from torch import Tensor


def sent(drawn: Tensor, device: torch.device) -> Tensor:
    """What the CPU has drawn, on the device, where a GPU's host does not wait for the copy.

    From memory that the system may move, a copy begins only when the GPU has done all that it was given before, so that
    host and GPU would take turns in every step. Pinned memory is not used again before it has been copied.
    """
    if device.type != "cuda":
        return drawn.to(device)
    return drawn.pin_memory().to(device, non_blocking=True)
