"""What a folder must survive that a bucket never meets."""

import errno
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier

import pytest

from job.artifacts.folder import LocalStore
from job.artifacts.folder_errors import explained
from job.artifacts.opening import open_store
from job.artifacts.store import CreateOutcome
from job.errors import ConfigError, JobError, StorageUnavailable
from tests.support import folder_writers

REPOSITORY = Path(__file__).parents[3]
NUM_PROCESSES = 8


def hidden(root: Path) -> set[str]:
    """The names of the private files."""
    return {path.name for path in (root / ".folder-store").iterdir()}


def test_a_writer_killed_at_any_line_leaves_whole_objects(tmp_path: Path) -> None:
    """At every line of put, create, replace and delete: the reader finds the old or the new object."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.kill_points", str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert set(report) == {"put", "create", "replace", "delete"}
    for found in report.values():
        assert found["points"] > 10
        assert min(found["old"], found["new"]) > 0, "the object changes at one of the points"


def test_a_writer_killed_inside_a_write_leaves_a_whole_object(tmp_path: Path) -> None:
    """SIGKILL at random moments of writing 4 MB again and again: one content, whole; leftovers unlisted."""
    store, size = LocalStore(tmp_path), 4_000_000
    program = (
        "import sys; from pathlib import Path; from tests.support.folder_writers import write_for_ever; "
        f"write_for_ever(Path(sys.argv[1]), 'a/big', {size})"
    )
    for round_number in range(6):
        writer = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=REPOSITORY)
        deadline = time.monotonic() + 20
        while store.get("a/big") is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(0.007 * round_number)
        writer.kill()
        writer.wait()
        stored = store.get("a/big")
        assert stored is not None
        assert stored.data in (b"a" * size, b"b" * size)
        assert [info.key for info in store.list("")] == ["a/big"]
        store.delete("a/big")


def test_racing_processes_create_once_and_lose_no_update(tmp_path: Path) -> None:
    """Eight processes: one creates, the others see a conflict; their increments add up."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(NUM_PROCESSES, mp_context=context) as pool:
        creations = [
            pool.submit(folder_writers.create_as, tmp_path, "plan.json", f"plan {number}")
            for number in range(NUM_PROCESSES)
        ]
        counts = [pool.submit(folder_writers.increment_times, tmp_path, "count", 3) for _ in range(NUM_PROCESSES)]
        outcomes = Counter(each.result() for each in creations)
        for count in counts:
            count.result()
    assert outcomes == {CreateOutcome.CREATED: 1, CreateOutcome.CONFLICT: NUM_PROCESSES - 1}
    stored = LocalStore(tmp_path).get("count")
    assert stored is not None
    assert stored.data == str(3 * NUM_PROCESSES).encode()


class Unlocked(LocalStore):
    """A folder on a shared mount whose locks do not reach other machines: all writers go on at once."""

    meeting = Barrier(NUM_PROCESSES)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.meeting.wait()
        yield


def test_creation_needs_no_lock(tmp_path: Path) -> None:
    """The plan of a run stays one even where locks do nothing: a link never replaces."""
    store = Unlocked(tmp_path)
    with ThreadPoolExecutor(NUM_PROCESSES) as pool:
        for number in range(20):
            creations = [
                pool.submit(store.create, f"plan {number}", str(name).encode()) for name in range(NUM_PROCESSES)
            ]
            outcomes = Counter(creation.result().outcome for creation in creations)
            assert outcomes == {CreateOutcome.CREATED: 1, CreateOutcome.CONFLICT: NUM_PROCESSES - 1}


def test_leftovers_are_swept_when_they_are_old(tmp_path: Path) -> None:
    """A day after its writer was killed a private file goes; a young one, perhaps in use, stays."""
    LocalStore(tmp_path).put("a", b"1")
    for name, age_s in (("old", 90_000), ("young", 3_600)):
        leftover = tmp_path / ".folder-store" / name
        leftover.write_bytes(b"half")
        os.utime(leftover, (time.time() - age_s, time.time() - age_s))
    LocalStore(tmp_path).put("b", b"2")
    assert hidden(tmp_path) == {"lock", "young"}


def test_no_private_file_stays_after_a_write(tmp_path: Path) -> None:
    """Done, lost or refused, a write takes its private file away."""
    store = LocalStore(tmp_path)
    store.create("a", b"1")
    store.create("a", b"2")
    store.replace("a", b"3", etag="stale")
    with pytest.raises(ConfigError):
        store.put("a/b", b"4")
    assert hidden(tmp_path) == {"lock"}


