"""Tests of the audit as a command: what it prints, and how it ends."""

import json
from pathlib import Path

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.stored_records import parse_record
from job.audit import battery
from job.commands import audit
from job.errors import CheckFailed, ConfigError, ExitCode
from job.execution.opening import plan_run
from job.records import AuditRecord
from job.settings.commands import AuditCommand, PlanCommand
from job.settings.operation import DatabaseSettings, OutputSettings
from job.settings.sources import LoadedSettings
from tests.support.small_run import BAR_MS, END_MS, RUN_ID, change_close, small_settings


@pytest.fixture(autouse=True)
def few_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer cut times: how many there are is not what is tested here."""
    monkeypatch.setattr(battery, "NUM_CUTS", 2)


def run_audit(
    conninfo: str, folder: Path, output: OutputSettings, *, run_id: str | None = None, given: str | None = None
) -> ExitCode:
    """The command on the small market, with a model that trains at once; ``given`` is a setting that was a flag."""
    planned: PlanCommand = small_settings(folder, run_id=run_id)
    groups = {name: getattr(planned, name) for name in PlanCommand.model_fields}
    groups |= {"database": DatabaseSettings.model_validate({"database_url": conninfo}), "output": output}
    sources = {} if given is None else {given: f"--{given}"}
    return audit.run(LoadedSettings(settings=AuditCommand(**groups), sources=sources))


def test_audit_of_honest_data_ends_well_and_says_what_was_not_run(
    small_market: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table has a row a check; the last line counts them and names those that prove nothing; nothing is stored."""
    assert run_audit(small_market, tmp_path, OutputSettings(quiet=True)) is ExitCode.DONE
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("truncation") and " pass " in line for line in lines)
    assert lines[-1].startswith("11 of 17 checks passed, 0 failed; not run, so not passed: ")
    assert list(tmp_path.iterdir()) == []


def test_audit_of_a_run_is_stored_with_it(small_market: str, tmp_path: Path) -> None:
    """A run that is named is looked at with its own settings, and every finding lies beside it, for its page."""
    plan_run(small_settings(tmp_path, fee_bps=1.0), small_market)
    run_audit(small_market, tmp_path, OutputSettings(quiet=True), run_id=RUN_ID)
    stored = LocalStore(tmp_path).get(RunKeys(RUN_ID).audit)
    assert stored is not None
    record = parse_record(AuditRecord, stored.data, where="audit")
    assert (record.end_ms, record.is_deep, len(record.findings)) == (END_MS, False, 17)
    assert {finding.outcome for finding in record.findings} == {"pass", "not run"}


def test_audit_of_a_run_refuses_another_name_and_other_settings(small_market: str, tmp_path: Path) -> None:
    """Nobody takes the checks of one run for those of another: a name without a run, and flags that are not its own."""
    plan_run(small_settings(tmp_path, fee_bps=1.0), small_market)
    with pytest.raises(ConfigError, match="There is no run another"):
        run_audit(small_market, tmp_path, OutputSettings(quiet=True), run_id="another")
    with pytest.raises(ConfigError, match=r"other settings: fee-bps 1\.0 \(here 5\.0\)"):
        run_audit(small_market, tmp_path, OutputSettings(quiet=True), run_id=RUN_ID, given="fee_bps")
    assert LocalStore(tmp_path).get(RunKeys(RUN_ID).audit) is None


def test_audit_fails_where_a_bar_was_changed_after_its_row_was_stored(
    small_database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 4 with the remedy of the check that failed; as JSON, a line a check and one for the whole."""
    change_close(small_database, END_MS - 20 * BAR_MS)
    with pytest.raises(CheckFailed, match=r"1 of 17 checks failed: stored rows\.") as caught:
        run_audit(small_database, tmp_path, OutputSettings(quiet=True, log_format="json"))
    assert caught.value.exit_code is ExitCode.CHECK_FAILED
    assert "lorentzian features" in caught.value.remedy
    *findings, last = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [f["check"] for f in findings if f["outcome"] == "fail"] == ["stored rows"]
    assert last["event"] == "audited" and last["result"].startswith("10 of 17 checks passed, 1 failed")
