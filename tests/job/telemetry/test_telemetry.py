import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from job.errors import ConfigError, DataError, Terminated
from job.logs import configure_logs
from job.settings.commands import FinalizeCommand, StatusCommand, WindowCommand
from job.settings.operation import IndexSettings, JobSettings, TelemetrySettings
from job.telemetry.telemetry import Telemetry
from job.telemetry.ways_out import served
from tests.job.telemetry.test_listener import FINALIZED, MARKET
from tests.support.metric_text import Sample, parsed_metrics, read_metrics, sample
from tests.support.pushgateway import pushgateway, pushgateway_executable
from tests.support.seaweedfs import free_ports

GROUP = {**MARKET, "window": "3"}
LAST_SUCCESS, EXIT_CODE = "lorentzian_job_last_success_timestamp_seconds", "lorentzian_job_exit_code"


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    """One gateway for all tests here; each pushes under a name of its own."""
    if pushgateway_executable() is None:
        pytest.skip("prometheus-pushgateway is not installed")
    with pushgateway() as address:
        yield address


def run_command(job: str, *events: dict[str, Any], error: BaseException | None = None, **ways: Any) -> None:
    """A window of the market that reports these events, and ends with that error."""
    settings = WindowCommand(
        telemetry=TelemetrySettings(**ways), index=IndexSettings(index=3), job=JobSettings(cron_job=job)
    )
    telemetry = Telemetry("window", settings)
    configure_logs(log_format="json", verbose=False, quiet=True, listeners=telemetry.listeners)
    with telemetry.told():
        for event in events:
            fields = dict(event)
            structlog.get_logger().info(fields.pop("event"), **fields)
        if error is not None:
            raise error


def test_success_is_pushed_once_in_a_bounded_group(gateway: str) -> None:
    """By job, market and window; what the last time said and this one does not is gone."""
    stage = {"event": "stage_ended", "stage": "read", "seconds": 2.0, "window_index": 3}
    run_command("weekly", stage, metrics_push=gateway)
    run_command("weekly", metrics_push=gateway)
    found = {key: value for key, value in read_metrics(gateway).items() if ("job", "weekly") in key[1]}
    assert found[sample(EXIT_CODE, job="weekly", instance="", **GROUP)] == 0
    assert found[sample(LAST_SUCCESS, job="weekly", instance="", **GROUP)] > 1.6e9
    assert "lorentzian_stage_seconds_total" not in {name for name, _ in found}


def test_failure_keeps_the_last_success(gateway: str) -> None:
    """It says how it failed beside when it last succeeded; a stop is no success either."""
    key = {"job": "fails", "instance": "", **GROUP}
    run_command("fails", metrics_push=gateway)
    before = read_metrics(gateway)
    for error, code in ((DataError("planted"), 65), (Terminated("planted"), 143), (RuntimeError("planted"), 1)):
        with pytest.raises(type(error)):
            run_command("fails", error=error, metrics_push=gateway)
        after = read_metrics(gateway)
        assert after[sample(EXIT_CODE, **key)] == code
        assert after[sample(LAST_SUCCESS, **key)] == before[sample(LAST_SUCCESS, **key)]


def test_run_is_pushed_as_its_markets_and_not_its_windows(gateway: str) -> None:
    """Whichever window ended last: the verdict stands under the market alone."""
    run_command("ends", FINALIZED, metrics_push=gateway)
    found = read_metrics(gateway)
    assert found[sample("lorentzian_run_sharpe_ratio", job="lorentzian-run", instance="", **MARKET)] == -2.8
    assert not [key for key in found if "lorentzian_run_" in key[0] and ("window", "3") in key[1]]


def test_gateway_that_is_away_is_a_warning() -> None:
    """The command ends as it would have."""
    (port,) = free_ports(1)
    with (
        capture_logs() as lines,
        Telemetry(
            "finalize", FinalizeCommand(telemetry=TelemetrySettings(metrics_push=f"http://127.0.0.1:{port}"))
        ).told(),
    ):
        pass
    assert [line["event"] for line in lines] == ["metrics_not_pushed"]