def test_files_that_are_no_objects_are_not_listed(tmp_path: Path) -> None:
    """A pipe, a name that no key can have and the store's own files are not results, and nothing hangs."""
    store = LocalStore(tmp_path)
    store.put("a", b"1")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "back\\slash").write_bytes(b"")
    (tmp_path / os.fsdecode(b"not-utf8-\xff")).write_bytes(b"")
    assert [info.key for info in store.list("")] == ["a"]
    assert store.get("pipe") is None


def test_deleting_tidies_empty_folders(tmp_path: Path) -> None:
    """Folders go with their last object, and no further than the save path."""
    store = LocalStore(tmp_path / "results")
    store.put("runs/a/windows/0/x", b"1")
    store.put("runs/b", b"1")
    store.delete("runs/a/windows/0/x")
    assert [path.name for path in (tmp_path / "results" / "runs").iterdir()] == ["b"]
    store.delete("runs/b")
    assert (tmp_path / "results").is_dir()


def test_reading_writes_nothing(tmp_path: Path) -> None:
    """A reader of a folder that is absent or read-only asks for nothing but to read."""
    store = LocalStore(tmp_path / "absent")
    assert store.get("a") is None
    assert list(store.list("")) == []
    assert not (tmp_path / "absent").exists()


def test_a_save_path_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """At once, when the store is opened, and by name."""
    (tmp_path / "file").write_text("")
    for bad in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match="is in the way") as caught:
            open_store(str(bad)).put("a", b"")
        assert "--save-path" in caught.value.remedy


def test_an_object_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    """A folder cannot hold both ``a`` and ``a/b``: the second is refused, whichever it is."""
    store = LocalStore(tmp_path)
    store.put("a", b"1")
    store.put("b/c", b"1")
    for key in ("a/b", "b"):
        with pytest.raises(ConfigError, match="is in the way"):
            store.put(key, b"2")
        with pytest.raises(ConfigError, match="is in the way"):
            store.create(key, b"2")


def test_a_folder_without_the_right_to_write_is_refused(tmp_path: Path) -> None:
    """Reading goes on; the error of a write names the folder and the way out."""
    program = (
        "import os, sys, tempfile\n"
        "from pathlib import Path\n"
        "from job.artifacts.folder import LocalStore\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    Path(folder, 'a').write_text('1')\n"
        "    os.chmod(folder, 0o555)\n"
        "    if os.geteuid() == 0: os.seteuid(65534)\n"  # root may write everywhere: become nobody
        "    store = LocalStore(Path(folder))\n"
        "    assert store.get('a').data == b'1'\n"
        "    try: store.put('b', b'')\n"
        "    except Exception as error: print(type(error).__name__, error)\n"
        "    finally: os.seteuid(os.getuid()); os.chmod(folder, 0o755)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.startswith("StorageForbidden The save path /")
    assert "permission denied" in run.stdout
    assert "--save-path" in run.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_worth_another_try() -> None:
    """No space left is 75, as another pod or another day may have room."""
    with (
        pytest.raises(StorageUnavailable, match="no room left"),
        explained("/results"),
        Path("/dev/full").open("wb", buffering=0) as full,
    ):
        full.write(b"x")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EACCES, ConfigError),
        (errno.EROFS, ConfigError),
        (errno.ENOTDIR, ConfigError),
        (errno.EOPNOTSUPP, ConfigError),
        (errno.ENOSPC, StorageUnavailable),
        (errno.EDQUOT, StorageUnavailable),
        (errno.EIO, StorageUnavailable),
        (errno.ESTALE, StorageUnavailable),
    ],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else value.__name__,
)
def test_each_refusal_of_the_system_has_its_error(number: int, kind: type[JobError]) -> None:
    """Waiting helps against a full or failing disk, and never against a missing right."""
    with pytest.raises(kind) as caught, explained("/results"):
        raise OSError(number, os.strerror(number), "/results/a")
    assert "/results" in caught.value.message
    assert caught.value.remedy


def test_opening_a_folder_does_not_load_boto3(tmp_path: Path) -> None:
    """A laptop without a bucket does not wait for its client."""
    program = (
        "import sys; from job.artifacts.opening import open_store; import job.artifacts.probe; "
        "import job.artifacts.manifest; open_store(sys.argv[1]).put('a', b''); "
        "heavy = {'boto3', 'botocore', 'torch', 'pandas', 'psycopg'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=REPOSITORY, check=True, timeout=60)
