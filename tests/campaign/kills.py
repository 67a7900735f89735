"""The kill campaign: rounds after rounds over folder and bucket, until enough has been struck down.

A round that does not end with the bytes of the undisturbed run, or with its loss counted, ends the campaign.
"""

import argparse
import itertools
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from tests.campaign.rounds import Dice, Rounds, Tally
from tests.campaign.world import Place, World, look_at_undisturbed_cold, whole_world

STORES = ("folder", "s3")
COLD_ROUNDS = 2  # a store: whole interpreters, with their seconds of loading
MAX_ROUNDS = 500
PARTS = ("writes", "cold", "mixed")
# In small: amid the fits, and amid the result of the run.
FEW_WRITES = (10, 31)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's flags."""
    parser.add_argument("--kills", type=int, default=200, help="SIGKILLs at least [200]")
    parser.add_argument("--terms", type=int, default=50, help="SIGTERMs at least [50]")
    parser.add_argument("--seed", type=int, default=0, help="of what strikes where and when [0]")
    parser.add_argument("--parts", default=",".join(PARTS), help="of the campaign [writes,cold,mixed]")
    parser.add_argument("--stores", default=",".join(STORES), help="folder, s3, or both [folder,s3]")


def run(arguments: argparse.Namespace) -> None:
    """Run the whole campaign and print its figures."""
    stores, parts = arguments.stores.split(","), arguments.parts.split(",")
    started = time.monotonic()
    with whole_world(stores) as world:
        if "cold" in parts:
            look_at_undisturbed_cold(world)
        tallies = {}
        for store in stores:
            tally = tallies[store] = Tally()
            num_kills, num_terms = (math.ceil(count / len(stores)) for count in (arguments.kills, arguments.terms))
            strike_down(world, store, tally, seed=arguments.seed, num_kills=num_kills, num_terms=num_terms, parts=parts)
    minutes = (time.monotonic() - started) / 60
    print(f"every round ended with the bytes of the undisturbed run, or with its loss counted; {minutes:.0f} minutes")
    for store, tally in tallies.items():
        print_tally(store, tally)


def strike_down(
    world: World, store: str, tally: Tally, *, seed: int, num_kills: int, num_terms: int, parts: Sequence[str] = PARTS
) -> None:
    """The parts on one store; the last one goes on until both counts are reached."""
    rounds = Rounds(
        world=world,
        dice=Dice(draw=random.Random(f"{seed} {store}"), term_share=num_terms / (num_kills + num_terms)),
        tally=tally,
    )
    if "writes" in parts:
        number = 1
        while _round(rounds, store, "before every write", partial(rounds.at_write, number=number)):
            number += 1
    if "cold" in parts:
        for _ in range(COLD_ROUNDS):
            _round(rounds, store, "cold pods", partial(rounds.pods, is_cold=True))
            _round(rounds, store, "walkforward", rounds.walkforward)
    kinds: Sequence[tuple[str, Callable[[Place], object]]] = (
        ("pods", rounds.pods),
        ("last pod", rounds.last_pod),
        ("two on one index", rounds.twins),
        ("two finalizers", rounds.finalizers),
        ("lost", rounds.lost),
    )
    turns = itertools.cycle(kinds) if "mixed" in parts else ()
    for name, play in itertools.islice(turns, MAX_ROUNDS):
        if tally.kills.total() >= num_kills and tally.terms.total() >= num_terms:
            return
        _round(rounds, store, name, play)
    assert "mixed" not in parts, "the rounds strike too seldom"


def strike_briefly(world: World, store: str) -> Tally:
    """A round of each kind, those first that need no luck; raises `AssertionError` as the whole campaign does."""
    rounds = Rounds(world=world, dice=Dice(draw=random.Random(store), term_share=0.3), tally=Tally())
    rounds.lost(world.place(store))
    for number in FEW_WRITES:
        assert rounds.at_write(world.place(store), number), f"there is no write {number}"
    for play in (rounds.last_pod, rounds.twins, rounds.finalizers):
        play(world.place(store))
    return rounds.tally


def _round(rounds: Rounds, store: str, name: str, play: Callable[[Place], object]) -> object:
    place = rounds.world.place(store)
    outcome = play(place)
    rounds.tally.rounds[name] += 1
    for info in list(place.store.list("")):
        place.store.delete(info.key)
    tally = rounds.tally
    print(
        f"{store}: {name}: {tally.kills.total()} kills, {tally.terms.total()} terms, {tally.num_starts} starts",
        file=sys.stderr,
        flush=True,
    )
    return outcome


def print_tally(store: str, tally: Tally) -> None:
    """The figures of one store."""
    print(f"{store}: {tally.kills.total()} SIGKILL, {tally.terms.total()} SIGTERM, {tally.num_starts} starts")
    print(f"  rounds: {_counted(tally.rounds)}")
    print(f"  killed: {_counted(tally.kills)}")
    print(f"  stopped: {_counted(tally.terms)}")
    if tally.leave_s:
        print(f"  seconds from SIGTERM to the end: longest {max(tally.leave_s):.1f}")
    print(f"  fits: {tally.num_fits} finished, {tally.num_repeated} of them again: no more than were not stored yet")


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counter.most_common())
