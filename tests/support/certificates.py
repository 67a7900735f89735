"""Authorities, and the certificates that they sign for servers on loopback: made by openssl, good for two days."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_LIFE = ("-days", "2")


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate and the key that belongs to it, as files."""

    path: Path
    key: Path


def require_openssl() -> None:
    """Skip where there is none."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")


def make_authority(folder: Path, name: str) -> Certificate:
    """A certificate that signs others."""
    made = _paths(folder, name)
    _openssl("req", "-x509", *_NEW_KEY, *_LIFE, "-subj", f"/CN={name}", "-keyout", made.key, "-out", made.path)
    return made


def sign_server(authority: Certificate, folder: Path, *, name: str) -> Certificate:
    """A server's certificate for one name, as openssl writes such: ``DNS:host`` or ``IP:address``."""
    made, request, names = _paths(folder, "server"), folder / "server.csr", folder / "names"
    _openssl("req", *_NEW_KEY, "-subj", f"/CN={name.partition(':')[2]}", "-keyout", made.key, "-out", request)
    names.write_text(f"subjectAltName={name}\n")
    signer = ("-CA", authority.path, "-CAkey", authority.key)
    _openssl("x509", "-req", "-in", request, *signer, *_LIFE, "-extfile", names, "-out", made.path)
    return made


def _paths(folder: Path, name: str) -> Certificate:
    return Certificate(path=folder / f"{name}.crt", key=folder / f"{name}.key")


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
