"""All objects of a store at once, and what of them two equal runs must share."""

import json
import re

from job.artifacts.store import ObjectStore

# How a run went, never what it found.
EXECUTION = re.compile(r"(^|/)(attempts/\d+\.json|execution\.json|finished\.npz|runs-index\.json)$")
CREATION = ("run_id", "stamp", "created_at_ms")


def stored_objects(store: ObjectStore) -> dict[str, bytes]:
    """Every object by its key."""
    found = {}
    for info in store.list(""):
        stored = store.get(info.key)
        assert stored is not None
        found[info.key] = stored.data
    return found


def comparable_objects(store: ObjectStore) -> dict[str, bytes]:
    """The objects that equal runs write alike, byte for byte, with the plan's stamp taken out of their names.

    The plan is compared without its run id, stamp and time of creation.
    """
    objects = stored_objects(store)
    plans = {key: json.loads(data) for key, data in objects.items() if key.endswith("/plan.json")}
    assert len(plans) == 1
    ((plan_key, plan),) = plans.items()
    stamp = str(plan["stamp"])
    left = {name: value for name, value in plan.items() if name not in CREATION}
    objects[plan_key] = json.dumps(left, sort_keys=True).encode()
    return {
        key.replace(stamp, "STAMP"): data.replace(stamp.encode(), b"STAMP") if key.endswith("manifest.json") else data
        for key, data in objects.items()
        if EXECUTION.search(key) is None
    }
