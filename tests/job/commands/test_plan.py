import json
from importlib.metadata import version
from typing import Any

import pytest

from job.cli import COMMANDS, parse, settings_class
from job.commands import plan
from job.errors import ExitCode, UsageError
from job.settings.sources import LoadedSettings, load_settings
from tests.support.runs import example_run

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")


def loaded(*flags: str, command: str = "plan", **environment: str) -> LoadedSettings[Any]:
    """The settings of a command line."""
    line = parse([command, *flags])
    return load_settings(
        settings_class(command),
        command_name=command,
        commands={name: settings_class(name) for name in COMMANDS},
        flags=line.flags,
        environment=environment,
        config_file=None,
    )


def printed(capsys: pytest.CaptureFixture[str], *flags: str, **environment: str) -> dict[str, Any]:
    """The Job that is printed."""
    assert plan.run(loaded("--manifest", *flags, **environment)) is ExitCode.DONE
    found: dict[str, Any] = yaml.safe_load(capsys.readouterr().out)
    return found


def arguments(job: dict[str, Any], kind: str) -> list[str]:
    """The command line of the trainer, or of the container that waits."""
    (container,) = job["spec"]["template"]["spec"][kind]
    found: list[str] = container["args"]
    return found


def test_default_manifest_is_the_guides_walk_forward(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """21 windows, all at once, of plain names, of this version's image, and without a look at any database."""
    monkeypatch.setattr(plan, "open_database", lambda *_: pytest.fail("a database was asked"))
    job = printed(capsys)
    assert job["metadata"]["name"] == "walkforward"
    (wait,) = job["spec"]["template"]["spec"]["initContainers"]
    assert wait["image"] == f"lorentzian-trainer:{version('lorentzian-trainer')}"
    assert (job["spec"]["completions"], job["spec"]["parallelism"]) == (21, 21)
    assert arguments(job, "containers") == ["window"]
    assert arguments(job, "initContainers") == ["doctor", "--wait", "15m", "--need", "schema,features,store"]


def test_settings_of_the_plan_are_the_settings_of_its_pods(capsys: pytest.CaptureFixture[str]) -> None:
    """What was said here, by flag or environment, is read there as the same values; and what was not, is not said."""
    flags = ["--data-days=100", "--context=", "--no-refit", "--fee-bps=1.5", "--save-path=s3://b/p", "--device=cuda"]
    job = printed(capsys, *flags, "--image=registry/image:1", "--parallelism=4", LORENTZIAN_INTERVAL="15m")
    pod = loaded(*arguments(job, "containers")[1:], command="window").settings
    here = loaded(*flags, LORENTZIAN_INTERVAL="15m").settings
    for group in ("market", "features", "costs", "strategy", "label", "model", "compute", "run", "windows"):
        assert getattr(pod, group) == getattr(here, group)
    wait = loaded(*arguments(job, "initContainers")[1:], command="doctor").settings
    assert wait.market == here.market
    assert (wait.store.save_path, wait.wait.wait_seconds) == ("s3://b/p", 900)
    assert (job["spec"]["completions"], job["spec"]["parallelism"]) == (10, 4)
    assert "--symbol" not in " ".join(arguments(job, "containers"))
    assert {each["image"] for each in job["spec"]["template"]["spec"]["containers"]} == {"registry/image:1"}


def test_pods_run_as_the_account_that_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a word as the manifests' own, which carries the roles of a cloud; a pod needs no token of it."""
    for flags, account in (([], "lorentzian-trainer"), (["--service-account=default"], "default")):
        pod = printed(capsys, *flags)["spec"]["template"]["spec"]
        assert pod["serviceAccountName"] == account
        assert pod["automountServiceAccountToken"] is False


def test_manifest_tells_no_secret_and_nothing_of_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    """Database and output are this command's own."""
    job = printed(
        capsys, "--job-name=mine", "--quiet", "--database-retry-seconds=3", DATABASE_URL="postgresql://u:canary@h/d"
    )
    assert job["metadata"]["name"] == "mine"
    assert arguments(job, "containers") == ["window"]
    assert "canary" not in json.dumps(job)


def test_days_without_a_window_are_refused() -> None:
    """64, with the days that one window takes."""
    with pytest.raises(UsageError) as caught:
        plan.run(loaded("--manifest", "--data-days=36"))
    assert "Set --data-days to 37 or more." in str(caught.value)


def test_results_on_no_volume_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """64, here, for a folder that no pod could make; a bucket is printed, and so is a path that a volume may have."""
    with pytest.raises(UsageError, match=r"in a models/mine of its own"):
        plan.run(loaded("--manifest", "--save-path=models/mine"))
    for path in ("s3://bucket/prefix", "/volume"):
        assert f"--save-path={path}" in arguments(printed(capsys, f"--save-path={path}"), "containers")


@pytest.mark.parametrize("name", ["a.b", "x" * 61])
def test_name_that_no_pod_could_have_is_refused(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """64, here, where the server would refuse the whole Job; one character less and it is printed."""
    with pytest.raises(UsageError) as caught:
        plan.run(loaded("--manifest", f"--job-name={name}"))
    assert f"{name}-20" in str(caught.value)
    assert printed(capsys, f"--job-name={'x' * 60}")["metadata"]["name"] == "x" * 60


def test_plan_lists_what_a_search_will_try(capsys: pytest.CaptureFixture[str]) -> None:
    """Every candidate with what it changes, before anything is trained; no word of it without a search."""
    record = example_run(1).plan
    plan._print(record)
    assert "chooses" not in capsys.readouterr().out
    searching = record.procedure.model.model_copy(update={"search": "guide", "search_candidates": 3})
    plan._print(record.model_copy(update={"procedure": record.procedure.model_copy(update={"model": searching})}))
    lines = capsys.readouterr().out.splitlines()
    listed = [line for line in lines if "encoder=residual" in line]
    assert [line.split(".")[0].strip() for line in listed] == ["1", "2", "3"]
    assert all(name in line for line in listed for name in ("lr=", "batch_size=", "hidden=", "dropout="))
