"""Builds every image and tries it: ``tests/images/run``. Prints times and sizes; ends with 1 where a check failed.

By default the bases are stand-ins made from Debian's and Python's packages, for a machine that reaches no registry of
images. With ``--registry`` they are the real ones.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.images import dashboard, stand_in, trainer
from tests.images.dockerfile import global_arguments, read_dockerfile
from tests.images.engine import Engine, temporary_engine

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("buildah", "podman", "runc")


def install(programs: tuple[str, ...]) -> None:
    """Install, by apt, what is not there."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        apt = ["apt-get", "-qq", "-o", "Acquire::Retries=3"]
        subprocess.run([*apt, "update"], check=True, env=environment)
        command = [*apt, "install", "--yes", "--no-install-recommends", *missing]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


def build_images(engine: Engine, *, base: str, options: list[str]) -> bool:
    """Build the three images and print what each weighs; whether the dashboard is as small as promised.

    The demo's image goes on from the trainer's. The dashboard's has nothing of theirs, so it is built beside them.
    """
    heading = f"{'image':52} {'build':>6} {'size':>9} {'above its base':>15}"
    print(f"\n{heading}\n{'-' * len(heading)}")
    bare = float(str(engine.inspect(base)["Size"])) / trainer.MEGABYTE

    def build(image: str, choice: str) -> float:
        seconds = engine.build(image, ROOT, choice, *options)
        size = float(str(engine.inspect(image)["Size"])) / trainer.MEGABYTE
        print(f"{image:52} {seconds:4.0f} s {size:6,.0f} MB {size - bare:12,.0f} MB", flush=True)
        return size - bare

    with ThreadPoolExecutor() as beside:
        pages = beside.submit(build, dashboard.DASHBOARD, "--file=Dockerfile.dashboard")
        build(trainer.TRAINER, "--target=train")
        build(trainer.DEMO, "--target=demo")
    return pages.result() <= dashboard.LARGEST_MB


def try_images(engine: Engine) -> int:
    """Ask every check, print its answer and how long it took, and count those that failed."""
    num_failed = 0
    checks = (*trainer.CHECKS, *dashboard.CHECKS)
    for check in checks:
        start = time.monotonic()
        try:
            answer = check.ask(engine)
        except (AssertionError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            num_failed += 1
            answer = f"FAILED: {error}"
        print(f"- {check.claim}: {answer} ({time.monotonic() - start:.0f} s)", flush=True)
    print(f"\n{len(checks) - num_failed} passed, {num_failed} failed")
    return num_failed


def main() -> None:
    """Build, try, and leave nothing behind."""
    parser = argparse.ArgumentParser(prog="tests/images/run", description=__doc__)
    parser.add_argument("--registry", action="store_true", help="build on the real bases, out of their registries")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("it builds and runs containers, for which it must be root")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leave nothing behind then either
    started = time.monotonic()
    bases = global_arguments(read_dockerfile(ROOT / "Dockerfile"))
    install(PROGRAMS if arguments.registry else (*PROGRAMS, "mmdebstrap"))
    # Where pip finds the CPU's build of torch without asking PyTorch's own page, the build may look there too.
    wheels = os.environ.get("PIP_FIND_LINKS", "")
    options = ["--build-arg=TORCH=cpu"]
    if Path(wheels).is_dir() and wheels:
        options += [f"--build-arg=TORCH_CPU_WHEELS={wheels}", f"--volume={wheels}:{wheels}:ro"]
    with temporary_engine() as engine:
        if not arguments.registry:
            with ThreadPoolExecutor() as beside:
                installer = beside.submit(stand_in.make_uv, engine, bases["UV_IMAGE"])
                stand_in.make_python(engine, bases["BASE_IMAGE"])
                installer.result()
            options.append("--pull-never")
        print(f"bases ready after {time.monotonic() - started:.0f} s", flush=True)
        is_small = build_images(engine, base=bases["BASE_IMAGE"], options=options)
        print(f"images ready after {time.monotonic() - started:.0f} s", flush=True)
        num_failed = try_images(engine)
    print(f"{time.monotonic() - started:.0f} s in all")
    if not is_small:
        print(f"The dashboard's image is larger than {dashboard.LARGEST_MB} MB above its base.")
    sys.exit(1 if num_failed or not is_small else 0)


if __name__ == "__main__":
    main()
