"""Tests of the loops' file of machine code: when it is compiled, where it is kept, and who can run it."""

import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest

from job.model.kernel import machine_code
from job.model.kernel.machine_code import entries, kept_code, kind_of_cpu

WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
import torch
from job.model.kernel import lorentzian_vote
scales = torch.ones(2, requires_grad=True)
vote = lorentzian_vote(torch.zeros(1, 2), torch.ones(3, 2), torch.ones(3), scales=scales, temperature=torch.tensor(1.0))
vote.share.sum().backward()
print(vote.share.item())
"""


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of CPU that code was asked for; none is compiled."""
    asked: list[str] = []

    def compile_for(kind: str) -> bytes:
        asked.append(kind)
        return f"code for {kind}".encode()

    monkeypatch.setattr(machine_code, "_compile", compile_for)
    return asked


def test_code_is_compiled_once(tmp_path: Path, compiled: list[str]) -> None:
    """The second process reads what the first kept, readable by everybody; another kind of CPU has code of its own."""
    folder = tmp_path / "kept"
    assert kept_code("x86-64", folder) == kept_code("x86-64", folder) == b"code for x86-64"
    assert kept_code("x86-64-v3", folder) == b"code for x86-64-v3"
    assert compiled == ["x86-64", "x86-64-v3"]
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o644, 0o644]


def test_code_of_other_sources_is_not_taken(
    tmp_path: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is found by a digest of the loops: after a change of theirs it is compiled anew."""
    kept_code("x86-64", tmp_path)
    monkeypatch.setattr(machine_code, "_digest", lambda: "0123456789abcdef")
    kept_code("x86-64", tmp_path)
    assert compiled == ["x86-64", "x86-64"]


def test_code_is_there_where_nothing_can_be_kept(tmp_path: Path, compiled: list[str]) -> None:
    """Without a folder that can be written to, code is compiled each time."""
    taken = tmp_path / "a_file"
    taken.write_bytes(b"")
    assert kept_code("x86-64", taken) == kept_code("x86-64", taken) == b"code for x86-64"
    assert len(compiled) == 2


@pytest.mark.parametrize(
    ("triple", "features", "expected"),
    [
        ("x86_64-unknown-linux-gnu", {"avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"}, "x86-64-v3"),
        ("x86_64-unknown-linux-gnu", {"avx2", "bmi"}, "x86-64"),
        ("aarch64-unknown-linux-gnu", set(), "generic"),
    ],
)
def test_kind_of_cpu_is_the_best_that_it_can_run(
    triple: str, features: set[str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CPU without one of a kind's features belongs to the next kind."""
    monkeypatch.setattr(llvm, "get_process_triple", lambda: triple)
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: dict.fromkeys(features, True))
    assert kind_of_cpu().name == expected


def test_kept_code_needs_no_numba() -> None:
    """Once the code is kept, a new process votes and learns where numba cannot be imported."""
    entries()
    ran = subprocess.run([sys.executable, "-c", WITHOUT_NUMBA], check=True, capture_output=True, text=True)
    assert float(ran.stdout) == 1


def test_entry_refuses_what_it_was_not_compiled_for() -> None:
    """Arrays of another type, shape or order, and too few arguments, never reach machine code."""
    loop = entries()["gradient_columns"]
    with pytest.raises(ValueError, match="longer"):
        loop(np.zeros((2, 2), np.float32))
    wrong = [np.zeros((2, 2)), np.zeros((2, 2), np.float32).T[:1], np.zeros(2, np.float32)]
    for array in wrong:
        with pytest.raises(AssertionError):
            loop(array, *[0] * 12)


@pytest.mark.slow
def test_code_is_the_same_from_every_compilation() -> None:
    """Equal sources give an equal file, so that an image can be built again."""
    first, second = (machine_code._compile(kind_of_cpu().name) for _ in range(2))
    assert first == second == kept_code(kind_of_cpu().name)
