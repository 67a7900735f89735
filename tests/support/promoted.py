"""A final model of the small walk-forward in use, without the windows and pictures that take the time."""

import io
from pathlib import Path
from typing import Any

import torch

from job.artifacts.keys import RunKeys
from job.artifacts.manifest import write_with_manifest
from job.execution.final_model import fit_final_model
from job.report.stored_run import StoredRun
from job.run.index import note_finished
from job.run.plan import publish_plan
from job.run.run import Run
from tests.support.small_run import open_small_run, small_settings


def run_with_final_model(conninfo: str, folder: Path, **changes: object) -> Run:
    """A run whose result is its final model alone."""
    run = open_small_run(small_settings(folder, **changes), conninfo)
    data = fit_final_model(run).data
    keys = RunKeys(run.plan.run_id)
    objects = {keys.best_model_final(run.plan.stamp): data}
    write_with_manifest(run.store, keys.manifest, objects, root=keys.root, extra={})
    return run


def twin_run(run: Run, run_id: str, *, created_at_ms: int) -> None:
    """The same finished result under another run's name, in the same store."""
    keys = RunKeys(run_id)
    plan = run.plan.model_copy(update={"run_id": run_id, "created_at_ms": created_at_ms})
    for info in list(run.store.list(run.keys.root)):
        stored = run.store.get(info.key)
        assert stored is not None
        if info.key != run.keys.plan:
            run.store.put(keys.root + info.key.removeprefix(run.keys.root), stored.data)
    publish_plan(run.store, plan)
    note_finished(run.store, plan, StoredRun(store=run.store, plan=plan).summary())


def saved(content: dict[str, Any]) -> bytes:
    """A model file of this content."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()
