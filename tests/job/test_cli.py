import subprocess
import sys

import pytest

from job.cli import COMMANDS, parse, settings_class
from job.errors import ExitCode, UsageError
from job.settings.catalogue import settings_of

SLOW = ("torch", "boto3", "pandas", "psycopg", "numpy", "sklearn", "rich", "requests")


def usage_error(*arguments: str) -> UsageError:
    """The error that a command line ends with."""
    with pytest.raises(UsageError) as caught:
        parse(arguments)
    assert caught.value.exit_code is ExitCode.USAGE
    return caught.value


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_names_every_flag(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Help ends with 0, and shows each setting's flag and description, an example, and no secret."""
    with pytest.raises(SystemExit) as caught:
        parse([command, "--help"])
    assert caught.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for setting in settings_of(settings_class(command)):
        if setting.is_secret:
            assert f"--{setting.key} " not in shown
        else:
            assert (setting.positional or f"--{setting.key}") in shown
            assert " ".join((setting.field.description or "").split()[:3]) in shown
    assert COMMANDS[command].example in shown


def test_help_says_which_switches_are_on(capsys: pytest.CaptureFixture[str]) -> None:
    """A switch that is on unless it is turned off looks like one that is off, unless help says so."""
    with pytest.raises(SystemExit):
        parse(["walkforward", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "--refit, --no-refit fit once more on all training days with what validation has chosen [on]" in shown
    assert "--anchored, --no-anchored training windows all start with the first day, and grow --reduce-test" in shown


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_overview_lists_every_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command, or asking for help, one sees them all, each with what it does."""
    with pytest.raises(SystemExit) as caught:
        parse(arguments)
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert f"  {name} " in shown
        assert command.summary in shown


@pytest.mark.parametrize("arguments", ["--help", "walkforward --help", "demo --help"])
def test_help_imports_nothing_slow(arguments: str) -> None:
    """Help answers at once, because nothing that takes long is imported for it."""
    program = (
        "import sys\nfrom job.__main__ import main\n"
        f"try:\n    main({arguments.split()!r})\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        f"print([name for name in {SLOW!r} if name in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stderr.strip() == "[]"


def test_parse_gives_only_the_flags_that_were_typed() -> None:
    """What was not typed is left to the environment, the file and the defaults."""
    line = parse(["walkforward", "--data-days", "365", "--no-progress", "--context", "", "--config", "my.toml"])
    assert line.name == "walkforward"
    assert line.flags == {"data_days": "365", "progress": False, "context": ""}
    assert line.config_file == "my.toml"
    assert parse(["walkforward"]).flags == {}
    assert parse(["walkforward"]).config_file is None


def test_parse_takes_the_guides_command_lines() -> None:
    """The two commands of the guide, flag for flag."""
    train = "train --data-days 90 --test-size 0.2 --epochs 50 --lr 0.001 --batch-size 64 --save-path models/trained"
    assert len(parse(train.split()).flags) == 6
    walkforward = (
        "walkforward --data-days 180 --window-size 30 --test-size 7 --epochs 30 --optimize-metric sharpe_ratio"
    )
    assert parse(walkforward.split()).flags["optimize_metric"] == "sharpe_ratio"


def test_parse_takes_files_and_words_in_place() -> None:
    """Files of an import, a command to show the settings of, several kline files."""
    assert parse(["import", "a.csv", "b.zip", "--symbol", "SOLUSDT"]).flags["files"] == ["a.csv", "b.zip"]
    assert parse(["config", "train"]).flags == {"command": "train"}
    assert parse(["config"]).flags == {}
    assert parse(["demo", "--klines", "a.csv", "b.csv", "--live"]).flags == {"klines": ["a.csv", "b.csv"], "live": True}


def test_help_of_a_command_can_be_asked_for_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    """`lorentzian help train` is `lorentzian train --help`."""
    for arguments in (["help", "train"], ["train", "--help"]):
        with pytest.raises(SystemExit):
            parse(arguments)
    first, second = capsys.readouterr().out.split("usage: ")[1:]
    assert first == second
    assert "`lorentzian train`" in usage_error("help", "trian").remedy


def test_parse_suggests_the_nearest_command() -> None:
    """A misspelled command ends with 64 and the right word; nonsense with where to look."""
    assert "`lorentzian walkforward`" in usage_error("walkfoward").remedy
    assert "--help" in usage_error("xyzzy").remedy


def test_parse_suggests_the_nearest_flag() -> None:
    """A misspelled flag ends with 64 and the right one, also where it carries a value."""
    assert "Did you mean --data-days?" in usage_error("train", "--data-day", "90").remedy
    assert "Did you mean --epochs?" in usage_error("train", "--epoch=5").remedy


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["train", "--data"], id="an abbreviation"),
        pytest.param(["train", "--epochs"], id="a missing value"),
        pytest.param(["train", "extra"], id="a word too many"),
        pytest.param(["train", "--window-size", "3"], id="another command's flag"),
        pytest.param(["import"], id="no file"),
        pytest.param(["train", "--debug=yes"], id="a value for a switch"),
    ],
)
def test_parse_refuses_with_64(arguments: list[str]) -> None:
    """The exit code 2 of argparse never leaves the program."""
    assert usage_error(*arguments).remedy


def test_parse_shows_no_password_that_was_typed() -> None:
    """A secret has no flag; who tries one is told so without the secret."""
    error = usage_error("train", "--database-url=postgresql://user:correct-horse@host/database")
    assert "--database-url" in error.message
    assert "correct-horse" not in str(error)


def test_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The name and a number."""
    with pytest.raises(SystemExit) as caught:
        parse(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("lorentzian 0.")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_settings(command: str) -> None:
    """The plain-text table names classes that exist, and its example calls the command by its name."""
    assert settings_class(command).__name__ == COMMANDS[command].settings
    assert f"lorentzian {command}" in COMMANDS[command].example
