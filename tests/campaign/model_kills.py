"""The kill campaign of what uses a model: promote, predict and prune die before each write and statement in turn.

Whatever died, whoever looks then finds the old or the new and nothing between: a model in use has its file, a run that
is believed is whole. Started again, each must complete, and leave what an undisturbed one leaves.
"""

import argparse
import itertools
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

from job.artifacts.keys import ModelKeys, RunKeys
from job.artifacts.manifest import read_manifest, verify
from job.data.postgres import connect
from job.data.timestamps import to_timestamp
from job.intervals import format_utc
from job.prediction.model_source import current_model
from job.prediction.promoting import Occasion, promote_run
from job.run.index import indexed_runs
from job.run.plan import read_plan
from job.run.run import Run
from tests.campaign.attempts import TIMEOUT_S, Attempt, Ending
from tests.campaign.data_kills import fresh_database, table_digests
from tests.campaign.faults import Fault
from tests.support.promoted import twin_run
from tests.support.small_run import BAR_MS, END_MS, KEY, RUN_ID, copied, fill, open_small_run, run_all, small_settings
from tests.support.stored_objects import stored_objects
from tests.support.warm_commands import Preparation, WarmLorentzian

Kind = Literal["write", "statement"]

MARKET = ModelKeys(venue=KEY.venue, symbol=KEY.symbol, interval=KEY.interval)
ASKED = ("--symbol", KEY.symbol, "--interval", KEY.interval, "--venue", KEY.venue)
OLDER = "older"
RUNS = (OLDER, RUN_ID)
MOMENTS = ("promoted_at_ms", "updated_at_ms")
NUM_BARS = 3  # that have closed since the promotion
RELEASED_MS = END_MS - NUM_BARS * BAR_MS
MAX_PLACES = 600
# Feature rows that no run was planned on, of a set that is older than the week in which it might be.
UNUSED = """
    INSERT INTO feature_sets (identity, names, lookback_ms, created_at)
    SELECT 'core-00000000', names, lookback_ms, now() - interval '1 year' FROM feature_sets;
    INSERT INTO features (venue, symbol, interval, feature_set, open_time, available_at, values)
    SELECT venue, symbol, interval, 'core-00000000', open_time, available_at, values FROM features"""


_numbers = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a command finds: a run and its older twin in a folder, and a database."""

    conninfo: str
    run: Run
    warm: WarmLorentzian
    preparations: Sequence[Preparation]

    def start(self, arguments: Sequence[str], fault: Fault | None = None) -> Attempt:
        """Start a command on it."""
        env = {"DATABASE_URL": self.conninfo, "LORENTZIAN_SAVE_PATH": self.run.store.location}
        return Attempt(arguments, env, warm=self.warm, fault=fault, preparations=self.preparations)

    def end(self, arguments: Sequence[str], fault: Fault | None = None) -> Ending:
        """Run a command to its end."""
        return self.start(arguments, fault).finish()

    def outcome(self) -> dict[str, Any]:
        """All that lies there, without the moments of writing."""
        objects: dict[str, Any] = {}
        for key, data in stored_objects(self.run.store).items():
            timed = key in (MARKET.current, MARKET.since_release)
            objects[key] = _without_moments(json.loads(data)) if timed else data
        return objects | table_digests(self.conninfo)


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """How one command is put to the test.

    Parameters
    ----------
    kinds : of places to die at.
    prepare : what is done to a scene before.
    act : the command, with a fault or without; to its end.
    """

    kinds: tuple[Kind, ...]
    prepare: Callable[[Scene], None]
    act: Callable[[Scene, Fault | None], Ending]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What all scenes are copies of.

    Parameters
    ----------
    preparations : what is otherwise in the processes of the commands.
    """

    server: str
    finished: Run
    warm: WarmLorentzian
    preparations: Sequence[Preparation] = ()

    @contextmanager
    def scene(self, campaign: Campaign) -> Iterator[Scene]:
        """Fresh copies of folder and database, prepared."""
        name = f"struck_{next(_numbers)}"
        with tempfile.TemporaryDirectory() as folder, fresh_database(self.server, "model_kills", name) as conninfo:
            run = copied(self.finished, Path(folder))
            scene = Scene(conninfo=conninfo, run=run, warm=self.warm, preparations=self.preparations)
            campaign.prepare(scene)
            yield scene


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's flags."""
    parser.add_argument("--every", type=int, default=1, help="die at every so many places only [1]")


def run(arguments: argparse.Namespace) -> None:
    """Run the whole campaign and print its figures."""
    from job.data.embedded import embedded_database
    from job.data.schema import migrate
    from tests.support.open_folders import make_open_folder
    from tests.support.warm_commands import warm_lorentzian

    folder = make_open_folder("kills")
    try:
        with warm_lorentzian() as warm, embedded_database("postgres", folder=folder) as server:
            with fresh_database(server, "template1", "migrated", is_kept=True) as conninfo, connect(conninfo) as open_:
                migrate(open_)
            with finished_run(server, warm) as origin:
                counts = {name: strike(origin, name, every=arguments.every) for name in CAMPAIGNS}
    finally:
        shutil.rmtree(folder)
    for name, count in counts.items():
        print(f"{name}: killed at {count} places; nothing half done, and all of it after one more start")


