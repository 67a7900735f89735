"""A scan by the walk-forward command: a run a market, judged again when all of them are counted."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from job.commands import walkforward
from job.errors import DataError
from job.execution.walkforward import FinishedRun
from job.settings.commands import WalkforwardCommand, WalkforwardsCommand
from job.settings.operation import DatabaseSettings, RunSettings
from job.settings.procedure import MarketsSettings
from job.settings.sources import LoadedSettings
from tests.support.runs import example_run
from tests.support.stored_runs import summary_of


@pytest.fixture
def scan(postgres_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command, with runs that end at once: the first has found something as long as it is alone."""
    walked: list[tuple[str, str | None]] = []
    counted: list[str] = []
    summary = summary_of(example_run(3))

    def walk(settings: WalkforwardCommand, _conninfo: str, *, title: str) -> FinishedRun:
        symbol = settings.market.symbol
        walked.append((symbol, settings.run.run_id))
        if symbol == "BADUSDT":
            raise DataError("Its bars are bad.", remedy="Mend them.")
        found = summary.model_copy(update={"verdict": "weak" if symbol == "SOLUSDT" else "no evidence"})
        name = settings.run.run_id or f"of-{symbol}"
        return FinishedRun(run_id=name, is_new=True, summary=found, report="page", model="model")

    def count_again(run_id: str, **_: object) -> SimpleNamespace:
        counted.append(run_id)
        return SimpleNamespace(summary=summary.model_copy(update={"verdict": "no evidence", "num_trials": 3}))

    monkeypatch.setattr(walkforward, "run_walkforward", walk)
    monkeypatch.setattr(walkforward, "plan_run", lambda settings, _: settings.run.run_id)
    monkeypatch.setattr(walkforward, "address_of", lambda _settings, run_id, _: run_id)
    monkeypatch.setattr(walkforward, "open_run", lambda run_id: run_id)
    monkeypatch.setattr(walkforward, "finalize", count_again)

    def run(symbols: str, run_id: str | None = None) -> SimpleNamespace:
        settings = WalkforwardsCommand(
            database=DatabaseSettings(database_url=SecretStr(postgres_server)),
            market=MarketsSettings(symbol=symbols),
            run=RunSettings(save_path=str(tmp_path), run_id=run_id),
        )
        walkforward.run(LoadedSettings(settings=settings, sources={}))
        return SimpleNamespace(walked=walked, counted=counted)

    run.walked, run.counted = walked, counted  # type: ignore[attr-defined]
    return run


def test_what_found_something_is_judged_again(scan: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Only that, when the last one is done; the table says what it came to, and a failed market what failed."""
    with pytest.raises(DataError, match=r"^Failed: BADUSDT\. Its bars are bad\."):
        scan("SOLUSDT,BADUSDT,ETHUSDT")
    assert [symbol for symbol, _ in scan.walked] == ["SOLUSDT", "BADUSDT", "ETHUSDT"]
    assert scan.counted == ["of-SOLUSDT"]
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line[:3] in ("SOL", "BAD", "ETH")}
    assert "no evidence, N = 3" in rows["SOLUSDT"]
    assert "failed: Its bars are bad." in rows["BADUSDT"]


def test_a_single_market_is_counted_once(scan: Any) -> None:
    """Its name stays what was asked for, and nothing is judged twice."""
    assert scan("SOLUSDT", "mine").walked == [("SOLUSDT", "mine")]
    assert scan.counted == []


def test_a_name_that_was_given_is_shared(scan: Any) -> None:
    """Each run takes its symbol on; without a name, each is named by its own data."""
    assert scan("SOLUSDT,ETHUSDT", "nightly").walked == [
        ("SOLUSDT", "nightly-SOLUSDT"),
        ("ETHUSDT", "nightly-ETHUSDT"),
    ]
    scan.walked.clear()
    assert scan("SOLUSDT,ETHUSDT").walked == [("SOLUSDT", None), ("ETHUSDT", None)]
