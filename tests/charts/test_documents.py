"""README, values.yaml and schema of the chart say the same, and the schema what the program says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from job.cli import settings_class
from job.settings.catalogue import settings_of
from tests.support.chart_documents import CHART, chart_settings, chart_values, rewritten
from tests.support.cluster_tools import CASES, chart_objects, helm_template, run_cluster_tool
from tests.support.repository import ROOT

VALUES = (CHART / "values.yaml").read_text(encoding="utf-8")
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
# Objects whose keys are Kubernetes' or the user's own.
OPEN = ("texts", "quantities", "objects")


def test_parts_made_from_other_files_are_the_newest() -> None:
    """The table of values, and the settings in the schema."""
    for path, text in rewritten().items():
        assert path.read_text(encoding="utf-8") == text, "run: python -m tests.support.chart_documents"


def test_value_without_a_comment_is_noticed() -> None:
    """What nobody described cannot be tabulated."""
    with pytest.raises(ValueError, match=r"store\.port has no"):
        list(chart_values("store:\n  # -- Where.\n  savePath: x\n  port: 443\n"))


def test_every_value_is_described() -> None:
    """The rows of the table cover every leaf of values.yaml."""
    rows = {value.path for value in chart_values(VALUES)}
    for leaf in _leaves(yaml.safe_load(VALUES)):
        assert any(leaf == row or leaf.startswith(f"{row}.") for row in rows), leaf
    assert all(value.description.endswith(".") for value in chart_values(VALUES))


def test_schema_and_values_have_the_same_keys() -> None:
    """A key that only one of them knows would be refused, or never checked."""
    values = yaml.safe_load(VALUES)
    assert set(SCHEMA["properties"]) - {"global"} == set(values)
    for key, schema in SCHEMA["properties"].items():
        if key not in ("global", "settings", "runs"):
            _compare(schema, values[key], key)


def test_schema_is_closed_and_needs_no_network() -> None:
    """Each object that is ours refuses keys it does not know; every reference stays in the file."""
    for path, schema in _schemas(SCHEMA, "#"):
        if "properties" in schema and schema.get("type") == "object" and "/if" not in path and "extraEnv" not in path:
            assert schema.get("additionalProperties") is False, path
        assert schema.get("$ref", "#/definitions/").startswith("#/definitions/"), path


@pytest.mark.parametrize("command", ["window", "dashboard"])
def test_every_setting_is_in_the_schema_or_the_charts_own(command: str) -> None:
    """A setting that no value reaches would have to be smuggled in: what is left out, the chart says by itself."""
    left_out = {setting.name for setting in settings_of(settings_class(command))} - {
        setting.name for setting in chart_settings(command).values()
    }
    said_by_chart = {"save_path", "ledger", "progress"} | (
        {"index", "attempts", "completions", "index_failures", "job_name", "job_uid", "cron_job", "run_id"}
        | {"database_url", "database_password_file", "embedded_database"}
        | {"metrics_port", "metrics_push", "metrics_textfile"}
        if command == "window"
        else {"host", "port", "metrics_port", "auth_user", "auth_password", "auth_password_file", "insecure_no_auth"}
    )
    assert left_out == said_by_chart


def test_chart_and_program_have_one_version() -> None:
    """The image that the chart takes by default is the one that this tree builds."""
    import tomllib

    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["appVersion"] == version
    base = yaml.safe_load((ROOT / "k8s/base/kustomization.yaml").read_text(encoding="utf-8"))
    assert {image["newTag"] for image in base["images"]} == {version}
    assert (chart["apiVersion"], chart["kubeVersion"]) == ("v2", ">=1.33.0-0")


def test_examples_of_the_readme_can_be_installed(tmp_path: Path) -> None:
    """Each piece of values in it renders; the one about single sign-on is the one that the matrix tries."""
    readme = (CHART / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    for number, example in enumerate(examples):
        (tmp_path / f"{number}.yaml").write_text(example, encoding="utf-8")
        assert helm_template("--values", tmp_path / f"{number}.yaml").returncode == 0, example
    tried = (CHART / "ci/oauth2-proxy-values.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(examples[-1]) == yaml.safe_load(tried)


def test_older_cluster_is_refused() -> None:
    """Indexed Jobs that count by index are what it needs: Kubernetes 1.32 has them only as a beta."""
    assert "incompatible with Kubernetes v1.32.0" in helm_template("--kube-version", "1.32.0").stderr
    assert helm_template("--kube-version", "1.33.0").returncode == 0


def test_files_of_the_matrix_are_not_packed() -> None:
    """ci/ is for tests: a package holds what an installation needs."""
    assert "ci/" in (CHART / ".helmignore").read_text(encoding="utf-8").split()


@pytest.mark.parametrize("case", CASES)
def test_notes_end_with_three_commands(case: str) -> None:
    """After the installation stand what to type next, and what is still missing."""
    values = CHART / f"ci/{case}-values.yaml"
    ended = run_cluster_tool(
        "helm", "install", "rel", CHART, "--dry-run=client", "--namespace", "models", "--values", values
    )
    assert ended.returncode == 0, ended.stderr
    notes = ended.stdout.split("NOTES:\n", 1)[1]
    assert [line[0] for line in notes.splitlines() if line[:2] in ("1.", "2.", "3.")] == ["1", "2", "3"]
    assert "helm test rel -n models" in notes
    assert ("NOTHING CAN BE STORED YET" in notes) is (case in ("all-off", "defaults"))
    assert ("http://127.0.0.1:8050/lorentzian/ by" in notes) is (case == "dashboard")  # its links begin so
    assert ("as user" in notes) is (case not in ("all-off", "oauth2-proxy"))
    named = re.findall(r"--from=cronjob/(\S+)", notes)
    assert len(named) == (0 if case == "all-off" else 2)  # klines first, then the windows that wait for them
    there = {(each["kind"].lower(), each["metadata"]["name"]) for each in chart_objects(case)}
    assert {("cronjob", name) for name in named} <= there
    assert {("service", name) for name in re.findall(r"service/(\S+)", notes)} <= there


def _leaves(values: object, path: str = "") -> list[str]:
    if not isinstance(values, dict) or not values:
        return [path.removeprefix(".")]
    return [leaf for key, value in values.items() for leaf in _leaves(value, f"{path}.{key}")]


def _compare(schema: dict[str, Any], value: object, path: str) -> None:
    schema = _resolved(schema)
    if not isinstance(value, dict) or "properties" not in schema or path.endswith((".pod", "resources", "settings")):
        return
    assert set(schema["properties"]) - {"name", "schedule"} | (value.keys() & {"name", "schedule"}) == set(value), path
    for key, inner in value.items():
        _compare(schema["properties"][key], inner, f"{path}.{key}")


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "allOf" in schema:
        schema = schema["allOf"][0]
    if "$ref" in schema:
        return _resolved(SCHEMA["definitions"][schema["$ref"].rsplit("/", 1)[1]])
    return schema


def _schemas(schema: Any, path: str) -> list[tuple[str, dict[str, Any]]]:
    if isinstance(schema, list):
        return [found for number, each in enumerate(schema) for found in _schemas(each, f"{path}/{number}")]
    if not isinstance(schema, dict):
        return []
    return [(path, schema), *(found for key, each in schema.items() for found in _schemas(each, f"{path}/{key}"))]
