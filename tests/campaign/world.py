"""What a campaign strikes at: a filled database, two stores, and the bytes that an undisturbed run leaves in them."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RUNS_INDEX, RunKeys
from job.artifacts.manifest import parse_manifest
from job.artifacts.opening import open_store
from job.artifacts.store import ObjectStore
from tests.campaign.attempts import Attempt
from tests.campaign.faults import Fault
from tests.campaign.lighter import LIGHTER
from tests.support.seaweedfs import SeaweedServer
from tests.support.small_market import INTERVAL
from tests.support.stored_objects import comparable_objects, stored_objects
from tests.support.warm_commands import Preparation, WarmLorentzian

BUCKET = "campaign"
RUN_ID = "struck"
KEYS = RunKeys(RUN_ID)
NUM_WINDOWS = 3
LAST = NUM_WINDOWS - 1
DAYS = ("--interval", INTERVAL, "--data-days", "8", "--window-size", "5", "--test-size", "1")
PLAN = (*DAYS, "--effort", "quick", "--epochs", "1", "--run-id", RUN_ID)
PROBES = ".probe/"  # what a process leaves that is killed while it tries the store; a few bytes that nobody reads


@dataclass(frozen=True, kw_only=True)
class Place:
    """A store of one round, and how commands reach it."""

    save_path: str
    env: dict[str, str]
    store: ObjectStore

    @property
    def is_bucket(self) -> bool:
        """Whether it is on S3."""
        return self.save_path.startswith("s3://")

    def fill(self, objects: dict[str, bytes]) -> None:
        """Put objects there, manifests last."""
        for key in sorted(objects, key=lambda each: each.endswith("manifest.json")):
            self.store.put(key, objects[key])

    def found(self) -> dict[str, bytes]:
        """What equal runs share."""
        return {key: data for key, data in comparable_objects(self.store).items() if not key.startswith(PROBES)}


@dataclass(kw_only=True)
class World:
    """Database, stores, launcher and reference.

    Parameters
    ----------
    otherwise : what is otherwise in every process that is not cold.
    reference, cold_reference : what `Place.found` finds after an undisturbed run, with little pictures and with whole.
    all_but_last, all_windows : every object after so many windows, and before the finalizer.
    seconds : how long an undisturbed start took, by kind of start.
    """

    conninfo: str
    folder: Path
    server: SeaweedServer | None
    warm: WarmLorentzian
    otherwise: tuple[Preparation, ...] = LIGHTER
    reference: dict[str, bytes] = field(default_factory=dict)
    cold_reference: dict[str, bytes] = field(default_factory=dict)
    all_but_last: dict[str, bytes] = field(default_factory=dict)
    all_windows: dict[str, bytes] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def place(self, kind: str) -> Place:
        """A store that is empty: ``folder`` or ``s3``."""
        env = {"DATABASE_URL": self.conninfo, "LORENTZIAN_VERBOSE": "1"}
        if kind == "folder":
            path = self.folder / uuid4().hex
            return Place(save_path=str(path), env=env, store=LocalStore(path))
        assert self.server is not None
        save_path = f"s3://{BUCKET}/{uuid4().hex}"
        store = open_bucket(self.server, save_path)
        return Place(save_path=save_path, env=env | self.server.environment(), store=store)

    def window(self, place: Place, index: int, fault: Fault | None = None, **how: Any) -> Attempt:
        """Start a window, as a pod does; ``how`` as for `start`."""
        arguments = ["window", *PLAN, "--save-path", place.save_path, "--index", str(index)]
        return self.start(place, arguments, fault, **how)

    def finalizer(self, place: Place, fault: Fault | None = None, *, is_sweep: bool = False) -> Attempt:
        """Start a finalizer: of the run, or of all."""
        which = ["--all"] if is_sweep else ["--run-id", RUN_ID]
        return self.start(place, ["finalize", *which, "--save-path", place.save_path], fault)

    def start(
        self,
        place: Place,
        arguments: Sequence[str],
        fault: Fault | None = None,
        *,
        is_cold: bool = False,
        preparations: Sequence[Preparation] = (),
    ) -> Attempt:
        """Start any command."""
        preparations = () if is_cold else (*self.otherwise, *preparations)
        warm = None if is_cold else self.warm
        return Attempt(arguments, place.env, warm=warm, fault=fault, preparations=preparations)


def open_bucket(server: SeaweedServer, save_path: str) -> ObjectStore:
    """A store of the campaign's own, whatever the environment of this process says."""
    with patch.dict(os.environ, server.environment()):
        return open_store(save_path)


