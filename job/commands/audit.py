"""``lorentzian audit``: the checks of honesty on the user's own data and settings."""

import json
from dataclasses import asdict

from job import interruption
from job.artifacts.keys import RunKeys
from job.artifacts.opening import open_store
from job.artifacts.stored_records import record_bytes
from job.audit.battery import num_checks, run_audit
from job.audit.finding import AuditFinding
from job.audit.subject import AuditSubject, read_subject
from job.commands.results import add_texts, is_for_machines, results_console, results_table
from job.data.postgres import connect
from job.database import open_database
from job.device import choose_device, limit_threads
from job.errors import CheckFailed, ExitCode
from job.execution.opening import draft_plan, procedure_of
from job.progress import track
from job.records import AuditFindingRecord, AuditRecord, PlanRecord
from job.report.stored_run import open_stored_run
from job.run.plan import check_same_run, read_plan
from job.settings.commands import AuditCommand
from job.settings.sources import LoadedSettings

STYLES = {"pass": "green", "fail": "bold red", "not run": "yellow"}


def run(loaded: LoadedSettings[AuditCommand]) -> ExitCode:
    """Make the checks, print each, and fail where one of them failed."""
    settings = loaded.settings
    limit_threads(settings.compute.threads)
    subject = _read(loaded)
    findings: list[AuditFinding] = []
    deep = settings.audit.deep
    with track("checks", settings.output) as tracker:
        total = num_checks(subject)
        for finding in run_audit(subject, deep=deep):
            findings.append(finding)
            tracker.advance_to(len(findings), total, note=finding.check)
    _print(findings, as_lines=is_for_machines(settings.output))
    _keep(settings, subject.plan, findings)
    failed = [finding for finding in findings if finding.outcome == "fail"]
    if failed:
        raise CheckFailed(
            f"{len(failed)} of {len(findings)} checks failed: {', '.join(f.check for f in failed)}.",
            remedy=failed[0].remedy,
        )
    return ExitCode.DONE


def _read(loaded: LoadedSettings[AuditCommand]) -> AuditSubject:
    settings = loaded.settings
    device, named = choose_device(settings.compute.device), _named_plan(loaded)
    with interruption.at_once(), open_database(settings.database) as conninfo, connect(conninfo) as connection:
        plan = named or draft_plan(connection, settings, device=str(device))
        return read_subject(connection, plan, device=device)


def _named_plan(loaded: LoadedSettings[AuditCommand]) -> PlanRecord | None:
    """The plan of the run that is named, None where none is; settings that were given beside it must be its own."""
    run = loaded.settings.run
    if run.run_id is None:
        return None
    plan, asked = open_stored_run(open_store(run.save_path), run.run_id).plan, procedure_of(loaded.settings)
    names = {name for group in asked.model_dump().values() for name in group}
    if any(loaded.sources.get(name, "default") != "default" for name in names):
        check_same_run(plan, asked, plan.kind)
    return plan


def _keep(settings: AuditCommand, plan: PlanRecord, findings: list[AuditFinding]) -> None:
    """Store the findings with the run of these settings, for its page; nothing where there is no such run."""
    store = open_store(settings.run.save_path)
    run = read_plan(store, plan.run_id)
    if run is None or run.procedure != plan.procedure:
        return
    record = AuditRecord(
        end_ms=plan.end_ms,
        is_deep=settings.audit.deep,
        findings=tuple(AuditFindingRecord(**asdict(finding)) for finding in findings),
    )
    store.put(RunKeys(plan.run_id).audit, record_bytes(record))


def _print(findings: list[AuditFinding], *, as_lines: bool) -> None:
    if as_lines:
        for finding in findings:
            print(json.dumps(asdict(finding)))
        print(json.dumps({"event": "audited", "result": _last_line(findings)}))
        return
    table = results_table("check", "", "proves", "evidence", title="Audit")
    for finding in findings:
        cells = (finding.check, finding.outcome, finding.proves, finding.evidence)
        add_texts(table, *cells, style=STYLES[finding.outcome] if finding.outcome != "pass" else "")
    results_console().print(table)
    print(_last_line(findings))


def _last_line(findings: list[AuditFinding]) -> str:
    counts = {outcome: [f.check for f in findings if f.outcome == outcome] for outcome in STYLES}
    line = f"{len(counts['pass'])} of {len(findings)} checks passed, {len(counts['fail'])} failed"
    if counts["not run"]:
        line += f"; not run, so not passed: {', '.join(counts['not run'])}"
    return f"{line}."
