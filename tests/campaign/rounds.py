"""The rounds of the kill campaign: what happens to one run, until it is finished or its loss is counted.

Each ends with a claim about the bytes, and raises `AssertionError` where it does not hold.
"""

import json
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from job.artifacts.keys import RUNS_INDEX
from job.artifacts.stored_records import parse_record, record_bytes
from job.records import AttemptRecord, RunsIndexRecord
from job.run.kept_fits import SECONDS_BETWEEN
from job.run.state import SILENT_AFTER_MS
from tests.campaign.attempts import Attempt, Ending, finish_all
from tests.campaign.faults import Fault
from tests.campaign.faults import Place as FaultPlace
from tests.campaign.world import KEYS, LAST, NUM_WINDOWS, PLAN, RUN_ID, Place, World

MAX_STRIKES = 4  # on one index in a row; then it is left in peace
# Of an undisturbed attempt: a fault past the last write never strikes. The last window has the finalizer behind it.
MOST_WRITES = {"window": 27, "last window": 39, "finalizer": 13}
_LONG_NAME = re.compile(r"[0-9a-f_-]{12,}")  # digests and times in keys, which differ between rounds
MAX_LEAVE_S = 60.0  # half of the pods' grace period, on a machine that has much else to do


@dataclass(kw_only=True)
class Tally:
    """What has happened so far.

    Parameters
    ----------
    kills, terms : starts that a SIGKILL or a SIGTERM ended, by where it came.
    num_starts : of any command.
    leave_s : seconds from a SIGTERM to the end.
    num_repeated, num_fits : fits that were done again after a start that had finished them, and all.
    """

    kills: Counter[str] = field(default_factory=Counter)
    terms: Counter[str] = field(default_factory=Counter)
    rounds: Counter[str] = field(default_factory=Counter)
    num_starts: int = 0
    leave_s: list[float] = field(default_factory=list)
    num_repeated: int = 0
    num_fits: int = 0

    def note(self, ending: Ending, place: str) -> Ending:
        """Count an ending, which must be one of the three that there are."""
        self.num_starts += 1
        where = _LONG_NAME.sub("*", ending.place.replace(KEYS.root, "")) or place
        if ending.is_killed:
            self.kills[where] += 1
        elif ending.is_stopped:
            self.terms[where] += 1
            if ending.seconds_to_leave is not None:
                self.leave_s.append(ending.seconds_to_leave)
                assert ending.seconds_to_leave < MAX_LEAVE_S, "too slow to leave"
        else:
            assert ending.code == 0, (ending.code, ending.out, ending.events[-3:])
        return ending


@dataclass(frozen=True, kw_only=True)
class Dice:
    """What strikes next, drawn from a seed."""

    draw: random.Random
    term_share: float

    def signal(self) -> int:
        """SIGKILL, or in its share of cases SIGTERM."""
        return signal.SIGTERM if self.draw.random() < self.term_share else signal.SIGKILL

    def fault(self, place: Place, kind: str) -> Fault:
        """A place of the process's own to be struck at."""
        where: FaultPlace = "upload" if place.is_bucket and self.draw.random() < 0.3 else "write"
        return Fault(place=where, number=self.draw.randint(1, MOST_WRITES[kind]), number_of_signal=self.signal())


