"""The campaign of what uses a model, in small: a few places of each command, and mistakes that it must see."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.campaign import model_mutants
from tests.campaign.model_kills import CAMPAIGNS, Origin, finished_run, strike
from tests.support.warm_commands import Preparation, warm_lorentzian

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def origin(postgres_server: str) -> Iterator[Origin]:
    """A finished run, which every scene is a copy of."""
    with warm_lorentzian() as warm, finished_run(postgres_server, warm) as origin:
        yield origin


@pytest.mark.parametrize(("name", "every"), [("promote", 1), ("predict", 19), ("prune", 17)])
def test_what_uses_a_model_loses_nothing(origin: Origin, name: str, every: int) -> None:
    """Killed at a few places, started once more; all of them are ``python -m tests.campaign models``."""
    assert name in CAMPAIGNS
    assert strike(origin, name, every=every) >= 1


@pytest.mark.parametrize(
    ("name", "every", "mistake"),
    [("predict", 13, model_mutants.skip_to_the_newest), ("prune", 5, model_mutants.delete_in_order_of_names)],
)
def test_what_would_lose_something_is_seen(origin: Origin, name: str, every: int, mistake: object) -> None:
    """A follower that skips bars after a death, and a pruning that leaves a run half believed."""
    function = mistake.__name__  # type: ignore[attr-defined]
    planted = replace(origin, preparations=[Preparation(module=model_mutants.__name__, function=function)])
    with pytest.raises(AssertionError):
        strike(planted, name, every=every)