@pytest.mark.parametrize("address", ["pushgateway:9091", "ftp://host", "http://"])
def test_address_that_no_gateway_has_is_refused(address: str) -> None:
    """At the start, and not when the command has ended."""
    with pytest.raises(ConfigError, match="--metrics-push"):
        run_command("refused", metrics_push=address)


def test_port_answers_while_the_command_runs() -> None:
    """With the market and the window on every sample, and a verdict's numbers too; afterwards it is closed."""
    (port,) = free_ports(1)
    settings = WindowCommand(telemetry=TelemetrySettings(metrics_port=port), index=IndexSettings(index=3))
    telemetry = Telemetry("window", settings)
    configure_logs(log_format="json", verbose=False, quiet=True, listeners=telemetry.listeners)
    with telemetry.told():
        structlog.get_logger().debug("epoch_ended", part=1, epoch=0, loss=0.5)
        found = read_metrics(f"http://127.0.0.1:{port}")
        assert found[sample("lorentzian_training_loss", fit="1", **GROUP)] == 0.5
        assert sample("lorentzian_job_start_timestamp_seconds", **GROUP) in found
    with pytest.raises(OSError):
        read_metrics(f"http://127.0.0.1:{port}")


def test_port_answers_on_the_addresses_of_both_families(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as the machine has them: a pod of some clusters has IPv6 alone, and a kernel may have none of it."""
    with socket.socket(socket.AF_INET6) if socket.has_ipv6 else socket.socket() as probe:
        has_ipv6 = probe.family is socket.AF_INET6 and probe.connect_ex(("::1", 9)) == errno.ECONNREFUSED
    for has_both, hosts in ((True, ["127.0.0.1", "[::1]"]), (False, ["127.0.0.1"])):
        (port,) = free_ports(1)
        monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda is_so=has_both and has_ipv6: is_so)
        with served(CollectorRegistry(), port):
            for host in hosts[: 1 + has_ipv6]:
                assert read_metrics(f"http://{host}:{port}") == {}


def test_taken_port_is_a_warning() -> None:
    """Several pods may share a host's network."""
    (port,) = free_ports(1)
    settings = FinalizeCommand(telemetry=TelemetrySettings(metrics_port=port))
    with capture_logs() as lines, Telemetry("finalize", settings).told(), Telemetry("finalize", settings).told():
        assert [line["event"] for line in lines] == ["metrics_not_served"]


def test_file_is_whole_and_remembers_the_last_success(tmp_path: Path) -> None:
    """A failure replaces everything but the time of the success before it; nothing else is left in the folder."""
    path = tmp_path / "lorentzian.prom"

    def written() -> dict[Sample, float]:
        return parsed_metrics(path.read_text())

    with pytest.raises(DataError):
        run_command("file", error=DataError("planted"), metrics_textfile=str(path))
    assert sample(LAST_SUCCESS, **GROUP) not in written()
    run_command("file", metrics_textfile=str(path))
    succeeded_at = written()[sample(LAST_SUCCESS, **GROUP)]
    for _ in range(2):
        with pytest.raises(DataError):
            run_command("file", error=DataError("planted"), metrics_textfile=str(path))
        assert written()[sample(LAST_SUCCESS, **GROUP)] == succeeded_at
        assert written()[sample(EXIT_CODE, **GROUP)] == 65
    assert list(tmp_path.iterdir()) == [path]


def test_file_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    """As for a folder that is not there."""
    settings = FinalizeCommand(telemetry=TelemetrySettings(metrics_textfile=str(tmp_path / "absent" / "x.prom")))
    with capture_logs() as lines, Telemetry("finalize", settings).told():
        pass
    assert [line["event"] for line in lines] == ["metrics_not_written"]


def test_nobody_listens_unless_asked() -> None:
    """By default, and for a command that has no such settings."""
    assert Telemetry("window", WindowCommand()).listeners == ()
    assert Telemetry("status", StatusCommand()).listeners == ()
