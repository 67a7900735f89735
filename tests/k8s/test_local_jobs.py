"""The Jobs of overlays/local as processes that are told nothing but what its manifests say, all started at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from job.artifacts.keys import RunKeys
from job.artifacts.s3 import S3Store
from tests.support.cluster import Cluster, warm_nodes
from tests.support.cluster_tools import found, overlay_objects
from tests.support.job_controller import Pod, PodEnd
from tests.support.pods import jobs
from tests.support.seaweedfs import SeaweedServer

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FIRST, LAST = 0, 20  # windows of the walk-forward that are run here
UID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def pod_of(job: str, index: int) -> Pod:
    """What Kubernetes tells the first pod of a Job's index."""
    prefix = "batch.kubernetes.io"
    return Pod(
        index=index,
        failures=0,
        ignored=0,
        labels={f"{prefix}/job-name": job, f"{prefix}/controller-uid": UID},
        annotations={f"{prefix}/job-index-failure-count": "0"},
    )


def test_everything_ends_well_although_it_starts_at_once(
    empty_database: str, s3_server: SeaweedServer, s3_client: "S3Client"
) -> None:
    """On a database and a store that are empty each pod waits for what it needs, knows what it must, does its part."""
    objects = overlay_objects("overlays/local")
    aws = s3_server.environment()
    keys = {name: aws.pop(name) for name in found(objects, "Secret", "store")["data"]}
    settings: dict[str, str] = found(objects, "ConfigMap", "settings")["data"] | aws
    bucket, _, prefix = settings["LORENTZIAN_SAVE_PATH"].removeprefix("s3://").partition("/")
    s3_client.create_bucket(Bucket=bucket)
    database = dict.fromkeys(found(objects, "Secret", "database")["data"], empty_database)
    pods = [
        (job.name, index, job.spec)
        for job in jobs(objects)
        for index in ((FIRST, LAST) if job.spec.get("completionMode") == "Indexed" else (0,))
    ]
    with warm_nodes(len(pods)) as nodes, ThreadPoolExecutor(len(pods)) as threads:
        clusters = {
            (name, index): Cluster(
                job={"spec": spec},
                config_maps={"lorentzian-settings": settings},
                secrets={"lorentzian-store": keys, "lorentzian-database": database},
                nodes=nodes,
                disturb=lambda _: False,
            )
            for name, index, spec in pods
        }
        running = {each: threads.submit(cluster.start, pod_of(*each)) for each, cluster in clusters.items()}
        ends = {each: future.result() for each, future in running.items()}
    assert len(ends) == 6
    for each, end in ends.items():
        assert end == PodEnd(container="trainer", code=0), (each, clusters[each].ended[-1].log[-2000:])
    (log,) = clusters["lorentzian-walkforward", LAST].logs(LAST, "wait")
    assert '"waited_for"' in log  # there was no schema, then there were no rows
    store, walkforward = S3Store(s3_client, bucket=bucket, prefix=prefix), RunKeys(f"lorentzian-walkforward-{UID[:8]}")
    for index in (FIRST, LAST):
        assert store.get(f"{walkforward.window(index)}manifest.json") is not None
    training = RunKeys(f"lorentzian-train-{UID[:8]}")
    assert store.get(training.manifest) is not None
