"""README.md keeps up with the code: what it lists is all there is, and what it shows runs."""

import re
import shlex

import pytest

from job.cli import COMMANDS, parse, settings_class
from job.errors import ExitCode
from job.settings.catalogue import settings_of
from tests.support.readme import README, rewritten, rows_of
from tests.support.repository import ROOT, package_files

TEXT = README.read_text(encoding="utf-8")
SET_UP = ("pip install '.[local]' && lorentzian demo", "pip install '.[test]' && pytest")


def shown_commands() -> list[str]:
    """Every call of ours in the README's shell blocks, and those in the table of commands."""
    blocks = re.findall(r"```bash\n(.*?)```", TEXT, flags=re.DOTALL)
    lines = [part.strip() for block in blocks for line in block.splitlines() for part in line.split("&&")]
    examples = [row[2].strip("`") for row in rows_of(TEXT, "Commands")]
    return [line for line in lines + examples if re.match(r"(\w+=\S+ )*lorentzian\b", line)]


def test_parts_made_from_the_code_are_the_newest() -> None:
    """Commands, settings and files are listed as they are now."""
    assert rewritten(TEXT) == TEXT, "run: python -m tests.support.readme"


def test_two_commands_come_first() -> None:
    """What sets everything up stands before the first heading, in the first block."""
    first_block = TEXT.split("```bash\n", 1)[1].split("```", 1)[0]
    assert tuple(line.split("  #")[0].rstrip() for line in first_block.splitlines()) == SET_UP
    assert "\n## " not in TEXT.split(first_block, 1)[0]


def test_ci_runs_the_second_command() -> None:
    """The check of a submission is the one that the README gives to everybody, word for word."""
    assert SET_UP[1] in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_every_command_is_listed() -> None:
    """One row a command, in the order of ``--help``."""
    assert [row[0].strip("`") for row in rows_of(TEXT, "Commands")] == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_setting_is_listed_with_its_default(command: str) -> None:
    """Each setting of each command is in the table, in a row that names the command or one of its families."""
    rows = rows_of(TEXT, "Settings")
    for setting in settings_of(settings_class(command)):
        named = [row for row in rows if row[0].strip("`-…") in (setting.key, setting.positional)]
        described = [row for row in named if (setting.field.description or "").replace("|", "\\|") in row[3]]
        assert len(described) == 1, setting.name
        (row,) = described
        assert f"`{command}`" in row[2] or "*training*" in row[2] or row[2].startswith("all")
        if isinstance(setting.field.default, (int, float)) and not isinstance(setting.field.default, bool):
            assert f"`{setting.field.default:g}`" in row[1]


def test_exit_codes_are_listed() -> None:
    """The table has exactly the codes that the program can end with, in ascending order."""
    assert [int(row[0]) for row in rows_of(TEXT, "Exit codes")] == [code.value for code in ExitCode]


def test_file_tree_names_every_file_and_no_other() -> None:
    """Read back from its indentation, the tree is the packages as they lie on disk, a described line a file."""
    tree = TEXT.split("<!-- begin files", 1)[1].split("```")[1].strip("\n").splitlines()
    stack: list[str] = []
    found = set()
    for line in tree:
        indent, name, text = re.fullmatch(r"( *)(\S+) *(.*)", line).groups()  # type: ignore[union-attr]
        del stack[len(indent) // 2 :]
        stack.append(name.rstrip("/"))
        if not name.endswith("/"):
            found.add("/".join(stack))
            assert text.endswith("."), f"{name} has no description"
    ours = (path for path in package_files() if "vendor" not in path.parts)
    assert found == {path.as_posix() for path in ours if path.name != "__init__.py"}


@pytest.mark.parametrize("shown", shown_commands())
def test_shown_commands_are_understood(shown: str) -> None:
    """Whatever the README tells to type is a command with flags that exist."""
    words = [word for word in shlex.split(shown, comments=True) if not re.match(r"\w+=", word)]
    assert parse(words[1:]).name in COMMANDS


def test_shown_files_exist() -> None:
    """Files and folders of the repository that the text points at are there."""
    named = set(re.findall(r"\]\((?!http)([^)#]+)\)", TEXT)) | set(re.findall(r"`((?:tests|job|\.ci)/[\w./]+)`", TEXT))
    assert named
    assert not [name for name in named if not (ROOT / name).exists()]
