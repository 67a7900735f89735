"""The report command: from what is stored, of the run that was named or the newest, and as strict as it is asked."""

from pathlib import Path

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.stored_records import record_bytes
from job.commands import report
from job.errors import CheckFailed, ConfigError, DataError, ExitCode, TransientError, UsageError
from job.intervals import DAY_MS
from job.records import HoldoutRecord, IntervalRecord, MeasureRecord
from job.settings.commands import ReportCommand
from job.settings.operation import ReportSettings, RunSettings
from job.settings.sources import LoadedSettings
from tests.support.runs import TRADED, example_run, flat_run
from tests.support.stored_runs import PAGE, store_run, summary_of


def run_report(folder: Path, *, name: str | None = None, run_id: str | None = None, **asked: str) -> ExitCode:
    """The command on a folder."""
    settings = ReportCommand(
        run=RunSettings(save_path=str(folder), run_id=run_id), report=ReportSettings(reported_run=name, **asked)
    )
    return report.run(LoadedSettings(settings=settings, sources={}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished run named ``one``."""
    store_run(example_run(9), tmp_path, run_id="one")
    return tmp_path


@pytest.mark.parametrize("how", [{}, {"name": "one"}, {"run_id": "one"}, {"name": "one", "run_id": "one"}])
def test_report_prints_the_stored_summary(
    folder: Path, capsys: pytest.CaptureFixture[str], how: dict[str, str]
) -> None:
    """Verdict, numbers, and where the page is, however the run is named, or not."""
    assert run_report(folder, **how) is ExitCode.DONE
    out = " ".join(capsys.readouterr().out.split())
    summary = summary_of(example_run(9))
    assert out.startswith(f"Verdict: {summary.verdict}. {summary.verdict_reason}")
    assert TRADED in out
    assert f"Report: {folder}/runs/one/report.html" in out


def test_report_takes_the_newest_finished_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that is planned later and finished comes before; one that still runs does not."""
    store_run(flat_run(), folder, run_id="two")
    store_run(example_run(3), folder, run_id="unfinished", is_finished=False)
    run_report(folder)
    assert "runs/two/report.html" in capsys.readouterr().out


def test_report_writes_the_stored_page(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The page is copied byte for byte, and its place said; a folder that is not there is a setting to mend."""
    run_report(folder, html=str(tmp_path / "page.html"))
    assert (tmp_path / "page.html").read_bytes() == PAGE
    assert f"Page: {tmp_path}/page.html" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="cannot be written"):
        run_report(folder, html=str(tmp_path / "nowhere" / "page.html"))


def test_report_fails_where_the_verdict_is_less_than_required(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each required word against each verdict; the report is printed all the same, and the code is 4."""
    for verdict, least in (("no evidence", 2), ("weak", 1), ("evidence", 0)):
        summary = summary_of(example_run(9)).model_copy(update={"verdict": verdict})
        monkeypatch.setattr(report.open_stored_run.__globals__["StoredRun"], "summary", lambda _, s=summary: s)
        failed = 0
        for required in ("weak", "evidence"):
            try:
                run_report(folder, require=required)
            except CheckFailed as error:
                failed += 1
                assert error.exit_code is ExitCode.CHECK_FAILED
                assert error.remedy == summary.next
            assert f"Verdict: {verdict}." in capsys.readouterr().out
        assert failed == least


def test_report_of_what_is_not_there_says_so(folder: Path, tmp_path: Path) -> None:
    """No such run, no run at all, a run without a result, and two names at once: each its own error."""
    with pytest.raises(ConfigError, match="no run other"):
        run_report(folder, name="other")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="no finished run"):
        run_report(tmp_path / "empty")
    store_run(example_run(3), folder, run_id="unfinished", is_finished=False)
    with pytest.raises(TransientError, match="unfinished has no result yet"):
        run_report(folder, name="unfinished")
    with pytest.raises(UsageError, match="Two runs were named: one, two"):
        run_report(folder, name="one", run_id="two")


def test_report_believes_the_manifest_alone(folder: Path) -> None:
    """A summary that is not the manifest's is refused."""
    path = folder / "runs" / "one" / "summary.json"
    path.write_bytes(path.read_bytes().replace(b'"verdict"', b'"verdict" '))
    with pytest.raises(DataError, match="not what its manifest says"):
        run_report(folder)


def test_report_prints_the_days_locked_away(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Once they are opened, what they said and what that is worth; before that, nothing of them."""
    run_report(folder)
    assert "locked away, 20" not in capsys.readouterr().out
    record = HoldoutRecord(
        start_ms=0,
        end_ms=DAY_MS,
        model_hash="00",
        opening=2,
        is_spent=True,
        spent_reason="Run a opened these days first, at noon.",
        num_days=1,
        num_bars=96,
        measures={"total_return": MeasureRecord(value=-0.05)},
        sharpe_interval=IntervalRecord(low=None, high=None, reason="too_short"),
    )
    LocalStore(folder).put("runs/one/holdout.json", record_bytes(record))
    run_report(folder)
    out = " ".join(capsys.readouterr().out.split())
    assert "net return -5.0%" in out
    assert "Spent: Run a opened these days first, at noon." in out and "This was opening 2." in out
    assert f"Holdout: {folder}/runs/one/holdout.json" in out