@dataclass(kw_only=True)
class Rounds:
    """The kinds of rounds, over one world."""

    world: World
    dice: Dice
    tally: Tally

    def pods(self, place: Place, *, is_cold: bool = False) -> None:
        """Every index from an empty store, in any order, each struck at any moment a few times."""
        for index in self.dice.draw.sample(range(NUM_WINDOWS), NUM_WINDOWS):
            self._until_done(place, index, is_cold=is_cold)
        self._same_bytes(place, is_cold=is_cold)

    def last_pod(self, place: Place) -> None:
        """The last index and the finalizer behind it; the others are done."""
        place.fill(self.world.all_but_last)
        self._until_done(place, LAST, kind="last window")
        self._same_bytes(place)

    def at_write(self, place: Place, number: int) -> bool:
        """The last index, or the finalizer behind it, dies before this write; whether there was such a write."""
        place.fill(self.world.all_but_last)
        fault = Fault(place="write", number=number)
        is_struck = self.tally.note(self.world.window(place, LAST, fault).finish(), "").is_killed
        self._undisturbed(self.world.window(place, LAST))
        self._same_bytes(place)
        return is_struck

    def twins(self, place: Place) -> None:
        """Two processes on the last index at once; one of them is struck, or neither."""
        place.fill(self.world.all_but_last)
        self._pairs(place, lambda fault: self.world.window(place, LAST, fault), kind="last window")

    def finalizers(self, place: Place) -> None:
        """Two finalizers at once, one of them struck, until the result stands."""
        place.fill(self.world.all_windows)
        is_sweep = self.dice.draw.random() < 0.5
        self._pairs(place, lambda fault: self.world.finalizer(place, fault, is_sweep=is_sweep), kind="finalizer")

    def lost(self, place: Place) -> None:
        """The last index dies on each of its attempts: the run is judged without it, says so, and takes it back."""
        place.fill(self.world.all_but_last)
        model = f"best_model_window_{LAST}.pt"
        own = (model, "series.npz", f"windows/{LAST}/metrics.json", "manifest.json", ".daily.json")
        for _ in range(3):
            fault = Fault(place="write", number=1, key=self.dice.draw.choice(own))
            assert self.tally.note(self.world.window(place, LAST, fault).finish(), "").is_killed
        early = self._undisturbed(self.world.finalizer(place, is_sweep=True))
        assert "not ready" in early.out, early.out
        let_time_pass(place, LAST)
        judged = self._undisturbed(self.world.finalizer(place, is_sweep=True))
        said = f"{LAST} of {NUM_WINDOWS} windows, 1 failed: window {LAST}: its last pod fell silent"
        assert said in judged.out, judged.out
        objects = place.found()
        summary = json.loads(objects[KEYS.summary])
        assert summary["failed_windows"] == {str(LAST): "its last pod fell silent"}
        assert said in summary["headline"]
        assert said.encode() in objects[KEYS.report]
        index = place.store.get(RUNS_INDEX)
        assert index is not None
        entry = parse_record(RunsIndexRecord, index.data, where=RUNS_INDEX).runs[RUN_ID]
        assert (entry.num_done, entry.num_failed) == (LAST, 1)
        self._undisturbed(self.world.window(place, LAST))
        self._same_bytes(place)

    def walkforward(self, place: Place) -> None:
        """The one-machine command from a new interpreter: it, or one of its workers, is struck at any moment."""
        arguments = ["walkforward", *PLAN, "--workers", "2", "--save-path", place.save_path]
        for strike in range(MAX_STRIKES // 2):
            attempt = self.world.start(place, arguments, is_cold=True)
            time.sleep(self.dice.draw.uniform(0, self.world.seconds["walkforward"]))
            workers = attempt.children()
            number = self.dice.signal()
            if workers and strike == 0:
                _kill(self.dice.draw.choice(workers))
                self.tally.kills["a worker"] += 1
            else:
                attempt.send(number)
            if self.tally.note(attempt.finish(), "walkforward, any moment").code == 0 and strike:
                break
        self._undisturbed(self.world.start(place, arguments, is_cold=True))
        self._same_bytes(place, is_cold=True)

    def _until_done(self, place: Place, index: int, *, kind: str = "window", is_cold: bool = False) -> None:
        finished: dict[str, float] = {}
        again, num_struck = [], 0
        while True:
            is_struck = num_struck < MAX_STRIKES and self.dice.draw.random() < 0.8
            ending = self._one(place, index, kind=kind, is_struck=is_struck, is_cold=is_cold)
            again += [finished[name] for name, _ in ending.fits() if name in finished]  # seconds that were lost
            finished |= dict(ending.fits())
            if ending.code == 0:
                break
            num_struck += 1
        self.tally.num_fits += len(finished) + len(again)
        self.tally.num_repeated += len(again)
        # Who has died may have lost what it did since it last stored its fits, and the one that was due to be stored.
        if is_cold:
            assert sum(again) <= num_struck * (SECONDS_BETWEEN + max(finished.values(), default=0.0)), again
        else:
            assert len(again) <= num_struck, f"{len(again)} fits repeated after {num_struck} ends"

    def _one(self, place: Place, index: int, *, kind: str, is_struck: bool, is_cold: bool) -> Ending:
        if not is_struck:
            return self._undisturbed(self.world.window(place, index, is_cold=is_cold))
        if not is_cold and self.dice.draw.random() < 0.4:
            return self.tally.note(self.world.window(place, index, self.dice.fault(place, kind)).finish(), "")
        kind = "cold window" if is_cold else kind
        attempt = self.world.window(place, index, is_cold=is_cold)
        time.sleep(self.dice.draw.uniform(0, self.world.seconds[kind]))
        attempt.send(self.dice.signal())
        return self.tally.note(attempt.finish(), f"{kind}, any moment")

    def _pairs(self, place: Place, start: Callable[[Fault | None], Attempt], *, kind: str) -> None:
        """Two at once, one of them struck, until both end by themselves; then the bytes."""
        for _ in range(MAX_STRIKES):
            by_itself = self.dice.draw.random() < 0.5
            pair = [start(self.dice.fault(place, kind) if by_itself else None), start(None)]
            if not by_itself:
                time.sleep(self.dice.draw.uniform(0, self.world.seconds[kind]))
                pair[0].send(self.dice.signal())
            endings = [self.tally.note(each, f"one of two, {kind}, any moment") for each in finish_all(pair)]
            if all(each.code == 0 for each in endings):
                break
        self._undisturbed(start(None))
        self._same_bytes(place)

    def _undisturbed(self, attempt: Attempt) -> Ending:
        ending = self.tally.note(attempt.finish(), "")
        assert ending.code == 0, ending
        return ending

    def _same_bytes(self, place: Place, *, is_cold: bool = False) -> None:
        found, wanted = place.found(), self.world.cold_reference if is_cold else self.world.reference
        differing = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
        assert differing == [], f"other bytes than undisturbed: {differing}"


def let_time_pass(place: Place, index: int) -> None:
    """Date a window's heartbeats back, as if its pods had been silent for long enough."""
    for info in list(place.store.list(f"{KEYS.window(index)}attempts/")):
        stored = place.store.get(info.key)
        assert stored is not None
        record = parse_record(AttemptRecord, stored.data, where=info.key)
        earlier = record.model_copy(update={"beat_at_ms": record.beat_at_ms - SILENT_AFTER_MS})
        place.store.put(info.key, record_bytes(earlier))


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
