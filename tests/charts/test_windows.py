"""The arithmetic of windows, and the names that depend on their number."""

import itertools

import pytest

from job.run.cuts import num_windows
from job.settings.commands import WindowCommand
from job.settings.procedure import WindowSettings
from tests.support import server_rules
from tests.support.api_schemas import VERSIONS, schema_faults
from tests.support.cluster_tools import CHART, Manifest, chart_objects, found, helm_template, parsed, set_objects
from tests.support.program_rules import loaded_settings

DAYS = [
    {"data-days": 180, "window-size": 30, "test-size": 7},
    {"data-days": 187, "window-size": 30, "test-size": 7},
    {"data-days": 186, "window-size": 30, "test-size": 7},
    {"data-days": 37, "window-size": 30, "test-size": 7},
    {"data-days": 44, "window-size": 30, "test-size": 7, "holdout-days": 7},
    {"data-days": 730, "window-size": 90, "test-size": 14, "holdout-days": 30},
    {"data-days": 180, "window-size": 30, "test-size": 7, "reduce-test": True},
    {"data-days": 177, "window-size": 30, "test-size": 7, "reduce-test": True},
    {"data-days": 35, "window-size": 30, "test-size": 7, "reduce-test": True},
    {"data-days": 180, "window-size": 30, "test-size": 7, "reduce-test": True, "holdout-days": 11, "anchored": True},
    {"data-days": 10_000, "window-size": 5, "test-size": 1},
]


def _runs(objects: tuple[Manifest, ...]) -> list[Manifest]:
    crons = (each for each in objects if each["kind"] == "CronJob")
    return [each for each in crons if each["metadata"]["labels"]["app.kubernetes.io/component"] == "run"]


def test_completions_are_the_windows_of_the_program() -> None:
    """The template counts as the program does: whole tests, days locked away, a first test that is shorter."""
    runs = ",".join(
        f'{{"name":"r{number}","schedule":"@daily","settings":{_json(days)}}}' for number, days in enumerate(DAYS)
    )
    crons = {each["metadata"]["name"].rsplit("-", 1)[1]: each for each in _runs(set_objects(f"runs=[{runs}]"))}
    counted = [crons[f"r{number}"]["spec"]["jobTemplate"]["spec"]["completions"] for number in range(len(DAYS))]
    programs = [
        num_windows(WindowSettings(**{name.replace("-", "_"): value for name, value in days.items()})) for days in DAYS
    ]
    assert counted == programs
    assert counted[:4] == [21, 22, 22, 1]


@pytest.mark.parametrize(
    "days",
    [
        {"data-days": 36, "window-size": 30, "test-size": 7},
        {"data-days": 30, "window-size": 30, "test-size": 7, "reduce-test": True},
        {"data-days": 40, "window-size": 30, "test-size": 7, "holdout-days": 20},
    ],
)
def test_days_without_a_window_are_refused(days: dict[str, int]) -> None:
    """A run of no pods would be done at once, and say nothing: helm says which numbers do not fit."""
    assert num_windows(WindowSettings(**{name.replace("-", "_"): value for name, value in days.items()})) == 0
    runs = f'[{{"name":"weekly","schedule":"@weekly","settings":{_json(days)}}}]'
    ended = helm_template("--set-json", f"runs={runs}")
    assert ended.returncode != 0
    assert f"weekly has no window: its data-days {days['data-days']}" in ended.stderr


def test_settings_reach_the_program() -> None:
    """Every run gets its own settings over the defaults' over everybody's, each in the form that the program reads."""
    objects = chart_objects("runs")
    settings = {}
    for cron in _runs(objects):
        (trainer,) = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        loaded = loaded_settings(trainer, objects).settings
        assert isinstance(loaded, WindowCommand)
        settings[cron["metadata"]["name"].removeprefix("rel-lorentzian-trainer-")] = loaded
    weekly, long, bitcoin = (settings[name] for name in ("weekly", "long", "bitcoin"))
    assert (weekly.costs.fee_bps, weekly.model.seed, weekly.model.lr) == (4, 1_000_000, 0.0005)
    assert (weekly.market.symbol, weekly.market.context) == ("SOLUSDT", ("BTCUSDT", "ETHUSDT"))
    assert (weekly.windows.anchored, long.windows.anchored) == (True, False)
    assert (long.windows.data_days, long.windows.window_size, long.windows.test_size) == (730, 90, 7)
    assert long.windows.reduce_test
    assert (bitcoin.market.symbol, bitcoin.market.context, bitcoin.windows.holdout_days) == ("BTCUSDT", (), 0)
    assert (weekly.run.save_path, weekly.run.ledger) == ("s3://bucket/models", "s3://bucket/ledger")


