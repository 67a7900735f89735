"""Folder or bucket, whole or in parts, at once or after a stop: equal runs leave equal bytes."""

import random
import shutil
from pathlib import Path
from signal import SIGTERM
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.s3 import S3Store
from tests.campaign.attempts import Attempt, Ending
from tests.campaign.faults import Fault
from tests.campaign.lighter import keep_every_fit, prepared
from tests.end_to_end.conftest import Laptop
from tests.support.commands import CANARY, Result, run_lorentzian, started_lorentzian
from tests.support.fixtures_s3 import BUCKET
from tests.support.seaweedfs import SeaweedServer
from tests.support.small_market import NUM_WINDOWS, PLAN, WALK
from tests.support.stored_objects import comparable_objects, stored_objects
from tests.support.waiting import wait_until
from tests.support.warm_commands import WarmLorentzian

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


def differing(first: dict[str, bytes], second: dict[str, bytes]) -> list[str]:
    """Keys that one side lacks, or that hold other bytes."""
    return sorted(key for key in first.keys() | second.keys() if first.get(key) != second.get(key))


def test_windows_in_any_order_equal_one_walkforward(
    laptop: Laptop, walked: Result, warm: WarmLorentzian, tmp_path: Path
) -> None:
    """What pods leave, each running one window and coming in any order, is what one machine leaves."""
    order = list(range(NUM_WINDOWS))
    random.Random(3).shuffle(order)
    assert order != sorted(order)
    for index in order:
        env = laptop.env | {"JOB_COMPLETION_INDEX": str(index)}
        done = run_lorentzian(["window", *PLAN, "--save-path", str(tmp_path)], env, warm=warm)
        assert done.code == 0, done.err
        assert f"Window {index} of run" in done.out
        assert ("finalized" in done.out) == (index == order[-1])
    windows, whole = (comparable_objects(LocalStore(folder)) for folder in (tmp_path, laptop.folder))
    assert differing(windows, whole) == []


@pytest.mark.slow
def test_a_window_that_dies_twice_ends_with_the_same_bytes(
    laptop: Laptop, walked: Result, warm: WarmLorentzian, tmp_path: Path
) -> None:
    """Killed before its series is written, and behind it before the run's manifest: both are done again, alike.

    The second start takes the fits that the first has kept. ``python -m tests.campaign kills`` does this hundreds of
    times, at every write and any moment.
    """
    shutil.copytree(laptop.folder, tmp_path, dirs_exist_ok=True)
    last = NUM_WINDOWS - 1
    (keys,) = (RunKeys(path.name) for path in (tmp_path / "runs").iterdir())
    store = LocalStore(tmp_path)
    pack = keys.finished_window(last)
    for key in (keys.window_manifest(last), keys.series(last), pack, keys.manifest, keys.summary):
        store.delete(key)
    command = ["window", *PLAN, "--save-path", str(tmp_path), "--index", str(last)]
    env = laptop.env | {"LORENTZIAN_VERBOSE": "1"}

    def start(fault: Fault | None) -> Ending:
        return Attempt(command, env, warm=warm, fault=fault, preparations=[prepared(keep_every_fit)]).finish()

    first = start(Fault(place="write", number=1, key=keys.series(last)))
    second = start(Fault(place="write", number=1, key=keys.manifest))
    assert first.is_killed
    assert second.is_killed
    assert first.fits()
    assert second.fits() == []
    assert start(None).code == 0
    assert differing(comparable_objects(store), comparable_objects(LocalStore(laptop.folder))) == []


@pytest.mark.slow
def test_a_stopped_run_on_a_bucket_ends_with_the_bytes_of_a_folder(
    laptop: Laptop,
    walked: Result,
    warm: WarmLorentzian,
    s3_server: SeaweedServer,
    s3_client: "S3Client",
) -> None:
    """SIGTERM in the middle ends with 143 and leaves no process; the same command goes on, and ends the same."""
    prefix = f"{uuid4().hex}/results"
    store = S3Store(s3_client, bucket=BUCKET, prefix=prefix)
    command = ["walkforward", *WALK, "--save-path", f"s3://{BUCKET}/{prefix}"]
    env = laptop.env | s3_server.environment() | {"PGPASSWORD": CANARY}

    def is_first_window_done() -> bool:
        return any(info.key.endswith("windows/0/manifest.json") for info in store.list("runs/"))

    with started_lorentzian(command, env, warm=warm) as running:
        wait_until(is_first_window_done)
        running.send(SIGTERM, to_group=False)
        stopped = running.finish()
        assert stopped.code == 143, stopped.err
        assert "goes on" in stopped.error
        assert running.is_group_gone()
    kept = stored_objects(store)
    assert not any(key.endswith("summary.json") for key in kept)

    resumed = run_lorentzian(command, env, warm=warm)
    assert resumed.code == 0, resumed.err
    assert stored_objects(store).items() >= {k: v for k, v in kept.items() if "windows/0/" in k}.items()
    assert differing(comparable_objects(store), comparable_objects(LocalStore(laptop.folder))) == []
    said, undisturbed = (
        [line for line in each.out.splitlines() if not line.startswith(("Report: ", "Model: ", "What is tried next "))]
        for each in (resumed, walked)
    )
    assert said == undisturbed