@contextmanager
def finished_run(server: str, warm: WarmLorentzian) -> Iterator[Origin]:
    """A finished run with an older twin, and the database that it was made from.

    Parameters
    ----------
    server : of a database ``migrated`` with the newest schema.
    """
    from job.execution import finalize

    with (
        tempfile.TemporaryDirectory() as folder,
        fresh_database(server, "migrated", "model_kills") as conninfo,
    ):
        fill(conninfo)
        run = open_small_run(small_settings(Path(folder)), conninfo)
        run_all(run)
        with patch.object(finalize, "report_objects", lambda *_: {}):  # pictures take most of the time
            finalize.finalize(run)
        with connect(conninfo) as connection:
            connection.execute(UNUSED)
        twin_run(run, OLDER, created_at_ms=run.plan.created_at_ms - 1)
        yield Origin(server=server, finished=run, warm=warm)


def strike(origin: Origin, name: str, *, every: int) -> int:
    """Sweep over the places of one command; how many it was killed at."""
    campaign = CAMPAIGNS[name]
    with origin.scene(campaign) as scene:
        assert _is_done(campaign.act(scene, None))
        wanted = scene.outcome()
    num_kills = sum(_sweep(origin, campaign, kind, wanted, every=every) for kind in campaign.kinds)
    print(f"{name}: {num_kills} kills", file=sys.stderr, flush=True)
    return num_kills


def _sweep(origin: Origin, campaign: Campaign, kind: Kind, wanted: dict[str, Any], *, every: int) -> int:
    """Die at place 1, 2, ... of fresh starts, look, and start once more; how many there were."""
    num_kills = 0
    for number in range(1, MAX_PLACES, every):
        with origin.scene(campaign) as scene:
            struck = campaign.act(scene, Fault(place=kind, number=number))
            if struck.is_killed:
                num_kills += 1
                check_nothing_is_half_done(scene)
                again = campaign.act(scene, None)
                assert _is_done(again), again
            found = scene.outcome()
            differing = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
            assert differing == [], f"killed at {kind} {number}, {struck.place}: {differing}"
            if not struck.is_killed:
                return num_kills
    raise AssertionError("there are more places than that")


def check_nothing_is_half_done(scene: Scene) -> None:
    """The model in use has its file; who is listed or has a manifest is whole; who has none has no plan either."""
    store = scene.run.store
    if store.get(MARKET.current) is not None:
        assert current_model(store, MARKET).run_id in RUNS
    listed = indexed_runs(store)
    for run_id in RUNS:
        keys = RunKeys(run_id)
        manifest = read_manifest(store, keys.manifest)
        if manifest is None:
            assert run_id not in listed
        else:
            assert verify(store, manifest, root=keys.root) == []
        if read_plan(store, run_id) is None:
            assert manifest is None


def _promoted(scene: Scene) -> None:
    """Put the run's model in use, some bars ago."""
    occasion = Occasion(by="ann", why="a test", when="always", now_ms=RELEASED_MS)
    promote_run(scene.run.store, scene.run.ledger, RUN_ID, occasion)


def _promote(scene: Scene, fault: Fault | None) -> Ending:
    return scene.end(["promote", RUN_ID, "--by", "ann", "--why", "a test"], fault)


def _follow(scene: Scene, fault: Fault | None) -> Ending:
    """Until the newest bar has been said, or it is dead; then that bar is asked for once more."""
    following = scene.start(["predict", *ASKED, "--follow", "--poll-seconds", "0.05"], fault)
    deadline = time.monotonic() + TIMEOUT_S
    while following.is_running() and not _is_newest_said(scene) and time.monotonic() < deadline:
        time.sleep(0.02)
    following.send(signal.SIGTERM)
    ending = following.finish()
    if not ending.is_killed:
        assert scene.end(["predict", *ASKED, "--at", format_utc(END_MS).replace(" ", "T")]).code == 0
    return ending


def _is_newest_said(scene: Scene) -> bool:
    with connect(scene.conninfo) as connection:
        return connection.execute("SELECT max(available_at) FROM signals").fetchone() == (to_timestamp(END_MS),)


def _prune(scene: Scene, fault: Fault | None) -> Ending:
    return scene.end(["prune", "--keep-last", "1", "--feature-sets"], fault)


CAMPAIGNS = {
    "promote": Campaign(kinds=("write",), prepare=lambda _: None, act=_promote),
    "predict": Campaign(kinds=("statement", "write"), prepare=_promoted, act=_follow),
    "prune": Campaign(kinds=("write", "statement"), prepare=_promoted, act=_prune),
}


def _is_done(ending: Ending) -> bool:
    """Whether it ended by itself, or was a follower that was asked to stop, maybe before it had begun."""
    return ending.code == 0 or ending.is_stopped


def _without_moments(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in MOMENTS}
