from pathlib import Path

import pytest
import torch

from job import processor
from job.processor import device_name, processor_name


def test_processor_is_named_by_its_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The first model name of Linux's list; on a system without one, whatever Python knows."""
    facts = tmp_path / "cpuinfo"
    facts.write_text("processor\t: 0\nmodel name\t: Some CPU @ 2.50GHz: fast\n\nprocessor\t: 1\nmodel name\t: Other\n")
    monkeypatch.setattr(processor, "CPU_FACTS", facts)
    assert processor_name() == "Some CPU @ 2.50GHz: fast"
    monkeypatch.setattr(processor, "CPU_FACTS", tmp_path / "absent")
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert processor_name() == "aarch64"
    facts.write_text("processor\t: 0\nBogoMIPS\t: 50.00\n")
    monkeypatch.setattr(processor, "CPU_FACTS", facts)
    assert processor_name() == "aarch64"


def test_device_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processor is just that; a GPU says which one it is, since two kinds round differently."""
    assert device_name(torch.device("cpu")) == "cpu"
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU {device}")
    assert device_name(torch.device("cuda:0")) == "GPU cuda:0"