def look_at_undisturbed(world: World) -> None:
    """Run every window without a mishap, in a folder, and remember what lies there on the way.

    The days of the run and its settings are in the plan, so any other place ends with the same bytes.
    """
    place = world.place("folder")
    for index in range(NUM_WINDOWS):
        if index == LAST:
            world.all_but_last = stored_objects(place.store)
        started = time.monotonic()
        ending = world.window(place, index).finish()
        assert ending.code == 0, ending
        world.seconds["last window" if index == LAST else "window"] = time.monotonic() - started
    world.reference = place.found()
    everything = stored_objects(place.store)
    run_manifest = parse_manifest(everything[KEYS.manifest], where=KEYS.manifest)
    result = {KEYS.root + entry.key for entry in run_manifest.objects} | {KEYS.manifest}
    world.all_windows = {key: data for key, data in everything.items() if key not in result}
    world.all_windows[RUNS_INDEX] = world.all_but_last[RUNS_INDEX]
    started = time.monotonic()
    place = world.place("folder")
    place.fill(world.all_windows)
    assert world.finalizer(place).finish().code == 0
    assert place.found() == world.reference
    world.seconds["finalizer"] = time.monotonic() - started


def look_at_undisturbed_cold(world: World) -> None:
    """One undisturbed walk-forward from a new interpreter, with all its pictures."""
    place = world.place("folder")
    arguments = ["walkforward", *PLAN, "--workers", "2", "--save-path", place.save_path]
    started = time.monotonic()
    ending = world.start(place, arguments, is_cold=True).finish()
    assert ending.code == 0, ending
    world.cold_reference = place.found()
    world.seconds["walkforward"] = time.monotonic() - started
    world.seconds["cold window"] = world.seconds["walkforward"] / NUM_WINDOWS


@contextmanager
def campaign_folder() -> Iterator[Path]:
    """Where the folder stores lie; in memory where there is room."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="campaign-", dir=memory if memory.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def filled_database() -> Iterator[str]:
    """The small markets with their features, in an embedded server of their own."""
    from job.data.embedded import embedded_database
    from job.data.postgres import connect
    from job.data.schema import migrate
    from tests.support.open_folders import make_open_folder
    from tests.support.small_market import small_markets, store_small_markets

    folder = make_open_folder("campaign")
    try:
        with embedded_database("campaign", folder=folder) as conninfo:
            with connect(conninfo) as connection:
                migrate(connection)
            store_small_markets(conninfo, small_markets())
            yield conninfo
    finally:
        shutil.rmtree(folder)


@contextmanager
def whole_world(stores: Sequence[str]) -> Iterator[World]:
    """Everything started, and the reference made."""
    from tests.support.seaweedfs import seaweed_server
    from tests.support.warm_commands import warm_lorentzian

    with ExitStack() as stack:
        warm = stack.enter_context(warm_lorentzian())  # first: it must not inherit the others' files
        conninfo = stack.enter_context(filled_database())
        server = None
        if "s3" in stores:
            server = stack.enter_context(seaweed_server())
            server.create_bucket(BUCKET)
        folder = stack.enter_context(campaign_folder())
        world = World(conninfo=conninfo, folder=folder, server=server, warm=warm)
        look_at_undisturbed(world)
        yield world
