from pathlib import Path

import pytest

from job.artifacts.folder import LocalStore
from job.errors import ConfigError
from job.execution.opening import plan_run
from job.run.leftovers import refuse_leftovers
from tests.support.small_run import RUN_ID, small_settings

LEFT = f"runs/{RUN_ID}/windows/0/manifest.json"


def test_no_run_is_planned_where_another_is_half_deleted(small_market: str, tmp_path: Path) -> None:
    """Its windows would be believed; when they are gone the name is free, and taken it stays a run like any other."""
    store = LocalStore(tmp_path)
    store.put(LEFT, b"{}")
    with pytest.raises(ConfigError, match=f"Run {RUN_ID} under .* is half deleted") as caught:
        plan_run(small_settings(tmp_path), small_market)
    assert "`lorentzian prune`" in caught.value.remedy
    assert [info.key for info in store.list("")] == [LEFT]
    store.delete(LEFT)
    assert plan_run(small_settings(tmp_path), small_market).run_id == RUN_ID
    store.put(LEFT, b"{}")
    refuse_leftovers(store, RUN_ID)
    assert plan_run(small_settings(tmp_path), small_market).run_id == RUN_ID
