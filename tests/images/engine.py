"""Images and containers in a folder of their own: buildah builds, podman runs, and the end leaves nothing behind.

It knows no image by name. Needs root; no daemon, no registry, and no init system.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# A cluster's strictest pod: nothing to write to but /tmp, no capability, and no way to gain one.
HARDENED = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--tmpfs=/tmp:rw,nosuid,nodev,mode=1777",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)
# Without numbers podman raises the limits, which a machine that is a container itself may not.
_LIMITS = ("--ulimit=nofile=20000:20000", "--ulimit=nproc=20000:20000")


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a container ended, what it wrote, and how long it took from the command to its end."""

    code: int
    out: str
    err: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Watched:
    """How a container ended, and the most memory that was its own at once: of its processes and its /tmp, in bytes."""

    code: int
    peak_bytes: int


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Where images and containers lie.

    Parameters
    ----------
    folder : Path
        Exists, on a disk with some ten gigabytes; short, for the sockets in it.
    """

    folder: Path

    def buildah(self, *arguments: str, timeout: float = 3600) -> str:
        """What buildah prints; its complaints are shown where it fails."""
        return self._checked([*self._program("buildah"), *arguments], timeout=timeout)

    def podman(self, *arguments: str, timeout: float = 120) -> str:
        """What podman prints; its complaints are shown where it fails."""
        return self._checked([*self._podman, *arguments], timeout=timeout)

    def build(self, tag: str, context: Path, *options: str) -> float:
        """Build an image from local ones, or where there are none from a registry's; seconds that it took.

        A build that fails is tried once more, out loud: it goes on from its finished layers, and what failed it is
        mostly a mirror of packages that stumbled.
        """
        start = time.monotonic()
        command = ["build", "--isolation=chroot", "--network=host", "--format=docker", "--layers", f"--tag={tag}"]
        try:
            self.buildah(*command, *options, str(context))
        except RuntimeError as error:
            print(f"once more, since {error}", flush=True)
            self.buildah(*command, *options, str(context))
        return time.monotonic() - start

    def inspect(self, image: str) -> dict[str, object]:
        """The image's configuration, and its ``Size``: the bytes of all its layers."""
        (found,) = json.loads(self.podman("image", "inspect", image))
        return dict(found)

    def run(self, image: str, *arguments: str, options: Sequence[str] = (), timeout: float = 60) -> Ended:
        """Run a hardened container to its end."""
        start = time.monotonic()
        command = [*self._podman, "run", "--rm", *_LIMITS, *HARDENED, *options, image, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)
        return Ended(code=done.returncode, out=done.stdout, err=done.stderr, seconds=time.monotonic() - start)

    @contextmanager
    def started(self, image: str, *arguments: str, options: Sequence[str] = ()) -> Iterator[str]:
        """The id of a hardened container that runs in the background; it is removed at the end of the block."""
        common = ("--detach", "--log-driver=k8s-file", *_LIMITS, *HARDENED)
        container = self.podman("run", *common, *options, image, *arguments).strip()
        try:
            yield container
        finally:
            self.podman("rm", "--force", "--time=5", container)

    def watch(self, container: str, *, timeout: float) -> Watched:
        """Wait for a container's end, and look at its memory meanwhile."""
        deadline = time.monotonic() + timeout
        peak = 0
        while (used := memory(container)) is not None:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{container} has not ended after {timeout:.0f} s:\n{self.logs(container)[-2000:]}")
            peak = max(peak, used)
            time.sleep(0.2)
        return Watched(code=int(self.podman("wait", container)), peak_bytes=peak)

    def logs(self, container: str) -> str:
        """What a container wrote so far, on both streams."""
        command = [*self._podman, "logs", container]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout

    def stop(self, container: str, *, seconds: int) -> int:
        """Ask a container to end, and its exit code; after the seconds it is killed, which gives 137."""
        self.podman("stop", f"--time={seconds}", container, timeout=seconds + 60)
        return int(self.podman("inspect", "--format={{.State.ExitCode}}", container))

    def clean(self) -> None:
        """Remove containers, images and mounts."""
        subprocess.run([*self._podman, "rm", "--all", "--force", "--time=1"], capture_output=True, check=False)
        subprocess.run([*self._program("buildah"), "rm", "--all"], capture_output=True, check=False)
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for path in sorted((path for path in mounted if Path(path).is_relative_to(self.folder)), reverse=True):
            subprocess.run(["umount", path], check=False)
        subprocess.run(["rm", "--recursive", "--force", str(self.folder)], check=True)  # files without number

    def _checked(self, command: Sequence[str], *, timeout: float) -> str:
        # Caches of builds go there too, and end with the folder.
        environment = {**os.environ, "TMPDIR": str(self.folder)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout, env=environment)
        if done.returncode != 0:
            raise RuntimeError(
                f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        return done.stdout

    @property
    def _podman(self) -> list[str]:
        return [*self._program("podman"), "--runtime=runc", "--cgroup-manager=cgroupfs", "--events-backend=file"]

    def _program(self, name: str) -> list[str]:
        return [name, f"--root={self.folder / 'store'}", f"--runroot={self.folder / 'run'}", "--storage-driver=overlay"]


def memory(container: str) -> int | None:
    """Bytes that a container uses now, files that are merely kept in memory left out; None when it has ended."""
    for path in Path("/sys/fs/cgroup").glob(f"**/libpod-{container}/memory.stat"):
        try:
            found = dict(line.split() for line in path.read_text().splitlines())
        except OSError:
            return None
        keys = ("anon", "shmem") if "anon" in found else ("total_rss", "total_shmem")  # cgroups, version 2 and 1
        return sum(int(found[key]) for key in keys)
    return None


@contextmanager
def temporary_engine() -> Iterator[Engine]:
    """An engine whose folder, with all that was built and started in it, goes at the end of the block."""
    engine = Engine(folder=Path(tempfile.mkdtemp(prefix="images-")).resolve())
    try:
        yield engine
    finally:
        engine.clean()
