"""Stand-ins for the base images, where no registry can be reached: Debian's Python, and uv out of its wheel.

They carry the names that the Dockerfiles ask for, so that those build as they are. What the real ones hold, beside
Python and the certificates, is not in them: a check with them proves the Dockerfiles, not the bases.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.images.engine import Engine

_SUITE = "bookworm"
_MIRROR = "http://deb.debian.org/debian"
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_RETRIES = 'Acquire::Retries "3";\n'
# Python's image has pip beside its Python and no mark of a distribution on it; apt keeps no cache in Debian's.
_PYTHON = f"""\
FROM scratch
ADD debian.tar /
COPY ca-certificates.crt {_CERTIFICATES}
COPY apt.conf /etc/apt/apt.conf.d/docker-clean
RUN rm /usr/lib/python3*/EXTERNALLY-MANAGED && pip=$(echo /usr/share/python-wheels/pip-*.whl) && \\
    PYTHONPATH=$pip python3 -m pip install --quiet --no-index --root-user-action=ignore "$pip"
ENV SSL_CERT_FILE={_CERTIFICATES}
"""
_NO_CACHE = 'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n'
_UV = "FROM scratch\nCOPY uv /uv\n"


def make_python(engine: Engine, image: str) -> None:
    """Build a base with Debian's Python, this machine's certificates and pip."""
    context = _context(engine, "python", _PYTHON)
    packages = "--include=ca-certificates,python3,python3-pip-whl"
    options = ["--variant=apt", "--dpkgopt=force-unsafe-io", f"--aptopt={_RETRIES.strip()}", packages]
    command = ["mmdebstrap", "--quiet", *options, _SUITE]
    subprocess.run([*command, str(context / "debian.tar"), _MIRROR], check=True, timeout=600)
    shutil.copy(os.environ.get("SSL_CERT_FILE", _CERTIFICATES), context / "ca-certificates.crt")
    (context / "apt.conf").write_text(_NO_CACHE + _RETRIES)
    engine.build(image, context, "--pull-never")
    shutil.rmtree(context)


def make_uv(engine: Engine, image: str) -> None:
    """Build an image that holds uv, of the version that the image's tag says, as ``/uv``."""
    context = _context(engine, "uv", _UV)
    requirement = f"uv=={image.rpartition(':')[2]}"
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*download, f"--dest={context}", requirement], check=True, timeout=300)
    (wheel,) = context.glob("uv-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        (context / "uv").write_bytes(archive.read(name))
    (context / "uv").chmod(0o755)
    engine.build(image, context, "--pull-never")
    shutil.rmtree(context)


def _context(engine: Engine, name: str, dockerfile: str) -> Path:
    context = engine.folder / name
    context.mkdir()
    (context / "Dockerfile").write_text(dockerfile)
    return context
