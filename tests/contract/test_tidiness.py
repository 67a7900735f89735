"""What a reviewer should never have to say: the linter, the formatter and the type checker, as tests."""

import re

import pytest

from tests.support.repository import ROOT, run_tool, tracked_files

# A file that speaks of one machine, or of how it came about, is of no use to whoever reads it elsewhere.
FOREIGN = {
    "a path of one machine": re.compile(r"(?<![\w.~])/(work|root|Users|home/(?!ann\b)\w+)/|/tmp/\w/"),
    "a numbered issue": re.compile(r"(?<![\w/])(issue|ticket|pull request|PR) #?\d+\b", re.IGNORECASE),
    "how it was written": re.compile(r"\b(this|last|previous|next|earlier) session\b|\bthe brief\b", re.IGNORECASE),
    "work left over": re.compile(r"\b(TODO|FIXME|XXX)\b"),
}


@pytest.mark.parametrize(
    "command",
    [
        "ruff check --no-cache",
        "ruff format --check --no-cache",
        pytest.param("mypy", marks=pytest.mark.slow),  # a minute and a half where it has no cache yet
    ],
    ids=str,
)
def test_tool_finds_nothing(command: str) -> None:
    """Each tool, with the rules of pyproject.toml, passes over the whole repository."""
    ended = run_tool(*command.split())
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("kind", FOREIGN)
def test_files_speak_of_the_project_alone(kind: str) -> None:
    """No tracked text names a machine or tells its own history, the rules above excepted."""
    found = [
        f"{path}:{number}: {line.strip()}"
        for path in tracked_files()
        if (ROOT / path) != ROOT / "tests/contract/test_tidiness.py"
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8", errors="ignore").splitlines(), start=1)
        if FOREIGN[kind].search(line)
    ]
    assert not found, "\n".join(found)
