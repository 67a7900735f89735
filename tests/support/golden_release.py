"""What a release leaves behind, small: a run in a store, a model with its forecasts, and the shape of its tables.

``python -m tests.support.golden_release FOLDER`` writes it with the program that it finds. Run it once, at a release:
the next version is then held to reading it. Pictures and the page are left out; nothing reads them.
"""

import json
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.open_folders import make_open_folder

RUN_ID = "golden"
PICTURES = (".png", ".html")
COLUMNS = """
    SELECT table_name, column_name, data_type, udt_name, is_nullable, column_default FROM information_schema.columns
    WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'c') ORDER BY 1, 2"""


def table_shapes(connection: Any) -> dict[str, list[list[Any]]]:
    """Columns and constraints of all tables, as JSON holds them."""
    return {
        name: [list(row) for row in connection.execute(query).fetchall()]
        for name, query in (("columns", COLUMNS), ("constraints", CONSTRAINTS))
    }


def make_golden(folder: Path) -> None:
    """Migrate, fill, walk forward, train one model of the traded kind, and keep what a reader needs."""
    from job.data.embedded import embedded_database
    from job.data.postgres import connect
    from job.data.schema import list_migrations, migrate
    from tests.support.small_run import fill

    server = make_open_folder("golden")
    with embedded_database("golden", folder=server) as conninfo:
        with connect(conninfo) as connection:
            migrate(connection)
            shapes = table_shapes(connection)
        fill(conninfo)
        named = _make_run(folder / "store.tar.xz", conninfo)
        _make_model(folder, conninfo)
    checksums = {str(migration.version): migration.checksum for migration in list_migrations()}
    known = {"default_run_id": named, "migrations": checksums, **shapes}
    (folder / "tables.json").write_text(json.dumps(known, indent=1) + "\n")
    shutil.rmtree(server)


def _make_run(archive: Path, conninfo: str) -> str:
    """Keep a finished run; the name that it would have had by itself."""
    from job.artifacts.keys import RESERVED_PREFIX
    from job.execution.finalize import finalize
    from job.run.plan import default_run_id
    from tests.support.small_run import open_small_run, run_all, small_settings

    store = make_open_folder("store")
    run = open_small_run(small_settings(store, run_id=RUN_ID), conninfo)
    run_all(run)
    finalize(run)
    with tarfile.open(archive, "w:xz") as tar:
        for path in sorted(store.rglob("*")):
            if path.is_file() and path.suffix not in PICTURES and RESERVED_PREFIX not in path.as_posix():
                tar.add(path, arcname=path.relative_to(store).as_posix())
    shutil.rmtree(store)
    return default_run_id(run.plan)


def _make_model(folder: Path, conninfo: str) -> None:
    """The vote's file, some rows, and what it forecast of them."""
    from job.data.postgres import connect
    from job.dataset import load_dataset
    from job.pipeline import train_and_test
    from job.run.attempt import Attempt
    from job.run.plan import windows_of
    from tests.support.small_run import open_small_run, small_settings

    scratch = make_open_folder("model")
    settings = small_settings(scratch, run_id=RUN_ID, model="lorentzian")
    run = open_small_run(settings, conninfo)
    window = windows_of(run.plan)[0]
    assert window.test is not None
    with Attempt(run.store, run.keys, window.index, max_attempts=1) as attempt:
        outcome = train_and_test(run, window, attempt=attempt)
    with connect(conninfo) as connection:
        features = load_dataset(connection, run.plan, window.test).rows.features
    probability = outcome.trained["lorentzian"].forecast(features)
    (folder / "lorentzian.pt").write_bytes(outcome.model)
    np.savez_compressed(folder / "forecasts.npz", features=features, probability=probability)
    shutil.rmtree(scratch)


def main() -> None:
    """Write the files into a folder that is not there yet."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    make_golden(folder)


if __name__ == "__main__":
    main()
