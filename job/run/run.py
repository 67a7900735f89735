"""One run: its plan, and the places that its windows read from and write to."""

from dataclasses import dataclass

import torch

from job.artifacts.keys import RunKeys
from job.artifacts.store import ObjectStore
from job.records import PlanRecord


@dataclass(frozen=True, kw_only=True)
class Run:
    """Everything a window or the finalizer of one run needs.

    Parameters
    ----------
    plan : PlanRecord
    store, ledger : where results and the noted readings go; often the same place.
    conninfo : of the database with klines and features.
    device : where the network trains.
    ledger_name : what the report calls the ledger; never a path, so that equal runs have equal reports.
    """

    plan: PlanRecord
    store: ObjectStore
    ledger: ObjectStore
    conninfo: str
    device: torch.device
    ledger_name: str

    @property
    def keys(self) -> RunKeys:
        """Where the run's objects live."""
        return RunKeys(self.plan.run_id)

    @property
    def traded_model(self) -> str:
        """The classifier that the run is about; the others are its baselines."""
        return self.plan.procedure.model.model
