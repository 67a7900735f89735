"""``lorentzian promote``: put a finished run's final model in use for its market; an earlier run's, to go back."""

import getpass
import os

from job import interruption
from job.artifacts.opening import open_store
from job.artifacts.store import ObjectStore
from job.commands.several import raise_worst
from job.errors import ExitCode
from job.intervals import format_utc
from job.prediction.promoting import Decided, Occasion, promote_newest, promote_run
from job.run.attempt import now_ms
from job.settings.commands import PromoteCommand
from job.settings.sources import LoadedSettings


def run(loaded: LoadedSettings[PromoteCommand]) -> ExitCode:
    """Promote the run that was named, or look at each market's newest."""
    settings = loaded.settings.promote
    with interruption.at_once():
        store = open_store(loaded.settings.store.save_path)
        ledger = open_store(loaded.settings.store.ledger or loaded.settings.store.save_path)
        # Naming a run is a decision; a cron that names none makes none, unless it was told to.
        when = settings.when or ("never" if settings.promoted_run is None else "always")
        occasion = Occasion(by=settings.by or _user(), why=settings.why, when=when, now_ms=now_ms())
        if settings.promoted_run is None:
            decided = promote_newest(store, ledger, occasion)
        else:
            decided = [promote_run(store, ledger, settings.promoted_run, occasion)]
    for each in decided:
        print(_sentence(each, store))
    if not decided:
        print(f"There is no finished run under {store.location}: nothing to promote.")
    raise_worst({each.run_id: each.error for each in decided if each.error is not None}, what="Not promoted")
    return ExitCode.DONE


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a pod's user has a number and no name
        return f"user {os.getuid()}"


def _sentence(decided: Decided, store: ObjectStore) -> str:
    if decided.promotion is None:
        return f"{decided.run_id}: not promoted, {decided.why_not}"
    current = decided.promotion.current
    market = f"{current.symbol} {current.interval} ({current.venue})"
    silent = "; it will want no position: validation found no thresholds that beat staying flat"
    rest = silent if decided.never_trades else ""
    if not decided.promotion.is_new:
        since = f"{format_utc(current.promoted_at_ms)} UTC"
        return f"{current.run_id}: in use for {market} already, since {since} by {current.promoted_by}{rest}"
    if current.previous is not None:
        rest += f"; back: lorentzian promote {current.previous.run_id} --save-path {store.location}"
    return f"{current.run_id}: in use for {market} from now on; verdict: {current.verdict}{rest}"
