import os
import subprocess
import sys
from pathlib import Path

import pytest

from job.termination_log import MAX_BYTES, write_termination_log
from tests.support.commands import clean_environment


@pytest.fixture
def message(tmp_path: Path) -> Path:
    """The file that Kubernetes makes for a container."""
    path = tmp_path / "termination-log"
    path.write_text("what an earlier start left, which was longer than what comes now")
    return path


def test_sentence_replaces_what_is_there(message: Path) -> None:
    """The file says what happened last, and nothing more."""
    write_termination_log(str(message), "The Job has 21 completions. Set them to 20.")
    assert message.read_text() == "The Job has 21 completions. Set them to 20."


def test_long_sentence_is_cut_between_characters(message: Path) -> None:
    """As many bytes as are shown, and no half of a letter at the end."""
    write_termination_log(str(message), "é" * MAX_BYTES)
    assert message.read_bytes() == "é".encode() * (MAX_BYTES // 2)
    write_termination_log(str(message), "x" + "é" * MAX_BYTES)
    assert len(message.read_bytes()) == MAX_BYTES - 1
    assert message.read_text().startswith("xé")


@pytest.mark.parametrize("kind", ["absent", "folder", "pipe", "empty name", "null byte"])
def test_nothing_happens_where_no_file_is(tmp_path: Path, kind: str) -> None:
    """Outside of a pod no file appears, and nothing is waited for or raised."""
    path = tmp_path / "log"
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    before = sorted(tmp_path.iterdir())
    write_termination_log({"empty name": "", "null byte": "a\0b"}.get(kind, str(path)), "It failed.")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["walkforwrd"], {}, "There is no command 'walkforwrd'."),
        (["plan"], {"LORENTZIAN_TESTSIZE": "7"}, "The environment sets LORENTZIAN_TESTSIZE, which is no setting."),
    ],
)
def test_every_error_is_left_there(message: Path, arguments: list[str], environment: dict[str, str], said: str) -> None:
    """Also where the command line or the settings cannot be read; the same sentence as on stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "job", *arguments],
        env=clean_environment(environment | {"LORENTZIAN_TERMINATION_LOG": str(message)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (64, 78)
    assert message.read_text().startswith(said)
    assert done.stderr == f"lorentzian: {message.read_text()}\n"
