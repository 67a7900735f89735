"""Temporary folders in which an embedded Postgres can run: short, and open to the account that runs it for root."""

import shutil
import tempfile
from pathlib import Path

_ENOUGH_BYTES = 2 << 30


def make_open_folder(prefix: str) -> Path:
    """A new folder, in memory where there is enough of it: setting up a server syncs a thousand small files."""
    memory = Path("/dev/shm")
    in_memory = memory.is_dir() and shutil.disk_usage(memory).free > _ENOUGH_BYTES
    folder = Path(tempfile.mkdtemp(prefix=f"lorentzian-{prefix}-", dir=memory if in_memory else "/tmp"))
    folder.chmod(0o755)
    return folder
