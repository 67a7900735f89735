"""A file for the user, written whole or not at all: who is killed while writing leaves the one that was there."""

import os
from pathlib import Path


def write_file(path: Path, data: bytes) -> None:
    """Give ``path`` these bytes in one step; raises `OSError`."""
    target = path.resolve()
    if target.exists() and not target.is_file():  # a pipe or a device has nothing to lose, and is to stay one
        target.write_bytes(data)
        return
    staged = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        staged.write_bytes(data)
        staged.replace(target)
    finally:
        staged.unlink(missing_ok=True)
