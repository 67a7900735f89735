from dataclasses import replace

import numpy as np
import pytest

from job.data.feature_table import (
    FeatureSpan,
    feature_span,
    read_feature_set,
    read_features,
    register_feature_set,
    write_features,
)
from job.data.postgres import connect
from job.errors import DataError, NoDataError
from tests.support.stored_data import MARKET, START_MS, STEP_MS, make_feature_rows, make_feature_set

NUM_ROWS = 500
END_MS = START_MS + NUM_ROWS * STEP_MS
RECORD = make_feature_set(4)


def test_features_come_back_bit_for_bit(database: str) -> None:
    """What is read equals what was written, extreme floats included, by record or by identity."""
    rows = make_feature_rows(NUM_ROWS, 4)
    info = np.finfo(np.float32)
    rows.values[0] = [info.max, -info.tiny, info.smallest_subnormal, -0.0]
    with connect(database) as connection:
        assert write_features(connection, MARKET, RECORD, rows) == NUM_ROWS
        for wanted in (RECORD, RECORD.identity):
            read = read_features(connection, MARKET, wanted, start_ms=START_MS, end_ms=END_MS)
            assert read.names == rows.names
            assert read.open_time.tobytes() == rows.open_time.tobytes()
            assert read.values.tobytes() == rows.values.tobytes()
            assert read.values.dtype == np.float32


def test_read_features_keeps_to_the_span(database: str) -> None:
    """Start is in, end is out."""
    rows = make_feature_rows(NUM_ROWS, 4)
    with connect(database) as connection:
        write_features(connection, MARKET, RECORD, rows)
        read = read_features(connection, MARKET, RECORD, start_ms=START_MS + STEP_MS, end_ms=END_MS - STEP_MS)
    assert read.values.tobytes() == rows.values[1:-1].tobytes()


def test_write_features_never_rewrites_a_stored_row(database: str) -> None:
    """New values for old bars are ignored; only the new bars are added."""
    first, second = make_feature_rows(400, 4), make_feature_rows(NUM_ROWS, 4, seed=9)
    with connect(database) as connection:
        write_features(connection, MARKET, RECORD, first)
        assert write_features(connection, MARKET, RECORD, second) == NUM_ROWS - 400
        read = read_features(connection, MARKET, RECORD, start_ms=START_MS, end_ms=END_MS)
    assert read.values.tobytes() == np.concatenate([first.values, second.values[400:]]).tobytes()


def test_feature_sets_live_beside_each_other(database: str) -> None:
    """A changed definition is another identity with rows of its own."""
    other = make_feature_set(2, identity="core-ffffffff")
    with connect(database) as connection:
        write_features(connection, MARKET, RECORD, make_feature_rows(10, 4))
        write_features(connection, MARKET, other, make_feature_rows(20, 2))
        spans = [feature_span(connection, MARKET, record.identity) for record in (RECORD, other)]
    assert spans == [
        FeatureSpan(first_open_ms=START_MS, last_open_ms=START_MS + (n - 1) * STEP_MS, num_rows=n) for n in (10, 20)
    ]


def test_register_feature_set_keeps_names_and_lookbacks(database: str) -> None:
    """A set is stored once; the same again changes nothing; another under its name is refused."""
    with connect(database) as connection:
        assert read_feature_set(connection, RECORD.identity) is None
        for _ in range(2):
            register_feature_set(connection, RECORD)
        assert read_feature_set(connection, RECORD.identity) == RECORD
        for changed in (
            replace(RECORD, names=tuple(reversed(RECORD.names))),
            replace(RECORD, lookback_ms=(1, 2, 3, 4)),
        ):
            with pytest.raises(DataError, match=r"core-1f0a9c3e is stored with other names or lookbacks"):
                register_feature_set(connection, changed)
        assert read_feature_set(connection, RECORD.identity) == RECORD


def test_write_features_refuses_what_is_not_of_the_set(database: str) -> None:
    """Other names, another width and values that are not finite never reach the table."""
    rows = make_feature_rows(3, 4)
    holed = replace(rows, values=np.where(rows.values == rows.values[1, 1], np.nan, rows.values))
    with connect(database) as connection:
        for bad in (replace(rows, names=rows.names[::-1]), replace(rows, values=rows.values[:, :3]), holed):
            with pytest.raises(ValueError, match="feature set core-1f0a9c3e"):
                write_features(connection, MARKET, RECORD, bad)
        assert feature_span(connection, MARKET, RECORD.identity) is None


def test_read_features_of_nothing(database: str) -> None:
    """A market without rows gives none; an identity that is not stored ends 66 with the next command."""
    with connect(database) as connection:
        read = read_features(connection, MARKET, RECORD, start_ms=START_MS, end_ms=END_MS)
        assert read.values.shape == (0, 4)
        with pytest.raises(NoDataError, match=r"no feature set other-00000000.*lorentzian features"):
            read_features(connection, MARKET, "other-00000000", start_ms=START_MS, end_ms=END_MS)


def test_read_features_refuses_rows_of_another_width(database: str) -> None:
    """A row that somebody shortened by hand is bad data, never shifted columns."""
    with connect(database) as connection:
        write_features(connection, MARKET, RECORD, make_feature_rows(10, 4))
        connection.execute(
            "UPDATE features SET values = values[1:3] WHERE open_time = (SELECT max(open_time) FROM features)"
        )
        with pytest.raises(DataError, match="unexpected width"):
            read_features(connection, MARKET, RECORD, start_ms=START_MS, end_ms=END_MS)
