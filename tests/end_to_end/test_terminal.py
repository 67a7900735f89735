"""What a person sees in a terminal, and what a pipe gets instead."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Laptop
from tests.support.commands import Result, clean_environment, executable, run_lorentzian
from tests.support.small_market import small_markets, write_small_files
from tests.support.terminals import COLUMNS, ESCAPES, run_in_terminal
from tests.support.warm_commands import WarmLorentzian


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Three small kline files."""
    return write_small_files(tmp_path, small_markets())


def test_terminal_gets_a_bar_and_a_pipe_gets_lines(files: list[str], database: str, warm: WarmLorentzian) -> None:
    """The bar draws over itself in colour; the same work in a pipe is JSON on stderr and results on stdout."""
    env = {"DATABASE_URL": database}
    screen = run_in_terminal(["import", *files], env, warm=warm)
    assert screen.code == 0
    assert "━" in screen.text
    assert "6/6" in screen.text
    assert "\x1b[" in screen.raw
    assert "{" not in screen.text
    piped = run_lorentzian(["import", *files], env, warm=warm)
    assert [event["event"] for event in piped.events] == ["work_started", "progress"]
    assert piped.event("progress")["done"] == piped.event("progress")["total"] == 6
    assert piped.out.splitlines()[0].startswith("SOLUSDT 15m (binance-perp): 1,152 bars, 0 of them new")


def test_terminal_can_be_told_to_be_plain(files: list[str], database: str, warm: WarmLorentzian) -> None:
    """No colour, no bar, JSON, or nothing at all: each by flag or environment, the results always."""
    env = {"DATABASE_URL": database}
    command = ["import", files[0]]
    plain = run_in_terminal(command, env | {"NO_COLOR": "1"}, warm=warm)
    assert not any("[3" in escape or "[9" in escape for escape in ESCAPES.findall(plain.raw))
    quiet = run_in_terminal([*command, "--quiet"], env, warm=warm)
    assert quiet.raw == quiet.text
    assert quiet.text.count("\n") == 1
    lines = run_in_terminal([*command, "--no-progress"], env, warm=warm)
    assert "━" not in lines.text
    assert "progress" in lines.text
    as_json = run_in_terminal(command, env | {"LORENTZIAN_LOG_FORMAT": "json"}, warm=warm)
    assert as_json.raw == as_json.text
    events = [json.loads(line) for line in as_json.text.splitlines() if line.startswith("{")]
    assert [event["event"] for event in events] == ["work_started", "progress"]
    for screen in (plain, quiet, lines, as_json):
        assert screen.code == 0
        assert "1,152 bars" in screen.text


def test_pipe_can_be_told_to_be_quiet(files: list[str], database: str) -> None:
    """Nothing on stderr when nothing is wrong."""
    done = run_lorentzian(["import", *files, "--quiet"], {"DATABASE_URL": database})
    assert done.err == ""
    assert done.out.count("\n") == 3


def test_tables_fit_a_terminal_of_80_columns(laptop: Laptop, walked: Result, warm: WarmLorentzian) -> None:
    """Settings and runs, none of them cut off; in a pipe a row is a line."""
    for command in (["config", "walkforward"], ["status", "--save-path", str(laptop.folder)]):
        screen = run_in_terminal(command, laptop.env, warm=warm)
        assert screen.code == 0
        rule = next(line for line in screen.text.splitlines() if line.startswith("──"))
        assert len(rule) <= COLUMNS
        assert "…" not in screen.text
    piped = run_lorentzian(["config", "walkforward"], warm=warm)
    cells = ["database-retry-seconds", "30.0", "default", "LORENTZIAN_DATABASE_RETRY_SECONDS"]
    assert cells in [line.split() for line in piped.out.splitlines()]


@pytest.mark.slow
def test_demo_tells_what_it_will_do_and_ctrl_c_ends_it(tmp_path: Path, laptop: Laptop) -> None:
    """Two worlds and what is planted in each, before the first bar; Ctrl-C then ends with 130 and no process left."""
    screen = run_in_terminal(["demo"], laptop.env, cwd=tmp_path, cancel_at="edge world")
    told = screen.text.partition("embedded_database_used")[0].splitlines()
    assert all(len(line) <= COLUMNS for line in told)
    words = " ".join(" ".join(told).split())
    for each in ("two synthetic worlds", "SYNUSDT follows SYNBTC with a delay", "Nothing is planted"):
        assert each in words
    assert screen.text.rstrip().endswith("the same command goes on from it.")
    assert screen.code == 130
    assert screen.is_group_gone
    assert "Traceback" not in screen.text


def test_a_reader_that_goes_away_is_no_error() -> None:
    """`lorentzian config | head -1` ends in silence."""
    pipeline = f"{executable()} config walkforward | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", pipeline], env=clean_environment(), capture_output=True, text=True, check=True)
    assert [line.strip() for line in done.stdout.splitlines()] == ["lorentzian walkforward", "0"]
    assert done.stderr == ""


def test_a_full_disk_is_no_bug() -> None:
    """Output that finds no room ends with 75: it is tried again, and nothing is to be reported."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [executable(), "config"],
            env=clean_environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 75
    assert done.stderr == (
        "lorentzian: There is no room left where output or a temporary file is written. "
        "Free some space and start the command again; finished work is kept.\n"
    )


def test_a_terminal_without_a_character_shows_a_question_mark() -> None:
    """Text that its encoding lacks is no reason to end: elsewhere than in UTF-8 a dash is enough of it."""
    environment = clean_environment() | {"PYTHONIOENCODING": "latin-1", "LORENTZIAN_SAVE_PATH": "models/–"}
    done = subprocess.run([executable(), "config"], env=environment, capture_output=True, check=True)
    assert b"models/?" in done.stdout
    assert done.stderr == b""
