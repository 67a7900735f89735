"""The README's notebook runs as it stands there, on a finished run."""

import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.readme import README
from tests.support.repository import ROOT

HEADING = "## Read results in a notebook"
STORE = ROOT / "tests" / "golden" / "release-0.1" / "store.tar.xz"


def notebook() -> str:
    """The only block of Python under its heading."""
    section = README.read_text(encoding="utf-8").split(f"\n{HEADING}\n", 1)[1].split("\n## ", 1)[0]
    (block,) = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
    return block


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A folder in which the small run lies where the demo's would."""
    with tarfile.open(STORE) as archive:
        archive.extractall(tmp_path / "store", filter="data")
    run = tmp_path / "models" / "demo" / "runs"
    run.mkdir(parents=True)
    (tmp_path / "store" / "runs" / "golden").rename(run / "demo-edge")
    return tmp_path


def test_notebook_of_the_readme_reads_a_run(
    demo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Word for word: it finds a row a window, the joined days of every model, and the bars of a test."""
    monkeypatch.chdir(demo)
    found: dict[str, Any] = {}
    exec(compile(notebook(), "README.md", "exec"), found)
    assert len(found["windows"]) == found["summary"]["num_windows"] == 3
    assert len(found["daily"]) == found["summary"]["num_days"]
    assert {"logistic", "always-flat"} <= set(found["daily"])
    assert found["equity"]["always-flat"].iloc[-1] == 1
    traded = found["summary"]["models"]["logistic"]["measures"]["total_return"]["value"]
    assert found["equity"]["logistic"].iloc[-1] - 1 == pytest.approx(traded, abs=1e-9)
    assert len(found["bars"]) == found["windows"]["test_n_bars"].iloc[0]
    assert found["summary"]["verdict"] in capsys.readouterr().out
