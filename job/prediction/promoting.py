"""Putting a run's final model in use: what is asked of the run first, and who decided why."""

import hashlib
from dataclasses import dataclass

from job.artifacts.manifest import read_manifest
from job.artifacts.store import ObjectStore
from job.errors import ConfigError, Interrupted, JobError
from job.prediction.market_view import features_of
from job.prediction.model_source import final_model_key, stored_model_file
from job.prediction.stored_model import read_model
from job.records import CurrentModelRecord
from job.report.ranking import verdict_among
from job.report.stored_run import StoredRun, open_stored_run
from job.run.promotion import Promotion, model_keys, newest_runs, put_in_use, read_current
from job.settings.prediction import PromoteWhen

LEAST = {"always": 0, "weak": 1, "evidence": 2}
RANK = {"no evidence": 0, "weak": 1, "evidence": 2}


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """Who decides, why, when, and how good a verdict must be."""

    by: str
    why: str
    when: PromoteWhen
    now_ms: int


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What became of one run: its promotion, or why there was none, which may be an error.

    Parameters
    ----------
    never_trades : whether the model that was promoted has no thresholds, and so will never want a position.
    """

    run_id: str
    promotion: Promotion | None
    never_trades: bool = False
    why_not: str = ""
    error: JobError | None = None


def promote_run(store: ObjectStore, ledger: ObjectStore, run_id: str, occasion: Occasion) -> Decided:
    """Put the final model of a run in use for its market, if its verdict is good enough.

    Raises
    ------
    ConfigError
        Where there is no such run, it is a basic training, this version makes other features, or the run was deleted
        meanwhile.
    TransientError
        Where it is not finalized.
    DataError
        Where its final model is damaged, or none that this version reads.
    """
    return _promote(open_stored_run(store, run_id), ledger, occasion)


def promote_newest(store: ObjectStore, ledger: ObjectStore, occasion: Occasion) -> list[Decided]:
    """The same for each market's newest finished run.

    Only for runs that were planned after the market's last promotion, so that nothing is undone that somebody decided
    since: going back to an earlier model, above all. One that cannot be promoted does not keep the others from it.
    """
    decided = []
    for plan in newest_runs(store):
        current = read_current(store, model_keys(plan.procedure))
        if current is not None and plan.created_at_ms <= current.promoted_at_ms:
            why_not = f"it was planned before run {current.run_id} was promoted"
            decided.append(Decided(run_id=plan.run_id, promotion=None, why_not=why_not))
        else:
            decided.append(_try(StoredRun(store=store, plan=plan), ledger, occasion))
    return decided


def _try(run: StoredRun, ledger: ObjectStore, occasion: Occasion) -> Decided:
    try:
        return _promote(run, ledger, occasion)
    except Interrupted:
        raise
    except JobError as error:
        return Decided(run_id=run.plan.run_id, promotion=None, why_not=error.message, error=error)


def _promote(run: StoredRun, ledger: ObjectStore, occasion: Occasion) -> Decided:
    plan, store = run.plan, run.store
    if occasion.when == "never":
        return Decided(run_id=plan.run_id, promotion=None, why_not="--when is never")
    verdict = verdict_among(run, ledger).verdict.verdict  # among the trials of now: a scan goes on after its first runs
    if RANK[verdict] < LEAST[occasion.when]:
        return Decided(run_id=plan.run_id, promotion=None, why_not=f"its verdict is `{verdict}`")
    data = stored_model_file(store, plan)
    key = final_model_key(plan)
    model = read_model(data, where=key)
    features_of(model, where=f"Run {plan.run_id}")
    market = plan.procedure.market
    promotion = put_in_use(
        store,
        CurrentModelRecord(
            venue=market.venue,
            symbol=market.symbol,
            interval=market.interval,
            run_id=plan.run_id,
            model_key=key,
            model_hash=hashlib.sha256(data).hexdigest(),
            feature_set=plan.feature_set,
            verdict=verdict,
            promoted_at_ms=occasion.now_ms,
            promoted_by=occasion.by,
            why=occasion.why,
        ),
    )
    if read_manifest(store, run.keys.manifest) is None:
        raise ConfigError(
            f"Run {plan.run_id} was deleted while it was promoted.",
            remedy="Promote another run; until then `lorentzian predict` finds no model.",
        )
    return Decided(run_id=plan.run_id, promotion=promotion, never_trades=model.thresholds.never_trades)
