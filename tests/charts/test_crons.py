"""What runs by schedule beside the trainings: which commands, with which rights, and only where it was asked for."""

import pytest

from tests.support.cluster_tools import Manifest, chart_objects, found, set_objects
from tests.support.pods import environment, pods


def _containers(name_ends: str, case: str = "live") -> list[Manifest]:
    """Those of a CronJob's or a Job's pod, in the order in which they run."""
    (pod,) = (pod for pod in pods(chart_objects(case)) if pod.where.endswith(name_ends))
    return pod.containers


def _secrets(container: Manifest, *names: str) -> set[str]:
    """The Secrets that the variables of these names come from."""
    references = (each["valueFrom"]["secretKeyRef"] for each in container["env"] if each["name"] in names)
    return {reference["name"] for reference in references}


def _crons(objects: tuple[Manifest, ...]) -> set[str]:
    return {
        each["metadata"]["name"].removeprefix("rel-lorentzian-trainer-")
        for each in objects
        if each["kind"] == "CronJob"
    }


def test_nothing_but_training_is_scheduled_unasked() -> None:
    """Forecasts, promotions and deletions begin when somebody has said so."""
    assert _crons(chart_objects("defaults")) == {"weekly", "features", "finalize"}
    added = {"predict", "predict-btcusdt-9960a7", "promote", "prune"}
    assert added < _crons(chart_objects("live"))
    assert len(_crons(chart_objects("live"))) == len(added) + 5


def test_model_in_use_forecasts_each_market_with_fresh_klines() -> None:
    """One CronJob a market: klines first, then the promoted model, told which market it is."""
    wait, collect, trainer = _containers("predict-btcusdt-9960a7")
    assert wait["args"] == ["doctor", "--wait", "15m", "--need", "schema,store"]
    assert collect["args"] == ["collect", "--days", "365", "--source", "auto"]
    assert trainer["args"] == ["predict", "--model", "current"]
    assert environment(trainer, ())["LORENTZIAN_SYMBOL"] == "BTCUSDT"


def test_promotion_is_as_strict_as_was_said() -> None:
    """The word goes to the program, with the CronJob's name as who promotes; no database is asked."""
    _, trainer = _containers("-promote")
    told = environment(trainer, ())
    assert trainer["args"] == ["promote"]
    assert (told["LORENTZIAN_WHEN"], told["LORENTZIAN_BY"]) == ("evidence", "rel-lorentzian-trainer-promote")
    assert not [each["name"] for each in trainer["env"] if each["name"].startswith(("PG", "DATABASE"))]


@pytest.mark.parametrize(("promoted", "flag"), [("true", "--keep-promoted"), ("false", "--no-keep-promoted")])
def test_deletion_keeps_what_was_said(promoted: str, flag: str) -> None:
    """So many runs, and those in use or not; no database is asked."""
    objects = set_objects(f'prune={{"enabled":true,"keepLast":7,"keepPromoted":{promoted}}}')
    spec = found(objects, "CronJob", "prune")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (trainer,) = spec["containers"]
    assert trainer["args"] == ["prune", "--keep-last", "7", flag]
    assert "PGHOST" not in environment(trainer, ()) and not _secrets(trainer, "DATABASE_URL")


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("migrate", "owner-login"),
        ("trainer-features", "collector-login"),
        ("trainer-predict", "collector-login"),
        ("solana", "trainer-login"),
        ("finalize", "trainer-login"),
        ("test", "trainer-login"),
    ],
)
def test_every_task_has_the_database_user_that_it_needs(name: str, secret: str) -> None:
    """Who trains need not be able to write klines, and who collects need not own the tables."""
    for container in _containers(name):
        assert _secrets(container, "PGUSER", "PGPASSWORD") == {secret}
        assert environment(container, ())["PGHOST"] == "postgres.databases.svc"


def test_roles_are_made_where_asked_for() -> None:
    """The migration makes them; by default it does not, since its user may not be able to."""
    assert _containers("migrate")[1]["args"] == ["migrate", "--roles"]
    assert _containers("migrate", "defaults")[1]["args"] == ["migrate"]


def test_private_authorities_are_mounted_and_believed() -> None:
    """Each in a folder of its own; the server's name is checked then; the dashboard knows the store's alone."""
    for pod in pods(chart_objects("live")):
        is_dashboard = pod.where.startswith("Deployment")
        sources = {each["name"]: each for each in pod.spec["volumes"] if each["name"].endswith("-authority")}
        assert set(sources) == {"store-authority"} | (set() if is_dashboard else {"database-authority"})
        assert sources["store-authority"]["configMap"] == {"name": "company-authority", "optional": True}
        for container in pod.containers:
            told, mounts = environment(container, ()), {each["mountPath"] for each in container["volumeMounts"]}
            assert told["AWS_CA_BUNDLE"] == "/etc/lorentzian/store-authority/ca.crt"
            assert {f"/etc/lorentzian/{name}" for name in sources} < mounts
            if "PGHOST" in told:
                assert told["PGSSLROOTCERT"] == "/etc/lorentzian/database-authority/root.crt"
                assert told["PGSSLMODE"] == "verify-full"
    assert "caBundle" not in str(chart_objects("defaults"))


def test_a_stuck_window_is_ended_by_its_own_deadline() -> None:
    """That of the pod, not of the Job: other windows go on; none by default."""
    spec = found(chart_objects("live"), "CronJob", "solana")["spec"]["jobTemplate"]["spec"]
    assert spec["template"]["spec"]["activeDeadlineSeconds"] == 21_600
    assert spec["activeDeadlineSeconds"] == 172_800
    spec = found(chart_objects("defaults"), "CronJob", "weekly")["spec"]["jobTemplate"]["spec"]
    assert "activeDeadlineSeconds" not in spec["template"]["spec"]
