"""The demo's worlds in a database of one's own, for the commands that a cluster runs one by one."""

import shlex

import pytest

from job.data.kline_table import stored_markets
from job.data.postgres import connect
from tests.support.commands import run_lorentzian
from tests.support.warm_commands import WarmLorentzian


@pytest.mark.slow
def test_prepared_world_is_what_other_commands_find(database: str) -> None:
    """Klines of three markets and features are there; a second start adds nothing; the printed command fits them."""
    command = ["demo", "--prepare", "--world", "noise"]
    done = run_lorentzian(command, {"DATABASE_URL": database})
    assert done.code == 0, done.err
    with connect(database) as connection:
        assert {(key.venue, key.symbol) for key in stored_markets(connection)} == {
            ("synthetic-noise", symbol) for symbol in ("SYNUSDT", "SYNBTC", "SYNETH")
        }
    again = run_lorentzian(command, {"DATABASE_URL": database})
    assert again.event("features_updated")["num_added"] == 0
    walk = shlex.split(done.out.splitlines()[-1])
    assert walk[:2] == ["lorentzian", "walkforward"]
    planned = run_lorentzian(["plan", *walk[2:]], {"DATABASE_URL": database})
    assert planned.code == 0, planned.err
    assert "21" in planned.out


def test_only_synthetic_worlds_are_prepared(warm: WarmLorentzian) -> None:
    """Files and fresh klines have commands of their own, and the refusal names them."""
    done = run_lorentzian(["demo", "--prepare", "--live"], warm=warm)
    assert done.code == 64
    assert "lorentzian import" in done.error
