"""A cluster of two nodes on which the pods of a Job run as real processes, and where things happen to pods."""

import os
import queue
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, Signals
from typing import Any

from tests.support.commands import clean_environment
from tests.support.job_controller import Pod, PodEnd, environment_of
from tests.support.warm_commands import WarmLorentzian, WarmProcess, warm_lorentzian

TIMEOUT_S = 240.0


@dataclass(frozen=True, kw_only=True)
class RunningContainer:
    """A container of a pod, as somebody sees it who wants to do something to it."""

    pod: Pod
    name: str
    process: WarmProcess
    log_file: Path

    @property
    def log(self) -> str:
        """What it has written to stderr so far."""
        return self.log_file.read_text()

    def send(self, number: Signals) -> None:
        """Send a signal to its process alone, as a node does."""
        os.kill(self.process.pid, number)


# What happens to a container that has just been started; True where the cluster wants its pod away.
Disturb = Callable[[RunningContainer], bool]


@dataclass(frozen=True, kw_only=True)
class EndedContainer:
    """What a container has left: its log, its exit code and the message that the pod's description shows."""

    index: int
    name: str
    code: int
    log: str
    message: str


@dataclass(kw_only=True)
class Cluster:
    """Starts the pods of a Job.

    Parameters
    ----------
    job : the manifest.
    config_maps, secrets : by name, what the manifest may refer to.
    nodes : processes that have the program's libraries loaded, one for each pod at once.
    disturb : what happens to containers.
    ended : every container that ran, in the order in which they ended.
    """

    job: Mapping[str, Any]
    config_maps: Mapping[str, Mapping[str, str]]
    secrets: Mapping[str, Mapping[str, str]]
    nodes: "queue.SimpleQueue[WarmLorentzian]"
    disturb: Disturb
    ended: list[EndedContainer] = field(default_factory=list)
    _pids: set[int] = field(default_factory=set)
    _is_off: bool = False

    def start(self, pod: Pod) -> PodEnd:
        """Run a pod's containers, one after the other, until one fails or all have ended."""
        spec = self.job["spec"]["template"]["spec"]
        node = self.nodes.get()
        try:
            for container in (*spec["initContainers"], *spec["containers"]):
                if self._is_off:
                    return PodEnd(container=container["name"], code=137)
                end = self._run(node, pod, container)
                if end.code != 0:
                    break
            return end
        finally:
            self.nodes.put(node)

    def power_off(self) -> None:
        """Kill whatever runs and start nothing more, for a test that failed: nobody else would end it."""
        self._is_off = True
        for pid in list(self._pids):
            with suppress(ProcessLookupError):
                os.kill(pid, SIGKILL)

    def logs(self, index: int, name: str) -> list[str]:
        """The logs of an index's containers of this name, in the order in which they ended."""
        return [each.log for each in self.ended if (each.index, each.name) == (index, name)]

    def _run(self, node: WarmLorentzian, pod: Pod, container: Mapping[str, Any]) -> PodEnd:
        env = environment_of(container, pod, config_maps=self.config_maps, secrets=self.secrets)
        with tempfile.TemporaryDirectory(prefix="pod-") as folder:
            message, log_file = Path(folder) / "termination-log", Path(folder) / "log"
            message.touch()
            with log_file.open("wb") as err, (Path(folder) / "out").open("wb") as out:
                process = node.start(
                    container["args"],
                    env=clean_environment(env | {"LORENTZIAN_TERMINATION_LOG": str(message)}),
                    cwd=Path(folder),
                    out=out,
                    err=err,
                )
            running = RunningContainer(pod=pod, name=container["name"], process=process, log_file=log_file)
            self._pids.add(process.pid)
            try:
                is_disrupted = self.disturb(running)
                status = process.wait(timeout=TIMEOUT_S)
            finally:
                self._pids.discard(process.pid)
                with suppress(ProcessLookupError):  # of a test that failed; whatever has ended is gone
                    os.kill(process.pid, SIGKILL)
            code = 128 - status if status < 0 else status
            self.ended.append(
                EndedContainer(
                    index=pod.index, name=running.name, code=code, log=running.log, message=message.read_text()
                )
            )
        return PodEnd(container=running.name, code=code, is_disrupted=is_disrupted)


@contextmanager
def warm_nodes(count: int) -> "Iterator[queue.SimpleQueue[WarmLorentzian]]":
    """So many processes that have the program's libraries loaded."""
    with ExitStack() as stack:
        nodes: queue.SimpleQueue[WarmLorentzian] = queue.SimpleQueue()
        for _ in range(count):
            nodes.put(stack.enter_context(warm_lorentzian()))
        yield nodes
