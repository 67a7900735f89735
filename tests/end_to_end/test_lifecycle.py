"""A walk-forward as Kubernetes runs it: real windows, started, moved and killed as the Job controller and nodes do."""

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RunKeys
from job.artifacts.s3 import S3Store
from job.artifacts.stored_records import parse_record, record_bytes
from job.records import AttemptRecord
from job.run.state import SILENT_AFTER_MS
from tests.end_to_end.test_same_bytes import differing
from tests.support.cluster import Cluster, RunningContainer, warm_nodes
from tests.support.commands import run_lorentzian
from tests.support.fixtures_s3 import BUCKET
from tests.support.job_controller import JobStatus, run_job
from tests.support.repository import ROOT
from tests.support.s3_gate import S3Gate, s3_gate
from tests.support.seaweedfs import SeaweedServer
from tests.support.small_market import INTERVAL, small_markets, store_small_markets
from tests.support.stored_objects import comparable_objects, stored_objects
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DAYS = ("--interval", INTERVAL, "--data-days", "9", "--window-size", "5", "--test-size", "1")
TRAINING = ("--batch-size", "8", "--epochs", "30")  # small steps, so that a fit takes a while
NUM_WINDOWS = 4
STOPPED, TORN, UNDISTURBED, OUT_OF_MEMORY = range(NUM_WINDOWS)
TIMEOUT_S = 400.0  # on a machine that has much else to do
JOB_NAME, UID = "lifecycle", "0f3a2b1c-5d6e-4f70-8192-a3b4c5d6e7f8"
KEYS = RunKeys(f"{JOB_NAME}-{UID[:8]}")


@dataclass(kw_only=True)
class Mishaps:
    """What happens to the pods: each once, but that memory runs out every time."""

    gate: S3Gate
    is_waited_for: threading.Event = field(default_factory=threading.Event)

    def strike(self, container: RunningContainer) -> bool:
        """Do to a container what its index is there for; True where the cluster wants its pod away."""
        pod, is_first = container.pod, container.pod.failures + container.pod.ignored == 0
        if container.name == "wait":
            # One of two is enough: the other may find all there at its first look.
            wait_until(lambda: self.is_waited_for.is_set() or '"waited_for"' in container.log, timeout_s=TIMEOUT_S)
            self.is_waited_for.set()
        elif pod.index == TORN and is_first:
            self.gate.traps[f"/windows/{TORN}/series.npz"] = lambda: container.send(SIGKILL)
        elif pod.index == OUT_OF_MEMORY:
            wait_until(lambda: '"fit_finished"' in container.log, timeout_s=TIMEOUT_S)
            container.send(SIGKILL)
        elif pod.index == STOPPED and is_first:
            wait_until(lambda: '"fit_finished"' in container.log, timeout_s=TIMEOUT_S)
            container.send(SIGTERM)
            return True
        return False


def printed_job(*arguments: str) -> dict[str, Any]:
    """The Job that `lorentzian plan --manifest` prints, under the rules of the one in `k8s/base`."""
    done = run_lorentzian(["plan", "--manifest", "--job-name", JOB_NAME, "--parallelism", "2", *arguments])
    assert done.code == 0, done.err
    job: dict[str, Any] = yaml.safe_load(done.out)
    (base,) = [
        document
        for document in yaml.safe_load_all((ROOT / "k8s/base/walkforward.yaml").read_text())
        if document["kind"] == "Job"
    ]
    job["spec"]["podFailurePolicy"] = base["spec"]["podFailurePolicy"]
    return job


def attempts(store: S3Store, index: int) -> list[AttemptRecord]:
    """The attempts at a window, in order."""
    found = []
    for info in store.list(f"{KEYS.window(index)}attempts/"):
        stored = store.get(info.key)
        assert stored is not None
        found.append(parse_record(AttemptRecord, stored.data, where=info.key))
    return found


def let_time_pass(store: S3Store, index: int) -> None:
    """Date a window's heartbeats back, as if its pods had been silent for long enough."""
    for record in attempts(store, index):
        earlier = record.model_copy(update={"beat_at_ms": record.beat_at_ms - SILENT_AFTER_MS})
        store.put(KEYS.attempt(index, record.attempt), record_bytes(earlier))


def of_window(objects: dict[str, bytes], index: int) -> dict[str, bytes]:
    """The results of one window among all objects."""
    own = (KEYS.window(index), KEYS.best_model_window(index))
    return {key: data for key, data in objects.items() if key.startswith(own)}


