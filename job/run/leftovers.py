"""No run begins under a name where another one is still being deleted."""

from job.artifacts.keys import RunKeys
from job.artifacts.store import ObjectStore
from job.errors import ConfigError
from job.run.plan import read_plan


def refuse_leftovers(store: ObjectStore, run_id: str) -> None:
    """Return where a run may be planned under this name, or has been.

    Raises
    ------
    ConfigError
        Where objects of a run lie without its plan: windows that were done under other settings would be believed.
    """
    is_anything_there = any(store.list(RunKeys(run_id).root))
    # In this order: whoever writes beside the plan has written the plan before.
    if is_anything_there and read_plan(store, run_id) is None:
        raise ConfigError(
            f"Run {run_id} under {store.location} is half deleted: a pruning was interrupted.",
            remedy="Run `lorentzian prune` to its end with the same --save-path, or use another --run-id.",
        )
