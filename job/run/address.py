"""Where a run is: all that another process needs to open it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RunAddress:
    """What another process needs to open a run."""

    run_id: str
    save_path: str
    ledger_path: str
    conninfo: str
    device: str
    threads: int
