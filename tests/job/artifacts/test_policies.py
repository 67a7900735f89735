"""The policies of ``k8s/store-policies`` let each part do its work and nothing else, on a server that honours them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from dashboard.readonly import check_readonly
from job.artifacts.keys import RunKeys
from job.artifacts.probe import probe_store
from job.artifacts.s3 import S3Store
from job.artifacts.store import CreateOutcome
from job.artifacts.stored_records import record_bytes
from job.errors import StorageForbidden
from job.pruning import delete_run
from job.records import RunsIndexRecord
from tests.support.repository import ROOT
from tests.support.seaweedfs import ADMIN, PRUNER, TRAINER, VIEWER, Identity, SeaweedServer

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

BUCKET, PREFIX = "shared", "team/results"
KEYS = RunKeys("run")
POLICIES = {TRAINER: "trainer", VIEWER: "dashboard", PRUNER: "pruner"}


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket under all policies, with one run of ours and something of somebody else's."""

    server: SeaweedServer

    def client(self, identity: Identity) -> "S3Client":
        """The keys of one identity."""
        return boto3.client(
            "s3",
            endpoint_url=self.server.endpoint_url,
            aws_access_key_id=identity.access_key,
            aws_secret_access_key=identity.secret_key,
            region_name="us-east-1",
            config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
        )

    def store(self, identity: Identity) -> S3Store:
        """The save path, with these keys."""
        return S3Store(self.client(identity), bucket=BUCKET, prefix=PREFIX)


@pytest.fixture(scope="module")
def bucket(s3_server: SeaweedServer) -> Iterator[Bucket]:
    """The bucket, whose policy is made of the files, word for word but for the names."""
    found = Bucket(server=s3_server)
    s3_server.create_bucket(BUCKET)
    statements = []
    for identity, name in POLICIES.items():
        text = (ROOT / "k8s" / "store-policies" / f"{name}.json").read_text()
        policy = json.loads(text.replace("BUCKET", BUCKET).replace("PREFIX", PREFIX))
        who = {"AWS": f"arn:aws:iam::000000000000:user/{identity.name}"}
        statements += [each | {"Sid": f"{name}{each['Sid']}", "Principal": who} for each in policy["Statement"]]
    admin = found.client(ADMIN)
    admin.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    admin.put_object(Bucket=BUCKET, Key="other/secret", Body=b"theirs")
    found.store(ADMIN).put(KEYS.plan, b"plan")
    yield found
    admin.delete_bucket_policy(Bucket=BUCKET)


def test_trainer_runs_and_erases_no_result(bucket: Bucket) -> None:
    """Create, swap, list and the store's probe work; of all objects only kept fits can be removed."""
    store = bucket.store(TRAINER)
    probe_store(store)
    key = KEYS.window_metrics(0)
    assert store.create(key, b"metrics").outcome is CreateOutcome.CREATED
    stored = store.get(key)
    assert stored is not None
    assert store.replace(key, b"newer", etag=stored.etag)
    assert key in {info.key for info in store.list(KEYS.root)}
    store.put(KEYS.kept_fits(0), b"fits")
    store.delete(KEYS.kept_fits(0))
    assert store.get(KEYS.kept_fits(0)) is None
    for kept in (key, KEYS.plan, "runs-index.json", "ledger/trials/1.json"):
        with pytest.raises(StorageForbidden):
            store.delete(kept)


def test_dashboard_reads_and_writes_nothing(bucket: Bucket) -> None:
    """What `--require-readonly` asks holds, and a run can be read and listed."""
    store = bucket.store(VIEWER)
    check_readonly(store)
    stored = store.get(KEYS.plan)
    assert stored is not None
    assert stored.data == b"plan"
    assert [info.key for info in store.list(KEYS.plan)] == [KEYS.plan]
    assert store.get("runs/absent/plan.json") is None
    for write in (lambda: store.put(KEYS.plan, b"x"), lambda: store.delete(KEYS.plan)):
        with pytest.raises(StorageForbidden):
            write()


def test_pruner_removes_runs_and_nothing_else(bucket: Bucket) -> None:
    """A whole run goes, and its name from the index; results are not written, ledger and models not erased."""
    admin, store, old = bucket.store(ADMIN), bucket.store(PRUNER), RunKeys("old")
    kept = ("ledger/trials/2.json", "models/binance-perp/SOLUSDT/5m/current.json", "runs-index.json")
    for key in (old.plan, old.manifest, old.window_metrics(0), *kept[:2]):
        admin.put(key, b"{}")
    admin.put("runs-index.json", record_bytes(RunsIndexRecord(runs={})))
    probe_store(store)
    delete_run(store, "old")
    assert not list(admin.list(old.root))
    for refused in kept:
        with pytest.raises(StorageForbidden):
            store.delete(refused)
    with pytest.raises(StorageForbidden):
        store.put(KEYS.window_metrics(0), b"better")


@pytest.mark.parametrize("identity", POLICIES, ids=lambda identity: identity.name)
def test_nobody_reaches_outside_of_the_prefix(bucket: Bucket, identity: Identity) -> None:
    """Neither others' objects nor the bucket itself, its policy included."""
    client = bucket.client(identity)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: client.get_object(Bucket=BUCKET, Key="other/secret"),
        lambda: client.put_object(Bucket=BUCKET, Key="other/mine", Body=b"x"),
        lambda: client.put_object(Bucket=BUCKET, Key="team/results-of-others/mine", Body=b"x"),
        lambda: client.delete_object(Bucket=BUCKET, Key="other/secret"),
        lambda: client.list_objects_v2(Bucket=BUCKET),
        lambda: client.list_objects_v2(Bucket=BUCKET, Prefix="other/"),
        lambda: client.get_bucket_policy(Bucket=BUCKET),
        lambda: client.put_bucket_policy(Bucket=BUCKET, Policy="{}"),
        lambda: client.delete_bucket(Bucket=BUCKET),
        lambda: client.create_bucket(Bucket=f"of-{identity.name}"),
    )
    for attempt in attempts:
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()