def test_a_run_survives_what_happens_to_pods(
    empty_database: str, s3_server: SeaweedServer, s3_client: "S3Client", tmp_path: Path
) -> None:
    """Moved, killed in an upload and started before there was a schema, windows end with an undisturbed run's bytes.

    The window that runs out of memory each time fails, and alone; the run is judged without it, and with it once it
    has succeeded after all.
    """
    prefix = f"{uuid4().hex}/results"
    store = S3Store(s3_client, bucket=BUCKET, prefix=prefix)
    save_path = ("--save-path", f"s3://{BUCKET}/{prefix}")
    database = {"DATABASE_URL": empty_database}
    job = printed_job(*DAYS, *TRAINING, *save_path)
    assert job["spec"]["completions"] == NUM_WINDOWS
    with s3_gate(s3_server.endpoint_url) as gate, warm_nodes(2) as nodes:
        mishaps = Mishaps(gate=gate)
        aws = s3_server.environment() | {"AWS_ENDPOINT_URL_S3": gate.endpoint_url}
        keys = {name: aws.pop(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        cluster = Cluster(
            job=job,
            config_maps={"lorentzian-settings": aws | {"LORENTZIAN_VERBOSE": "1"}},
            secrets={"lorentzian-database": database, "lorentzian-store": keys},
            nodes=nodes,
            disturb=mishaps.strike,
        )
        statuses: list[JobStatus] = []

        def run_all() -> None:
            statuses.append(run_job(job, cluster.start, uid=UID, seed=1))

        controller = threading.Thread(target=run_all)
        controller.start()
        try:
            assert mishaps.is_waited_for.wait(timeout=TIMEOUT_S)
            assert run_lorentzian(["migrate"], database).code == 0
            store_small_markets(empty_database, small_markets())
            controller.join(timeout=TIMEOUT_S)
        finally:
            cluster.power_off()
    (status,) = statuses
    assert sorted(status.completed) == [STOPPED, TORN, UNDISTURBED]
    assert status.failed == [OUT_OF_MEMORY]
    assert {index: [end.code for end in ends] for index, ends in status.starts.items()} == {
        STOPPED: [143, 0],
        TORN: [137, 0],
        UNDISTURBED: [0],
        OUT_OF_MEMORY: [137, 137, 137],
    }
    assert not gate.traps
    stopped, resumed = cluster.logs(STOPPED, "trainer")
    assert "Stopped by SIGTERM." in stopped
    assert '"kept_fits_taken"' in resumed
    (message,) = [each.message for each in cluster.ended if each.code == 143]
    assert message.startswith("Stopped by SIGTERM.")
    (first, second) = attempts(store, STOPPED)
    assert (first.exit_code, first.stage, second.num_failures) == (143, "train", 0)
    assert [each.num_failures for each in attempts(store, OUT_OF_MEMORY)] == [0, 1, 2]

    whole = tmp_path / "whole"
    reference = ["walkforward", *DAYS, *TRAINING, "--run-id", KEYS.run_id, "--save-path", str(whole)]
    assert run_lorentzian(reference, database).code == 0
    undisturbed = comparable_objects(LocalStore(whole))
    found = comparable_objects(store)
    for index in (STOPPED, TORN, UNDISTURBED):
        assert of_window(found, index)
        assert differing(of_window(found, index), of_window(undisturbed, index)) == []

    env = database | s3_server.environment()
    sweep = ["finalize", "--all", *save_path]
    early = run_lorentzian(sweep, env)
    assert (early.code, "not ready" in early.out) == (0, True)
    let_time_pass(store, OUT_OF_MEMORY)
    swept = run_lorentzian(sweep, env)
    assert swept.code == 0, swept.err
    assert "3 of 4 windows, 1 failed: window 3: its last pod fell silent" in swept.out
    summary = json.loads(stored_objects(store)[KEYS.summary])
    assert list(summary["failed_windows"]) == [str(OUT_OF_MEMORY)]

    at_last = ["window", *DAYS, *TRAINING, *save_path, "--run-id", KEYS.run_id]
    done = run_lorentzian(at_last, env | {"JOB_COMPLETION_INDEX": str(OUT_OF_MEMORY)})
    assert "finalized" in done.out, done.err
    assert differing(comparable_objects(store), undisturbed) == []
