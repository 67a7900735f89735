import pytest

from job.commands import train
from tests.support.runs import example_run


def test_train_tells_every_model_on_a_line_of_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The traded model on validation and on the test, then each baseline; no name is broken over two lines."""
    run = example_run(1)
    (record,) = run.windows
    monkeypatch.setenv("COLUMNS", "80")
    train._print(run.plan, record, traded=record.traded_model)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    told = [line.split("  ")[0] for line in lines]
    names = [name for name in told if name.removesuffix(" (validation)") in record.models]
    assert names[:2] == [f"{record.traded_model} (validation)", record.traded_model]
    assert sorted(names[1:]) == sorted(record.models)
