"""What the images of the job must do, each a question to containers that run as a strict cluster would run them.

A check returns what it found, in a few words, and fails by `AssertionError`.
"""

import json
import re
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.images.engine import Ended, Engine

TRAINER = "localhost/lorentzian-trainer:check"
DEMO = "localhost/lorentzian-trainer:check-demo"
MEGABYTE = 1_000_000
RUN, VERDICT = "demo-edge", "evidence"  # what the demo leaves behind, and what it says of it
_ALONE = "--network=none"  # what needs no network is shown to need none
_VERSIONS = (
    "from importlib.metadata import distributions as d; print('\\n'.join(f'{x.name}=={x.version}' for x in d()))"
)
_LICENSES = """\
from pathlib import Path
for line in Path("/licenses/packages.txt").read_text().splitlines():
    if line[0] == " ":
        assert Path(line[2:]).is_file(), line
    else:
        print(line.partition(" ")[0])
"""
# The vote, where numba is not to be had: only a kernel that was compiled with the image can answer.
_VOTE = """\
import sys
sys.modules["numba"] = None
import torch
from job.model.kernel import lorentzian_vote
scales, temperature = torch.ones(2), torch.tensor(1.0)
vote = lorentzian_vote(torch.zeros(1, 2), torch.ones(3, 2), torch.ones(3), scales=scales, temperature=temperature)
assert vote.share.item() == 1, vote
"""
_CONFINED = """\
import os
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(os.getuid(), os.getgid(), int(status["CapEff"], 16), int(status["NoNewPrivs"]))
for folder in ("/", "/opt/lorentzian", "/results"):
    try:
        open(os.path.join(folder, "file"), "w")
    except OSError as error:
        print(error.strerror)
open("/tmp/file", "w")
"""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A claim, and what tries it."""

    claim: str
    ask: Callable[[Engine], str]


def python(engine: Engine, image: str, program: str, *, options: Sequence[str] = ()) -> Ended:
    """Run a few lines of Python in an image instead of its command."""
    return engine.run(image, "-c", program, options=(_ALONE, "--entrypoint=python3", *options))


def shows_help(engine: Engine) -> str:
    """Without arguments: the commands, and what to pass."""
    engine.run(TRAINER, options=(_ALONE,))  # the first start of an image reads it from the disk
    ended = engine.run(TRAINER, options=(_ALONE,))
    assert ended.code == 0, ended
    assert ended.out.startswith("usage: lorentzian COMMAND"), ended
    assert "DATABASE_URL" in ended.out and "--save-path" in ended.out, ended
    return f"{ended.seconds:.1f} s from `run` to its end"


def is_confined(engine: Engine) -> str:
    """It is nobody, and can write to /tmp alone."""
    ended = python(engine, TRAINER, _CONFINED)
    assert ended.out.splitlines() == ["10001 10001 0 1", *3 * ["Read-only file system"]], ended
    return "10001:10001, no capability, /tmp alone"


def holds_the_lock(engine: Engine) -> str:
    """Every package is one of the lock, at its version; nothing that installs packages is among them."""
    lock = tomllib.loads(Path("uv.lock").read_text(encoding="utf-8"))
    locked = {f"{package['name']}=={package['version']}" for package in lock["package"]}
    found = installed(engine, DEMO)
    assert not found - locked, found - locked
    assert not {name.partition("==")[0] for name in found} & {"pip", "uv", "wheel"}, found
    return f"{len(found)} packages"


def installed(engine: Engine, image: str) -> set[str]:
    """Names and versions of an image's packages; that torch is the CPU's build is no part of its version."""
    ended = python(engine, image, _VERSIONS)
    assert ended.code == 0, ended
    pairs = (line.partition("==") for line in ended.out.split())
    return {f"{re.sub(r'[-_.]+', '-', name).lower()}=={version.removesuffix('+cpu')}" for name, _, version in pairs}


def says_whose_work_it_is(engine: Engine) -> str:
    """Each image lists what is in it, with licences whose texts are there."""
    return ", ".join(f"{licensed(engine, image)} packages" for image in (TRAINER, DEMO))


def licensed(engine: Engine, image: str) -> int:
    """How many packages the list names: all that are installed, and no text that is not there."""
    ended = python(engine, image, _LICENSES)
    assert ended.code == 0, ended
    named = {re.sub(r"[-_.]+", "-", name).lower() for name in ended.out.split()}
    assert named == {each.partition("==")[0] for each in installed(engine, image)}, named
    return len(named)


def votes_without_a_compiler(engine: Engine) -> str:
    """The kernel was compiled with the image."""
    ended = python(engine, TRAINER, _VOTE)
    assert ended.code == 0, ended
    return f"{ended.seconds:.1f} s with torch's import"


def refuses_a_wrong_setting(engine: Engine) -> str:
    """A misspelt variable ends with 78, and with the right name."""
    ended = engine.run(TRAINER, "walkforward", options=(_ALONE, "--env=LORENTZIAN_DATA_DAY=180"))
    assert ended.code == 78, ended
    assert "LORENTZIAN_DATA_DAYS" in ended.err and "Traceback" not in ended.err, ended
    return ended.err.strip()


def asks_for_a_database(engine: Engine) -> str:
    """Without a database, and without one of its own, it ends with 78 and says how to name one."""
    ended = engine.run(TRAINER, "walkforward", options=(_ALONE,))
    assert ended.code == 78, ended
    assert "DATABASE_URL" in ended.err and "Traceback" not in ended.err, ended
    return ended.err.strip().splitlines()[-1]


def stops(engine: Engine) -> str:
    """Asked to stop in the middle of a training, it ends with 143."""
    with _demo(engine) as container:
        deadline = time.monotonic() + 240
        while not re.search(r'"window \d+, block', engine.logs(container)):
            assert time.monotonic() < deadline, engine.logs(container)
            time.sleep(0.5)
        start = time.monotonic()
        code = engine.stop(container, seconds=120)  # the grace that the manifests give
        seconds = time.monotonic() - start
        assert code == 143, engine.logs(container)
    return f"143 after {seconds:.1f} s"


def demonstrates(engine: Engine) -> str:
    """The demo's world in which there is an edge, from its bars to the verdict; the stopped one's windows go on."""
    with _demo(engine) as container:
        ended = engine.watch(container, timeout=1800)
        assert ended.code == 0, engine.logs(container)
    run = engine.folder / "results/runs" / RUN
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert summary["verdict"] == VERDICT, summary["verdict_reason"]
    again = len(list(run.glob("windows/*/attempts/2.json")))
    assert again, "no window knows that it was started before"
    return f"{VERDICT}, {again} windows started again, {ended.peak_bytes / MEGABYTE:,.0f} MB of memory"


@contextmanager
def _demo(engine: Engine) -> Iterator[str]:
    """The demo in a container that has no network and no GPU; what it writes outlives it."""
    results = engine.folder / "results"
    results.mkdir(exist_ok=True)
    results.chmod(0o777)  # the container's account is not this machine's
    options = (_ALONE, f"--volume={results}:/results")
    with engine.started(DEMO, "demo", "--world=edge", "--save-path=/results", options=options) as container:
        yield container


CHECKS = (
    Check(claim="without arguments it says what to pass", ask=shows_help),
    Check(claim="it is nobody, and writes nowhere else", ask=is_confined),
    Check(claim="it holds the lock's packages, and no installer", ask=holds_the_lock),
    Check(claim="it says whose work is in it", ask=says_whose_work_it_is),
    Check(claim="its kernel needs no compiler", ask=votes_without_a_compiler),
    Check(claim="a wrong setting ends with 78", ask=refuses_a_wrong_setting),
    Check(claim="no database ends with 78", ask=asks_for_a_database),
    Check(claim="`stop` ends with 143", ask=stops),
    Check(claim="`demo` needs nothing else", ask=demonstrates),
)
