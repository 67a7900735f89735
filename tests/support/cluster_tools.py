"""helm and kubectl, as the tests of manifests and chart call them; `.ci/tools` fetches both."""

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from tests.support.repository import ROOT

Manifest: TypeAlias = dict[str, Any]

CHART = ROOT / "charts/lorentzian-trainer"
K8S = ROOT / "k8s"
CASES = tuple(sorted(path.name.removesuffix("-values.yaml") for path in CHART.glob("ci/*-values.yaml")))
OVERLAYS = ("base", "overlays/cpu", "overlays/gpu", "overlays/local")
RELEASE = "rel"


def run_cluster_tool(name: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run helm or kubectl; skips where it is absent."""
    tool = shutil.which(name)
    if tool is None:
        pytest.skip(f'{name} is not installed (PATH="$(.ci/tools):$PATH" fetches it)')
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)


def helm_template(*arguments: str | Path, release: str = RELEASE) -> "subprocess.CompletedProcess[str]":
    """Render the chart with values of the caller's."""
    return run_cluster_tool("helm", "template", release, CHART, "--namespace", "models", *arguments)


@cache
def chart_objects(case: str) -> tuple[Manifest, ...]:
    """What the chart installs with one of its `ci/*-values.yaml`; rendered once, so nobody may change it."""
    return parsed(helm_template("--values", CHART / f"ci/{case}-values.yaml"))


@cache
def stored_objects(case: str) -> tuple[Manifest, ...]:
    """The same, with a store where the case names none: without one every container refuses to start."""
    values = CHART / f"ci/{case}-values.yaml"
    if "savePath" in values.read_text(encoding="utf-8"):
        return chart_objects(case)
    return parsed(helm_template("--values", values, "--set", "store.savePath=s3://bucket/models"))


@cache
def set_objects(*settings: str) -> tuple[Manifest, ...]:
    """What the chart installs with single values over its defaults, each as for `--set-json`."""
    return parsed(helm_template(*(part for setting in settings for part in ("--set-json", setting))))


@cache
def overlay_objects(folder: str) -> tuple[Manifest, ...]:
    """What `kubectl apply -k` would apply."""
    return kustomized(K8S / folder)


def kustomized(folder: Path) -> tuple[Manifest, ...]:
    """The objects that a folder's kustomization is made of."""
    return parsed(run_cluster_tool("kubectl", "kustomize", folder))


def parsed(ended: "subprocess.CompletedProcess[str]") -> tuple[Manifest, ...]:
    """The objects that a tool has printed, if it succeeded."""
    assert ended.returncode == 0, ended.stderr
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return tuple(document for document in yaml.load_all(ended.stdout, Loader=loader) if document)


def found(objects: Sequence[Manifest], kind: str, name_ends: str = "") -> Manifest:
    """The one object of a kind whose name ends so."""
    matching = [each for each in objects if each["kind"] == kind and each["metadata"]["name"].endswith(name_ends)]
    assert len(matching) == 1, f"{len(matching)} of kind {kind} end with {name_ends!r}"
    return matching[0]
