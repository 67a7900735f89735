"""The names of what computes: results are equal byte for byte on one kind of processor, not across kinds."""

import platform
from pathlib import Path

import torch

CPU_FACTS = Path("/proc/cpuinfo")


def processor_name() -> str:
    """The processor's model as Linux names it, else as Python does."""
    try:
        lines = CPU_FACTS.read_text().splitlines()
    except OSError:  # another system
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def device_name(device: torch.device) -> str:
    """``cpu``, or the model of the GPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
