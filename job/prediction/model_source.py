"""From what a user calls a model to its file: the one in use, a run's, or a file of one's own."""

from dataclasses import dataclass
from pathlib import Path

from job.artifacts.keys import ModelKeys, RunKeys, check_run_id
from job.artifacts.manifest import read_manifest, read_named
from job.artifacts.opening import open_store
from job.artifacts.store import ObjectStore
from job.errors import ConfigError, DataError
from job.prediction.stored_model import StoredModel, read_model
from job.records import CurrentModelRecord, PlanRecord
from job.run.plan import read_plan
from job.run.promotion import markets_in_use, read_current

CURRENT = "current"
SUFFIX = ".pt"
MAX_NAMED = 5  # markets in a remedy


@dataclass(frozen=True, kw_only=True)
class FoundModel:
    """A model, where it was found, and the promotion that names it, if one does.

    Parameters
    ----------
    where : for messages.
    run_id : whose result it is; None for a file of one's own.
    current : the promotion that was asked for; None for a model that was named otherwise.
    """

    model: StoredModel
    where: str
    run_id: str | None
    current: CurrentModelRecord | None


def find_model(name: str, store: ObjectStore, market: ModelKeys) -> FoundModel:
    """The model that ``name`` means.

    Parameters
    ----------
    name : ``current``, a path or ``s3://`` address that ends in .pt, or a run.
    store : of the save path, for the first and the last.
    market : whose model is ``current``.

    Raises
    ------
    ConfigError
        Where there is no such model.
    DataError
        Where its file is damaged, or none that this version reads.
    """
    if name == CURRENT:
        return current_model(store, market)
    if name.endswith(SUFFIX):
        return FoundModel(model=read_model(_file(name), where=name), where=name, run_id=None, current=None)
    plan = read_plan(store, check_run_id(name))
    if plan is None:
        raise ConfigError(
            f"There is no run {name} under {store.location}.",
            remedy=f"Check --model and --save-path; it takes `{CURRENT}`, a run, or a file that ends in {SUFFIX}.",
        )
    key = final_model_key(plan)
    return FoundModel(
        model=read_model(stored_model_file(store, plan), where=key), where=key, run_id=plan.run_id, current=None
    )


def current_model(store: ObjectStore, market: ModelKeys) -> FoundModel:
    """The model in use for a market; errors as of `find_model`."""
    current = read_current(store, market)
    if current is None:
        raise ConfigError(
            f"No model is in use for {market.symbol} {market.interval} ({market.venue}) under {store.location}.",
            remedy=_others_in_use(store)
            + "Promote a finished run, `lorentzian promote RUN`, or name a run or a file with --model.",
        )
    stored = store.get(current.model_key)
    if stored is None:
        raise ConfigError(
            f"The model in use, {current.model_key} of run {current.run_id}, is gone from {store.location}.",
            remedy="Promote another run, or bring that file back.",
        )
    model = read_model(stored.data, where=current.model_key)
    if not current.model_hash.startswith(model.identity):
        raise DataError(
            f"{current.model_key} is not the file that was promoted.",
            remedy=f"Promote run {current.run_id} again, where its new file is the one that is meant.",
        )
    return FoundModel(model=model, where=current.model_key, run_id=current.run_id, current=current)


def _others_in_use(store: ObjectStore) -> str:
    """What may have been meant instead."""
    others = markets_in_use(store)
    if not others:
        return ""
    names = [f"--symbol {each.symbol} --interval {each.interval} --venue {each.venue}" for each in others[:MAX_NAMED]]
    return f"In use there: {'; '.join(names)}{', and others' if len(others) > MAX_NAMED else ''}. "


def final_model_key(plan: PlanRecord) -> str:
    """Where a run's model for use from now on lies, or the one model of a basic training."""
    keys = RunKeys(plan.run_id)
    return keys.trained_model(plan.stamp) if plan.kind == "training" else keys.best_model_final(plan.stamp)


def stored_model_file(store: ObjectStore, plan: PlanRecord) -> bytes:
    """That file, as the run's manifest names it.

    Raises
    ------
    ConfigError
        Where the run has no result yet.
    DataError
        Where another file lies in its place.
    """
    keys = RunKeys(plan.run_id)
    manifest = read_manifest(store, keys.manifest)
    if manifest is None:
        raise ConfigError(
            f"Run {plan.run_id} is not finished, and has no model to use yet.",
            remedy=f"See how far it is: lorentzian status --run-id {plan.run_id}",
        )
    data = read_named(store, manifest, final_model_key(plan), root=keys.root)
    if data is None:
        raise DataError(
            f"{final_model_key(plan)} is not what the run's manifest says.",
            remedy=f"Run `lorentzian finalize --run-id {plan.run_id}`: it mends what is damaged.",
        )
    return data


def _file(name: str) -> bytes:
    folder, _, file = name.rpartition("/")
    if "://" in name:
        stored = open_store(folder).get(file)
        if stored is None:
            raise ConfigError(f"There is no object {file} in {folder}.", remedy="Check --model.")
        return stored.data
    try:
        return Path(name).expanduser().read_bytes()
    except OSError as error:
        raise ConfigError(
            f"The model file {name} cannot be read: {error.strerror}.", remedy="Check --model."
        ) from error
