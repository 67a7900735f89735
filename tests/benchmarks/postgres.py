"""Reading a feature matrix: our COPY BINARY against pandas and against ADBC's Arrow reader, in one run.

The rivals read the same numbers from a table of one ``real`` column a feature, the layout that suits them best; ours
reads ``real[]`` as the job does. Rounds are interleaved, so that a noisy machine is noisy for all.
Bars: at least 3 times pandas and 0.7 times ADBC.
"""

import shutil
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import adbc_driver_postgresql.dbapi
import numpy as np
import pandas as pd
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from job.data.copy_binary import TIMESTAMPTZ, Column, copy_in
from job.data.digests import day_digests
from job.data.embedded import embedded_database
from job.data.feature_rows import FeatureRows
from job.data.feature_table import read_features, write_features
from job.data.kline_table import read_klines, write_klines
from job.data.postgres import Connection, connect
from job.data.schema import migrate
from job.data.timestamps import encode_times
from tests.support.stored_data import MARKET, STEP_MS, make_bars, make_feature_rows, make_feature_set

NUM_ROWS = 51_839
NUM_FEATURES = 64
NUM_ROUNDS = 9

RECORD = make_feature_set(NUM_FEATURES)
SPAN = {"start_ms": 0, "end_ms": 4_102_444_800_000}
WIDE_QUERY = "SELECT * FROM wide ORDER BY open_time"


def measure() -> dict[str, float]:
    """Median seconds of each operation, rows a second of the readers, and ours against the others."""
    rows = make_feature_rows(NUM_ROWS, NUM_FEATURES)
    with scratch_database() as conninfo, connect(conninfo) as connection:
        writing = _fill(connection, rows)
        url = "postgresql:///{dbname}?host={host}&port={port}&user={user}".format(**conninfo_to_dict(conninfo))
        with adbc_driver_postgresql.dbapi.connect(url) as arrow, psycopg.connect(conninfo) as plain:
            readers: dict[str, Callable[[], object]] = {
                "ours": lambda: read_features(connection, MARKET, RECORD, **SPAN),
                "pandas": lambda: _read_pandas(plain),
                "adbc": lambda: _read_arrow(arrow),
            }
            _check(rows, readers)
            seconds = _time(readers)
        others = _time(
            {
                "read_klines": lambda: read_klines(connection, MARKET, **SPAN),
                "day_digests": lambda: day_digests(connection, MARKET, RECORD.identity, **SPAN),
            }
        )
    return {
        "read_vs_pandas_ratio": seconds["pandas"] / seconds["ours"],
        "read_vs_adbc_ratio": seconds["adbc"] / seconds["ours"],
        **{f"{name}_rows_per_second": NUM_ROWS / value for name, value in seconds.items()},
        **{f"{name}_seconds": value for name, value in (writing | others).items()},
        "num_rows": NUM_ROWS,
        "num_features": NUM_FEATURES,
        "num_rounds": NUM_ROUNDS,
    }


@contextmanager
def scratch_database() -> Iterator[str]:
    """The connection string of an empty database that is gone after the block."""
    folder = Path(tempfile.mkdtemp(prefix="lorentzian-benchmark-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        with embedded_database("benchmark", folder=folder) as conninfo:
            yield conninfo
    finally:
        shutil.rmtree(folder)


def _fill(connection: Connection, rows: FeatureRows) -> dict[str, float]:
    """Store bars, rows and the wide table; the seconds that our two writers took."""
    migrate(connection)
    start = time.perf_counter()
    write_klines(connection, MARKET, make_bars(NUM_ROWS))
    between = time.perf_counter()
    write_features(connection, MARKET, RECORD, rows)
    end = time.perf_counter()
    columns = [Column(name=name, payload=np.dtype(">f4")) for name in rows.names]
    names = sql.SQL(", ").join(sql.SQL("{} real").format(sql.Identifier(name)) for name in rows.names)
    connection.execute(sql.SQL("CREATE TABLE wide (open_time timestamptz PRIMARY KEY, {})").format(names))
    data = {name: rows.values[:, number] for number, name in enumerate(rows.names)}
    times = {"open_time": encode_times(rows.open_time)}
    copy_in(connection, "wide", (Column(name="open_time", payload=TIMESTAMPTZ), *columns), times | data)
    connection.execute("VACUUM ANALYZE")
    return {"write_klines": between - start, "write_features": end - between}


def _read_pandas(connection: psycopg.Connection) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it recommends SQLAlchemy, which would only add to its time
        return pd.read_sql(WIDE_QUERY, connection)


def _read_arrow(connection: adbc_driver_postgresql.dbapi.Connection) -> object:
    with connection.cursor() as cursor:
        cursor.execute(WIDE_QUERY)
        return cursor.fetch_arrow_table()


def _check(rows: FeatureRows, readers: dict[str, Callable[[], object]]) -> None:
    """All three read the same numbers."""
    ours, frame, table = (reader() for reader in readers.values())
    assert isinstance(ours, FeatureRows)
    assert isinstance(frame, pd.DataFrame)
    assert ours.values.tobytes() == rows.values.tobytes()
    assert np.array_equal(ours.values, frame[list(rows.names)].to_numpy(np.float32))
    assert np.array_equal(ours.values, table.to_pandas()[list(rows.names)].to_numpy(np.float32))  # type: ignore[attr-defined]
    assert np.all(np.diff(ours.open_time) == STEP_MS)


def _time(operations: dict[str, Callable[[], object]]) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in operations}
    for _ in range(NUM_ROUNDS):
        for name, operation in operations.items():
            start = time.perf_counter()
            operation()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}
