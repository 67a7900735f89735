"""Ctrl-C in the middle of work and of waiting: soon, with 130, and with nothing left behind."""

import socket
import time
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals

import pytest

from tests.end_to_end.conftest import Laptop
from tests.support.commands import RunningCommand, started_lorentzian
from tests.support.small_market import MARKET, NUM_DAYS, WALK
from tests.support.waiting import wait_until
from tests.support.warm_commands import WarmLorentzian

SOON_S = 20.0  # on a busy machine; nothing that is interrupted here would end by itself within a minute


def stop(running: RunningCommand, number: Signals) -> str:
    """The sentence that a command ends with after a signal, if it ends soon."""
    started = time.monotonic()
    running.send(number, to_group=number is SIGINT)
    result = running.finish()
    assert result.code == {SIGINT: 130, SIGTERM: 143}[number], result.err
    assert time.monotonic() - started < SOON_S
    assert running.is_group_gone()
    return result.error


def test_ctrl_c_in_a_walkforward(laptop: Laptop, warm: WarmLorentzian, tmp_path: Path) -> None:
    """The window at hand is left, its worker is gone, and the attempt says how it ended."""
    command = ["walkforward", *WALK, "--epochs", "10000", "--save-path", str(tmp_path)]

    def is_training() -> bool:
        return any(tmp_path.glob("runs/*/windows/0/attempts/1.json"))

    with started_lorentzian(command, laptop.env, warm=warm) as running:
        wait_until(is_training)
        error = stop(running, SIGINT)
    assert error.startswith("Stopped by Ctrl-C.")
    assert not list(tmp_path.rglob("manifest.json"))
    assert not list(tmp_path.rglob("failure.json"))


@pytest.mark.parametrize("number", [SIGINT, SIGTERM])
def test_waiting_for_a_database_ends_at_once(number: Signals) -> None:
    """A server that accepts and says nothing holds nobody who wants to leave."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        env = {"DATABASE_URL": f"postgresql://user@127.0.0.1:{server.getsockname()[1]}/database?connect_timeout=90"}
        with started_lorentzian(["migrate"], env) as running:
            connection, _ = server.accept()
            with connection:
                stop(running, number)


def test_waiting_for_binance_ends_at_once(laptop: Laptop, tmp_path: Path) -> None:
    """A collection that was told to come back in two minutes does not wait for them."""
    laptop.binance.fail("/fapi/v1/klines", times=9, status=429, headers={"Retry-After": "120"})
    num_before = len(laptop.binance.asked("klines?"))
    command = ["collect", *MARKET, "--days", str(NUM_DAYS), "--source", "rest", "--base-url", laptop.binance.url]
    try:
        with started_lorentzian(command, laptop.env) as running:
            wait_until(lambda: len(laptop.binance.asked("klines?")) > num_before)
            stop(running, SIGTERM)
    finally:
        laptop.binance.faults.clear()
