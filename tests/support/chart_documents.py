"""The parts of the chart that are made from other files; ``python -m tests.support.chart_documents`` writes them anew.

In values.schema.json what a setting may be, from the settings of the program; in README.md the table of values, from
values.yaml and the comments in it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from job.cli import settings_class
from job.intervals import INTERVAL_MS
from job.settings.catalogue import Setting, settings_of
from tests.support.repository import ROOT

CHART = ROOT / "charts/lorentzian-trainer"
# What the chart says itself, from values of its own: never in `settings`.
OWN_GROUPS = frozenset({"run", "index", "job", "store", "telemetry"})
OWN_SETTINGS = frozenset(
    {"database_url", "database_password_file", "embedded_database", "host", "port", "metrics_port", "progress"}
)
OWN_OF_ACCESS = ("auth_", "insecure_no_auth")
COMMENT = re.compile(r"( *)# ?(-- )?(.*)")
DECIMAL = r"^-?[0-9]+\.[0-9]+$"
KEY = re.compile(r"( *)([A-Za-z][\w-]*):(.*)")


@dataclass(frozen=True, kw_only=True)
class Value:
    """A row of the table: a value of the chart, and what its comment says."""

    path: str
    default: object
    description: str


def chart_settings(command_name: str) -> dict[str, Setting]:
    """The settings of a command that a values file may give, by their names in a file."""
    return {
        setting.key: setting
        for setting in settings_of(settings_class(command_name))
        if setting.group not in OWN_GROUPS
        and setting.name not in OWN_SETTINGS
        and not setting.name.startswith(OWN_OF_ACCESS)
    }


def settings_schema(command_name: str) -> dict[str, Any]:
    """What each of them may be, so that a wrong value fails before anything is installed."""
    command = settings_class(command_name)
    properties = {}
    for key, setting in chart_settings(command_name).items():
        group: Any = command.model_fields[setting.group].annotation
        schema = group.model_json_schema()
        properties[key] = _plain(schema["properties"][setting.name], schema.get("$defs", {}))
    if "interval" in properties:
        properties["interval"]["enum"] = list(INTERVAL_MS)  # its validator is code
    return {"type": "object", "additionalProperties": False, "properties": dict(sorted(properties.items()))}


def _plain(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """A setting's schema without references, defaults and null, which a values file has no use for."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[1]] | schema
    dropped = ("$ref", "$defs", "title", "default", "anyOf", "environment", "positional")
    plain = {name: value for name, value in schema.items() if name not in dropped}
    kinds = [_plain(kind, definitions) for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if kinds:
        plain = kinds[0] | plain
    if plain.get("type") == "array":
        return {"description": plain["description"], "anyOf": [{"type": "string"}, {"type": "array", **_items(plain)}]}
    if plain.get("type") == "number":
        return plain | {"type": ["number", "string"], "pattern": DECIMAL}  # which `helm --set key=2.5` makes a string
    return plain


def _items(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"items": schema["items"]} if "items" in schema else {}


def schema_text(text: str) -> str:
    """values.schema.json with the settings as they are now."""
    schema = json.loads(text)
    schema["definitions"]["settings"] = settings_schema("window")
    schema["definitions"]["dashboardSettings"] = settings_schema("dashboard")
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def chart_values(text: str) -> Iterator[Value]:
    """Every value that values.yaml describes, in its order.

    Raises
    ------
    ValueError
        Where a value has no description of its own, and none of what it belongs to.
    """
    defaults = yaml.safe_load(text)
    path: list[str] = []
    comment: list[str] = []
    described: tuple[str, ...] | None = None
    for line in text.splitlines():
        if (match := COMMENT.fullmatch(line)) is not None:
            comment = [match[3]] if match[2] else [*comment, match[3]] if comment else []
        elif (match := KEY.fullmatch(line)) is not None and len(match[1]) % 2 == 0:
            del path[len(match[1]) // 2 :]
            path.append(match[2])
            if described is not None and tuple(path[: len(described)]) == described:
                continue  # a part of what was described as a whole
            if comment:
                described = tuple(path)
                yield Value(path=".".join(path), default=_at(defaults, path), description=" ".join(comment))
            elif match[3].strip():
                raise ValueError(f"{'.'.join(path)} has no `# --` comment")
            comment = []
        elif not line.strip():
            comment = []


def _at(values: Any, path: list[str]) -> object:
    for key in path:
        values = values[key]
    return values


def values_table(text: str) -> str:
    """The table of values, a row a value."""
    rows = [
        f"| `{value.path}` | `{json.dumps(value.default, ensure_ascii=False)}` | {value.description} |"
        for value in chart_values(text)
    ]
    return "\n".join(["| value | default | what it is |", "| --- | --- | --- |", *rows])


def readme_text(text: str, values: str) -> str:
    """The chart's README with the table as it is now."""
    part = re.compile(r"(<!-- begin values .*?-->\n).*?(<!-- end values -->)", re.DOTALL)
    if len(part.findall(text)) != 1:
        raise ValueError("the chart's README.md must hold the part of the values exactly once")
    return part.sub(lambda match: f"{match[1]}{values_table(values)}\n{match[2]}", text)


def rewritten(folder: Path = CHART) -> dict[Path, str]:
    """Each file that has such a part, as it should be."""
    schema, readme, values = (folder / name for name in ("values.schema.json", "README.md", "values.yaml"))
    return {
        schema: schema_text(schema.read_text(encoding="utf-8")),
        readme: readme_text(readme.read_text(encoding="utf-8"), values.read_text(encoding="utf-8")),
    }


def main() -> None:
    """Rewrite them in place."""
    for path, text in rewritten().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
