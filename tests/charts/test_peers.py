"""Runs that learn from other markets: whoever computes rows for a market computes its peers' too."""

from job.records import ProcedureRecord
from job.rules import peers_of
from job.settings.commands import FeatureRowsCommand, WindowCommand
from tests.support.cluster_tools import Manifest, found, helm_template, set_objects
from tests.support.job_rules import failure_policy
from tests.support.program_rules import loaded_settings, understood

CONTEXT = ["ETHUSDT", "XRPUSDT", "SOLUSDT", "ETHUSDT"]  # itself and one twice, which the program leaves out


def _pod(objects: tuple[Manifest, ...], name_ends: str) -> Manifest:
    pod: Manifest = found(objects, "CronJob", name_ends)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return pod


def test_peers_rows_are_computed_before_the_markets_own() -> None:
    """One container a peer, for the markets that the program itself would name; only where a run learns from them."""
    for settings in ({}, {"context": CONTEXT}):
        told = str(settings | {"transfer": "pretrain"}).replace("'", '"')
        runs = f'runs=[{{"name":"alone","schedule":"@daily"}},{{"name":"a","schedule":"@daily","settings":{told}}}]'
        objects = set_objects('store.savePath="s3://bucket/models"', runs)
        assert [*understood(objects), *failure_policy(objects)] == []
        run = loaded_settings(_pod(objects, "trainer-a")["containers"][0], objects).settings
        assert isinstance(run, WindowCommand)
        procedure = ProcedureRecord(**{name: getattr(run, name) for name in ProcedureRecord.model_fields})
        due = [(peer.market.symbol, peer.market.context_symbols) for peer in peers_of(procedure)]
        computed = []
        pods = [_pod(objects, each["metadata"]["name"]) for each in objects if "features" in each["metadata"]["name"]]
        for pod in pods:
            for container in pod["initContainers"]:
                if container["name"].startswith("peer-"):
                    peer = loaded_settings(container, objects).settings
                    assert isinstance(peer, FeatureRowsCommand)
                    computed.append((peer.market.symbol, peer.market.context_symbols))
        assert computed == due and due


def test_peers_of_no_context_are_refused() -> None:
    """Helm says so, before every window would."""
    ended = helm_template("--set", "settings.transfer=pretrain,settings.context=")
    assert ended.returncode != 0 and "learn from the markets of its context, which is empty" in ended.stderr
