"""A Dockerfile as its instructions: for the laws that a linter does not know. Knows no image."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One instruction, its continued lines joined; the stage is the one it stands in, 0 before the first ``FROM``."""

    name: str
    value: str
    stage: int


def read_dockerfile(path: Path) -> list[Instruction]:
    """The instructions of a file, comments left out."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and line.lstrip()[0] != "#"]
    logical = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    instructions: list[Instruction] = []
    stage = 0
    for line in logical:
        name, _, value = line.strip().partition(" ")
        stage += name.upper() == "FROM"
        instructions.append(Instruction(name=name.upper(), value=value.strip(), stage=stage))
    return instructions


def global_arguments(instructions: list[Instruction]) -> dict[str, str]:
    """What stands before the first stage, each default with those before it filled in."""
    found: dict[str, str] = {}
    for instruction in instructions:
        if instruction.name == "ARG" and instruction.stage == 0:
            name, _, default = instruction.value.partition("=")
            found[name] = expand(default.strip('"'), found)
    return found


def expand(text: str, values: dict[str, str]) -> str:
    """``${NAME}`` and ``$NAME`` replaced by their values, where they have one."""
    return re.sub(r"\$\{?(\w+)\}?", lambda match: values.get(match[1], match[0]), text)


def stage_line(instructions: list[Instruction], last: int) -> list[Instruction]:
    """What makes a stage: its own instructions, after those of the stages of this file that it is built from."""
    names = {}
    for instruction in instructions:
        if instruction.name == "FROM":
            base, _, alias = re.match(r"(\S+)( AS (\S+))?", instruction.value).groups()  # type: ignore[union-attr]
            names[instruction.stage] = (base, alias)
    by_alias = {alias: stage for stage, (_, alias) in names.items() if alias is not None}
    parent = by_alias.get(names[last][0])
    own = [instruction for instruction in instructions if instruction.stage == last]
    return own if parent is None else stage_line(instructions, parent) + own
