import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.artifacts.keys import check_run_id
from job.run.pod import run_id_of
from job.settings.operation import JobSettings

UID = "0f3a2b1c-5d6e-4f70-8192-a3b4c5d6e7f8"
DUE = 29_384_720  # minutes since 1970


def test_run_is_named_after_the_job_and_its_uid() -> None:
    """A Job that is deleted and applied again has another uid, and is another run."""
    assert run_id_of(JobSettings(job_name="walkforward", job_uid=UID)) == "walkforward-0f3a2b1c"


def test_run_of_a_schedule_is_named_after_its_time() -> None:
    """29,384,720 minutes after 1970 it was 2025-11-14 01:20 UTC; the uid of the Job does not matter."""
    job = JobSettings(job_name=f"weekly-{DUE}", cron_job="weekly", job_uid=UID)
    assert run_id_of(job) == "weekly-20251114T0120"
    assert run_id_of(job.model_copy(update={"job_uid": None})) == run_id_of(job)


@pytest.mark.parametrize("name", ["weekly-by-hand", f"weekly-eth-{DUE}", f"weekly-{DUE}-2", "weekly-2938472"])
def test_job_that_somebody_made_from_a_cron_job_is_a_run_of_its_own(name: str) -> None:
    """Only the controller's own names are read as a time."""
    assert run_id_of(JobSettings(job_name=name, cron_job="weekly", job_uid=UID)) == f"{name}-0f3a2b1c"


def test_job_whose_name_ends_in_a_number_has_no_schedule() -> None:
    """Without a CronJob's name, `backtest-20260101` is a name like any other."""
    assert run_id_of(JobSettings(job_name="backtest-20260101", job_uid=UID)) == "backtest-20260101-0f3a2b1c"


def test_no_job_names_no_run() -> None:
    """Outside of Kubernetes, and where the uid is missing, the data name the run; empty values are absent ones."""
    assert run_id_of(JobSettings()) is None
    assert run_id_of(JobSettings(job_name="", job_uid="", cron_job="")) is None
    assert run_id_of(JobSettings(job_name="walkforward")) is None
    assert run_id_of(JobSettings(job_uid=UID)) is None


NAMES = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?", fullmatch=True)


@settings(max_examples=50)
@given(name=NAMES, minutes=st.integers(10_000_000, 99_999_999))
def test_every_job_names_a_valid_run(name: str, minutes: int) -> None:
    """Whatever the cluster allows as a name, and however long it is."""
    check_run_id(run_id_of(JobSettings(job_name=name, job_uid=UID)) or "")
    cron_job = name[:52].rstrip(".-")
    job = JobSettings.model_construct(job_name=f"{cron_job}-{minutes}", cron_job=cron_job, job_uid=UID)
    check_run_id(run_id_of(job) or "")