def test_schedule_of_a_run_is_its_own() -> None:
    """Every field of a CronJob can be said for one run, also where the default is the opposite."""
    long = found(chart_objects("runs"), "CronJob", "trainer-long")["spec"]
    assert long | {"jobTemplate": None} == {
        "schedule": "@monthly",
        "timeZone": "Europe/Berlin",
        "concurrencyPolicy": "Replace",
        "startingDeadlineSeconds": 7200,
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 10,
        "suspend": True,
        "jobTemplate": None,
    }
    spec = long["jobTemplate"]["spec"]
    assert (spec["backoffLimitPerIndex"], spec["activeDeadlineSeconds"], spec["parallelism"]) == (0, 1_209_600, 8)
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 300
    assert "1h30m" in spec["template"]["spec"]["initContainers"][0]["args"]


@pytest.mark.parametrize("release", ["r", "r" * 53, "a.dot"])
def test_names_are_short_and_different(release: str) -> None:
    """Also with the longest name that helm allows for a release, and sixty characters of the user's own."""
    ended = helm_template("--values", CHART / "ci/long-names-values.yaml", release=release)
    own = parsed(ended)
    runs = '[{"name":"abc","schedule":"@daily"},{"name":"abd","schedule":"@daily"}]'
    given = parsed(helm_template("--set-json", f"runs={runs}", release=release))
    for objects in (own, given):
        names = [each["metadata"]["name"] for each in objects if each["kind"] in ("CronJob", "Job", "Pod")]
        assert len(set(names)) == len(names)
        assert max(map(len, names)) <= 63
        assert not [name for name in names if "." in name]


def test_release_that_begins_with_a_digit_is_told_what_to_do() -> None:
    """The server would refuse its Service when half of the release is there."""
    refused = helm_template(release="2026")
    assert refused.returncode != 0 and "set fullnameOverride" in refused.stderr


def test_names_that_look_like_numbers_are_texts() -> None:
    """Of release, namespace, and whatever else a user may call by a number: the server takes texts alone."""
    names = ("nameOverride=5", "runDefaults.kueue.queue=1", "pod.priorityClassName=2", "serviceAccount.name=3")
    given = ("fullnameOverride=trainer", "image.pullSecrets[0]=4", "store.caBundle.secret=6", *names)
    values = [part for each in given for part in ("--set-string", each)]
    objects = parsed(helm_template("--namespace", "1234", *values, release="2026"))
    assert [fault for version in VERSIONS for fault in schema_faults(objects, version)] == []
    assert list(server_rules.named(objects)) == []
    assert {each["metadata"]["namespace"] for each in objects} == {"1234"}


def test_two_long_releases_do_not_meet() -> None:
    """Releases whose names differ only where they are cut still have objects of their own."""
    first, second = (
        {(each["kind"], each["metadata"]["name"]) for each in parsed(helm_template(release=f"{'r' * 52}{end}"))}
        for end in "ab"
    )
    assert not first & second


def test_markets_have_one_refresh_each() -> None:
    """Runs of one market share a CronJob that keeps the days of the longest; a run of another market has its own."""
    crons = [each for each in chart_objects("runs") if each["kind"] == "CronJob"]
    refreshed = {
        each["metadata"]["name"]: each["spec"]["jobTemplate"]["spec"]["template"]["spec"]["initContainers"][1]["args"]
        for each in crons
        if each["metadata"]["labels"]["app.kubernetes.io/component"] == "features"
    }
    assert sorted(len(name) for name in refreshed) == sorted(
        len(f"rel-lorentzian-trainer-features{market}") for market in ("-c15cfb", "-btcusdt-15m-9960a7")
    )
    assert all(args == ["collect", "--days", "800", "--source", "archive"] for args in refreshed.values())


def test_days_of_klines_follow_the_longest_run() -> None:
    """Twenty days more than the longest run of the market reads: some warm the features up."""
    runs = '[{"name":"a","schedule":"@daily"},{"name":"b","schedule":"@daily","settings":{"data-days":400}}]'
    (features,) = (
        each
        for each in set_objects(f"runs={runs}")
        if each["metadata"].get("labels", {}).get("app.kubernetes.io/component") == "features"
    )
    collect = features["spec"]["jobTemplate"]["spec"]["template"]["spec"]["initContainers"][1]
    assert collect["args"] == ["collect", "--days", "420", "--source", "auto"]


def _json(days: dict[str, int]) -> str:
    return "{" + ",".join(f'"{name}":{str(value).lower()}' for name, value in itertools.chain(days.items())) + "}"
