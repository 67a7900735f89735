import signal
from collections.abc import Iterator
from types import ModuleType

import pytest

from job import __main__ as program
from job import interruption


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """The program's handlers and requests end with the test."""
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in previous.items():
        signal.signal(number, handler)
    interruption._requested.clear()


def exit_code(*arguments: str) -> int:
    """What the program ends with."""
    with pytest.raises(SystemExit) as ended:
        program.main(arguments)
    return int(ended.value.code or 0)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_request_while_libraries_load_is_obeyed_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: signal.Signals, code: int
) -> None:
    """On a busy node that takes half a minute, in which there is nothing to keep."""
    reached = []

    def load(_: str) -> ModuleType:
        signal.raise_signal(number)
        reached.append("the end of loading")
        return ModuleType("command")

    monkeypatch.setattr(program, "import_module", load)
    assert exit_code("status") == code
    assert reached == []
    assert "goes on from it" in capsys.readouterr().err


def test_library_that_swallows_the_request_does_not_hide_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that fails because it was interrupted is an interruption, and no missing package."""

    def load(_: str) -> ModuleType:
        try:
            signal.raise_signal(signal.SIGTERM)
        except Exception as error:
            raise ModuleNotFoundError("No module named 'numpy.core'", name="numpy.core") from error
        raise AssertionError("it was not interrupted")

    monkeypatch.setattr(program, "import_module", load)
    assert exit_code("status") == 143


def test_missing_extra_is_a_setting_that_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """78 with the pip line."""

    def load(_: str) -> ModuleType:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(program, "import_module", load)
    assert exit_code("status") == 78
    assert "pip install" in capsys.readouterr().err
