import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repository import ROOT

MODULE = """
import pytest

@pytest.fixture
def server():
    pytest.skip("the server is not installed")

def test_with_a_server(server): ...

@pytest.mark.skipif(True, reason="the tool is not installed")
def test_with_a_tool(): ...

def test_without_klines():
    pytest.skip("SOLUSDT-5m.csv.gz is not there")

@pytest.mark.xfail(strict=True)
def test_of_what_is_known_to_fail():
    raise AssertionError
"""


@pytest.mark.parametrize(
    ("value", "counts"), [("1", {"3 skipped", "1 xfailed"}), ("0", {"1 skipped", "1 xfailed", "2 errors"})]
)
def test_a_skip_for_want_of_a_tool_fails_where_none_may(tmp_path: Path, value: str, counts: set[str]) -> None:
    """With TESTS_MAY_SKIP=0 an absent tool is an error that names the test; absent real klines stay a skip."""
    (tmp_path / "test_module.py").write_text(MODULE)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider", "-p", "no:xdist", "."],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "", "TESTS_MAY_SKIP": value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(re.findall(r"\d+ (?:skipped|xfailed|errors?)", ended.stdout)) == counts, ended.stdout + ended.stderr
    assert (ended.returncode == 0) is (value == "1")
    assert ("test_with_a_tool was not run" in ended.stdout) is (value == "0")
