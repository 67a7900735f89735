"""Settings as people, manifests and files get them wrong: flags, environment, TOML, password files, save paths."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from job.artifacts.opening import open_store
from job.cli import COMMANDS, parse, settings_class
from job.database import open_database
from job.errors import ConfigError, UsageError
from job.settings.operation import DatabaseSettings
from job.settings.sources import load_settings
from tests.bad_input.registry import READ, BadInput

Feed = Callable[[Path], object]
NOWHERE = "postgresql://user@127.0.0.1:1/database"


def environment(values: Mapping[str, str], command: str = "walkforward") -> Feed:
    """Settings from the environment."""
    return lambda folder: load(command, environment=values)


def toml(content: str | bytes) -> Feed:
    """Settings from a file."""

    def feed(folder: Path) -> object:
        path = folder / "settings.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load("walkforward", config_file=str(path))

    return feed


def load(command: str, **places: Any) -> object:
    """Load the settings of a command from the places that are given."""
    return load_settings(
        settings_class(command),
        command_name=command,
        commands={name: settings_class(name) for name in COMMANDS},
        **({"flags": {}, "environment": {}, "config_file": None} | places),
    )


def flags(*arguments: str) -> Feed:
    """A command line."""
    return lambda folder: parse(arguments)


def save_path(path: str) -> Feed:
    """A place for results."""
    return lambda folder: open_store(path)


def password_file(content: bytes | None, url: str = NOWHERE) -> Feed:
    """A database with its password in a file; None names a folder."""

    def feed(folder: Path) -> object:
        path = folder / "password"
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content)
        settings = DatabaseSettings(
            database_url=SecretStr(url), database_password_file=str(path), database_retry_seconds=0
        )
        with open_database(settings) as conninfo:
            return conninfo

    return feed


def _of(kind: str, outcome: type[Exception] | str, cases: Mapping[str, tuple[Feed, str]]) -> tuple[BadInput, ...]:
    return tuple(
        BadInput(kind=kind, name=name, feed=feed, outcome=outcome, words=words)  # type: ignore[arg-type]
        for name, (feed, words) in cases.items()
    )


INPUTS = (
    *_of(
        "command line",
        UsageError,
        {
            "no such command": (flags("walkfoward"), "no command 'walkfoward'"),
            "no such flag": (flags("train", "--epoch", "5"), "knows no '--epoch'"),
            "a password in a flag that is none": (flags("train", "--pasword=canary"), "knows no '--pasword'"),
            "a flag without its value": (flags("train", "--epochs"), "expected one argument"),
            "bytes that are no UTF-8": (flags("train", "--\udcff"), "knows no"),
        },
    ),
    *_of(
        "environment",
        ConfigError,
        {
            "no such name": (environment({"LORENTZIAN_EPOCS": "3"}), "LORENTZIAN_EPOCS"),
            "a name of 100,000 letters": (environment({f"LORENTZIAN_{'A' * 100_000}": "3"}), "is no setting"),
            "a name with two meanings": (environment({"LORENTZIAN_TEST_SIZE": "7"}), "means a fraction"),
            "not a number": (environment({"LORENTZIAN_LR": "fast"}), "is not a number"),
            "NaN": (environment({"LORENTZIAN_LR": "nan"}), "'nan' is not"),
            "infinite": (environment({"LORENTZIAN_LR": "1e400"}), "is not at most"),
            "a number of 5,000 digits": (environment({"LORENTZIAN_EPOCHS": "9" * 5_000}), "is too large a number"),
            "ten megabytes": (environment({"LORENTZIAN_LR": "A" * 10_000_000}), "is not a number"),
            "bytes that are no UTF-8": (environment({"LORENTZIAN_SYMBOL": "SOL\udcff"}), "is not text in UTF-8"),
            "braces, which are no template": (environment({"LORENTZIAN_WAIT": "{0}"}, "doctor"), "is not a duration"),
            "a path as a run id": (environment({"LORENTZIAN_RUN_ID": "../up"}), "is not written like my-run-1"),
            "a line break in a run id": (environment({"LORENTZIAN_RUN_ID": "a\n"}), "is not written like my-run-1"),
        },
    ),
    *_of(
        "settings file",
        ConfigError,
        {
            "absent": (lambda folder: load("train", config_file=str(folder / "no.toml")), "cannot be read"),
            "a folder": (lambda folder: load("train", config_file=str(folder)), "Is a directory"),
            "a device without end": (lambda folder: load("train", config_file="/dev/zero"), "has more than"),
            "NUL in its path": (lambda folder: load("train", config_file="a\0b"), "it is no path"),
            "not TOML": (toml("lr = "), "is not TOML"),
            "UTF-16": (toml("lr = 1".encode("utf-16")), "is not TOML"),
            "NUL bytes": (toml(bytes(100)), "is not TOML"),
            "NUL in a value": (toml('save-path = "a\\u0000b"'), "NUL character"),
            "nested 4,000 deep": (toml("lr = " + "[" * 4_000), "is not TOML"),
            "a key of 2,000 parts": (toml("a." * 2_000 + "b = 1"), "unknown setting"),
            "a key of 20,000 parts": (toml("a." * 20_000 + "b = 1"), "in one line"),
            "a number of 4,000 digits": (toml("epochs = " + "9" * 4_000), "is not at most"),
            "twenty megabytes": (toml("#" * 20_000_000), "has more than"),
            "a date for text": (toml("symbol = 1979-05-27"), "is not text"),
            "a table for a number": (toml("[lr]\nvalue = 1"), "is not a number"),
            "no such setting": (toml("windowsize = 3"), "unknown setting 'windowsize'"),
        },
    ),
    *_of("settings file", READ, {"byte order mark, CRLF": (toml(b"\xef\xbb\xbfepochs = 3\r\nlr = 0.1\r\n"), "")}),
    *_of(
        "password file",
        ConfigError,
        {
            "a folder": (password_file(None), "cannot be read"),
            "empty": (password_file(b"\n"), "does not hold one line"),
            "two lines": (password_file(b"one\ntwo\n"), "does not hold one line"),
            "NUL bytes": (password_file(b"pass\0word"), "does not hold one line"),
            "no UTF-8": (password_file(b"\xff\xfe"), "cannot be read"),
            "twenty megabytes": (password_file(b"a" * 20_000_000), "does not hold one line"),
            "beside an unreadable URL": (password_file(b"good", "postgres//u:pass@host/db"), "(it is not shown"),
        },
    ),
    *_of(
        "connection string",
        ConfigError,
        {
            "bytes that are no UTF-8": (password_file(b"good", "postgresql://user@host/\udcff"), "(it is not shown"),
            "a password with an @": (password_file(b"good", "postgresql://u:pa@ss@host/db"), "(it is not shown"),
        },
    ),
    *_of(
        "save path",
        ConfigError,
        {
            "empty": (save_path(" "), "is empty"),
            "NUL": (save_path("a\0b"), "is empty"),
            "another scheme": (save_path("ftp://host/results"), "names no store"),
            "keys in the address": (save_path("s3://key:secret@bucket/x"), "names no bucket and prefix"),
            "a way out of the prefix": (save_path("s3://bucket/../other"), "names no bucket and prefix"),
            "home of nobody": (save_path("~nobody-of-that-name/x"), "a user that this machine does not know"),
            "a name of 5,000 letters": (save_path("a" * 5_000), "aaa"),
        },
    ),
)
