"""Whatever people, manifests and files say, settings are read, or the product says what is wrong with them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from job.cli import COMMANDS, CommandLine, parse, settings_class
from job.errors import ConfigError, UsageError
from job.settings.catalogue import environment_names, settings_of
from job.settings.sources import LoadedSettings, load_settings

ALL_COMMANDS = {name: settings_class(name) for name in COMMANDS}
LITTLE, MUCH = 25, 400
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "0", "-1", "1e999", "nan", "true", "1,2", "{0}", "%s", "../x", "\x1b[31m", "9" * 400, "SOLUSDT", "5m"]
    ),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
QUICKLY = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


def load(command: str, **places: Any) -> LoadedSettings[Any] | None:
    """The settings of a command from the places given; None where they are refused, in words that can be printed."""
    given_places = {"flags": {}, "environment": {}, "config_file": None} | places
    try:
        return load_settings(ALL_COMMANDS[command], command_name=command, commands=ALL_COMMANDS, **given_places)
    except ConfigError as error:
        assert error.message.isprintable() or "\n" in error.message
        assert error.remedy
        return None


def any_setting(data: st.DataObject) -> tuple[str, Any]:
    """A command and one of its settings."""
    command = data.draw(st.sampled_from(sorted(COMMANDS)))
    return command, data.draw(st.sampled_from(settings_of(ALL_COMMANDS[command])))


def check_environment(data: st.DataObject) -> None:
    """One name of a setting, set to anything."""
    command, setting = any_setting(data)
    name = data.draw(st.sampled_from(list(environment_names(setting, (command,)))))
    load(command, environment={name: data.draw(TEXTS)})


def check_flag(data: st.DataObject) -> None:
    """One setting, given anything on the command line."""
    command, setting = any_setting(data)
    load(command, flags={setting.name: data.draw(TEXTS | st.booleans() | st.lists(TEXTS, max_size=3))})


def check_line(words: list[str]) -> None:
    """Any words after a command."""
    try:
        assert isinstance(parse(words), CommandLine)
    except UsageError as error:
        assert error.remedy
    except SystemExit as ended:
        assert ended.code == 0


def check_file(data: st.DataObject, path: Path) -> None:
    """A settings file with one setting of any kind, or any bytes."""
    command, setting = any_setting(data)
    value = data.draw(VALUES)
    text = f"{setting.key} = {json.dumps(value)}\n".replace(": ", " = ").encode(errors="surrogatepass")
    path.write_bytes(data.draw(st.sampled_from([text, text[:-3], b"\xef\xbb\xbf" + text]) | st.binary(max_size=60)))
    load(command, config_file=str(path))


WORDS = st.lists(
    st.sampled_from([*COMMANDS, "--help", "--epochs", "--config", "--", "--no-progress", "-q", "--files", "="]) | TEXTS,
    max_size=5,
)


@settings(max_examples=LITTLE, **QUICKLY)
@given(data=st.data())
def test_any_value_is_read_or_refused(data: st.DataObject, tmp_path: Path) -> None:
    """From the environment, from a flag, from a file."""
    check_environment(data)
    check_flag(data)
    check_file(data, tmp_path / "settings.toml")


@settings(max_examples=LITTLE, **QUICKLY)
@given(words=WORDS)
def test_any_command_line_is_read_or_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Argparse's own way out, code 2, is never taken."""
    check_line(words)


@pytest.mark.slow
@settings(max_examples=MUCH, **QUICKLY)
@given(data=st.data(), words=WORDS)
def test_much_is_read_or_refused(
    data: st.DataObject, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same, many times over."""
    check_line(words)
    check_environment(data)
    check_flag(data)
    check_file(data, tmp_path / "settings.toml")
