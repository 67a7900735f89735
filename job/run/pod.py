"""The id of a run whose pods belong to a Kubernetes Job. Pure.

A pod sees its Job's name and uid, as labels, and nothing of the CronJob that made the Job. That controller names its
Jobs after the minute of their schedule, ``<CronJob>-<minutes since 1970>``, so whoever knows the CronJob's name can
read from the Job's when it was due: the same schedule is the same run, although its Job be made anew.
"""

import re
from datetime import UTC, datetime

from job.intervals import MINUTE_MS, SECOND_MS
from job.settings.operation import JobSettings

UID_DIGITS = 8
MAX_LENGTH = 63  # of a run id


def run_id_of(job: JobSettings) -> str | None:
    """The id of the Job's run, or None where this process belongs to none."""
    if job.job_name is None:
        return None
    due = _scheduled_minute(job.job_name, job.cron_job)
    if due is not None:
        ending = datetime.fromtimestamp(due * MINUTE_MS / SECOND_MS, tz=UTC).strftime("%Y%m%dT%H%M")
        return _joined(job.cron_job or "", ending)
    return None if job.job_uid is None else _joined(job.job_name, job.job_uid[:UID_DIGITS])


def _scheduled_minute(job_name: str, cron_job: str | None) -> int | None:
    """The minute that the CronJob's controller has named the Job after; None for a Job that somebody else has made."""
    found = None if cron_job is None else re.fullmatch(rf"{re.escape(cron_job)}-(\d{{8}})", job_name)
    return None if found is None else int(found[1])


def _joined(name: str, ending: str) -> str:
    return f"{name[: MAX_LENGTH - len(ending) - 1]}-{ending}"
