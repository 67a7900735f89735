"""The parts of README.md that are made from the code; ``python -m tests.support.readme`` writes them anew.

Each part stands between two comments that name it, and everything around them is written by hand.
"""

import ast
import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import get_args, get_origin

from job.cli import COMMANDS, settings_class
from job.settings.catalogue import Setting, settings_of
from tests.support.repository import ROOT, package_files

README = ROOT / "README.md"
TRAINING = ("train", "walkforward", "window", "plan")  # take the same settings, and so are named together
MANY = 8


def commands_table() -> str:
    """A row a command."""
    rows = ([f"`{name}`", command.summary, f"`{command.example}`"] for name, command in COMMANDS.items())
    return _table(["command", "does", "example"], rows)


def settings_table() -> str:
    """A row a setting; one whose meaning differs between commands has a row for each meaning."""
    meanings: dict[tuple[str, str], dict[str, Setting]] = {}
    for name in ("walkforward", *COMMANDS):
        for setting in settings_of(settings_class(name)):
            meanings.setdefault((setting.key, setting.field.description or ""), {})[name] = setting
    shared_last = sorted(meanings.values(), key=lambda meaning: len(meaning) > MANY)
    rows = ([_flag(next(iter(m.values()))), _defaults(m), _commands(m), _meaning(m)] for m in shared_last)
    return _table(["setting", "default", "of", "what it is"], rows)


def file_tree() -> str:
    """Every file of the packages, each with the first line of its own description; not what others wrote."""
    lines: dict[Path, str] = {}
    for path in (path for path in package_files() if "vendor" not in path.parts):
        for folder in reversed(path.parents[:-1]):
            lines.setdefault(folder, _described(folder / "__init__.py"))
        if path.name != "__init__.py":
            lines[path] = _described(path)
    names = {path: "  " * (len(path.parts) - 1) + path.name + "/" * (ROOT / path).is_dir() for path in lines}
    width = max(map(len, names.values())) + 2
    return "\n".join(["```", *(f"{names[path]:<{width}}{text}".rstrip() for path, text in lines.items()), "```"])


PARTS: Mapping[str, Callable[[], str]] = {"commands": commands_table, "settings": settings_table, "files": file_tree}


def rewritten(text: str) -> str:
    """The README's text with each part made anew.

    Raises
    ------
    ValueError
        Where the two comments of a part are not there exactly once.
    """
    for name, make in PARTS.items():
        part = re.compile(rf"(<!-- begin {name} .*?-->\n).*?(<!-- end {name} -->)", re.DOTALL)
        if len(part.findall(text)) != 1:
            raise ValueError(f"README.md must hold the part {name!r} exactly once")
        made = make()
        text = part.sub(lambda match, made=made: f"{match[1]}{made}\n{match[2]}", text)
    return text


def rows_of(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, header and ruler left out."""
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def _table(header: list[str], rows: Iterable[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _flag(setting: Setting) -> str:
    if setting.positional is not None:
        return f"`{setting.positional}{'…' if setting.num_values else ''}`"
    if setting.is_secret:
        return f"`{setting.key}`"
    return f"`--{setting.key}`"


def _defaults(meaning: Mapping[str, Setting]) -> str:
    by_default: dict[str, list[str]] = {}
    for command, setting in meaning.items():
        by_default.setdefault(_shown(setting.field.default), []).append(command)
    (usual, _), *others = by_default.items()
    return ", ".join([usual, *(f"{' '.join(f'`{c}`' for c in commands)}: {value}" for value, commands in others)])


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    if default is None or default == ():
        return ""
    text = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
    return f"`{text.removesuffix('.0')}`"


def _commands(meaning: Mapping[str, Setting]) -> str:
    missing = [name for name in COMMANDS if name not in meaning]
    if not missing:
        return "all"
    if len(meaning) > MANY:
        return f"all but {', '.join(f'`{name}`' for name in missing)}"
    is_training = set(TRAINING) <= meaning.keys()
    names = [f"`{name}`" for name in COMMANDS if name in meaning and not (is_training and name in TRAINING)]
    return ", ".join((["*training*"] if is_training else []) + names)


def _meaning(meaning: Mapping[str, Setting]) -> str:
    setting = next(iter(meaning.values()))
    text = setting.field.description or ""
    annotation = setting.field.annotation
    choices: list[str] = []
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        choices = [str(member) for member in annotation]
    elif get_origin(annotation) is not None:
        choices = [each for each in get_args(annotation) if isinstance(each, str)]
    if any(choice not in text for choice in choices):
        text += f"; one of {', '.join(f'`{choice}`' for choice in choices)}"
    if setting.special_environment is not None:
        text += f" (environment: `{setting.special_environment}`)"
    return text + ("; a secret, so never a flag" if setting.is_secret else "")


def _described(path: Path) -> str:
    """The first line of a file's docstring, or of the comment that a file in another language begins with."""
    if not (ROOT / path).exists():
        return ""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.suffix == ".sql":
        comment = itertools.takewhile(lambda line: line.startswith("-- "), text.splitlines())
        return " ".join(line.removeprefix("-- ") for line in comment).split(". ")[0].rstrip(".") + "."
    if path.suffix in (".css", ".js"):
        return text.splitlines()[0].strip("/* ")
    line = (ast.get_docstring(ast.parse(text)) or "").split("\n")[0]
    return re.sub(r" \(method: [^)]*\)", "", line).replace("``", "")


def main() -> None:
    """Rewrite README.md in place."""
    README.write_text(rewritten(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
