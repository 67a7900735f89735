import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import structlog

from job.logs import configure_logs, hand_over_logs, same_names


def test_listener_hears_what_no_line_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Every event with all that is bound to it, whatever its level; lines only from the level on."""
    heard: list[Mapping[str, Any]] = []
    configure_logs(log_format="json", verbose=False, quiet=True, listeners=(lambda event: heard.append(dict(event)),))
    with structlog.contextvars.bound_contextvars(run_id="run", window_index=3):
        structlog.get_logger().debug("epoch_ended", loss=0.5)
        structlog.get_logger().warning("store_slow")
    assert [event["event"] for event in heard] == ["epoch_ended", "store_slow"]
    assert {event["run_id"] for event in heard} == {"run"}
    (line,) = (json.loads(text) for text in capsys.readouterr().err.splitlines())
    assert (line["event"], line["window_index"], line["level"]) == ("store_slow", 3, "warning")


@pytest.mark.parametrize(("verbose", "quiet", "count"), [(True, False, 3), (False, False, 2), (False, True, 1)])
@pytest.mark.parametrize("is_heard", [True, False])
def test_listeners_do_not_change_the_lines(
    capsys: pytest.CaptureFixture[str], verbose: bool, quiet: bool, count: int, is_heard: bool
) -> None:
    """The level alone decides, with and without somebody who listens."""
    listeners = ((lambda _: None),) if is_heard else ()
    configure_logs(log_format="json", verbose=verbose, quiet=quiet, listeners=listeners)
    for level in ("debug", "info", "error"):
        getattr(structlog.get_logger(), level)("said")
    assert len(capsys.readouterr().err.splitlines()) == count


def test_worker_hands_its_lines_over(capsys: pytest.CaptureFixture[str]) -> None:
    """It writes none itself; an exception goes over as text, since the other process has no such traceback."""
    heard: list[Mapping[str, Any]] = []
    hand_over_logs(lambda event: heard.append(dict(event)))
    try:
        raise ValueError("planted")
    except ValueError:
        structlog.get_logger().exception("worker_failed")
    assert "planted" in heard[0]["exception"]
    assert (heard[0]["level"], "exc_info" in heard[0]) == ("error", False)
    assert capsys.readouterr() == ("", "")


def test_lines_of_a_pool_carry_the_names_of_its_run() -> None:
    """A thread begins without them; neither its names nor those that come later reach anybody else's."""
    ask = structlog.contextvars.get_contextvars
    with structlog.contextvars.bound_contextvars(run_id="run", window_index=3):
        pools = ThreadPoolExecutor(2, initializer=same_names()), ThreadPoolExecutor(1)
        with pools[0] as named, pools[1] as bare:
            assert [each.result() for each in [named.submit(ask) for _ in range(4)]] == 4 * [ask()]
            assert bare.submit(ask).result() == {}
    assert ask() == {}


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Four digits, times instead of milliseconds, and the order in which it was said; JSON keeps every digit."""
    said = {
        "verdict": "none",
        "sharpe_ratio": 5.972472202795061,
        "dsr": 2.51e-9,
        "open_ms": 1767224700000,
        "wait_ms": 2000,
    }
    configure_logs(log_format="text", verbose=False, quiet=False)
    structlog.get_logger().info("run_finalized", **said)
    configure_logs(log_format="json", verbose=False, quiet=False)
    structlog.get_logger().info("run_finalized", **said)
    text, as_json = capsys.readouterr().err.splitlines()
    assert "verdict=none sharpe_ratio=5.972 dsr=2.51e-09 open_ms=2025-12-31T23:45 wait_ms=2000" in text
    assert said.items() <= json.loads(as_json).items()
