import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.data.kline_csv import parse_kline_csv
from job.data.klines import Klines
from job.errors import DataError
from job.intervals import MINUTE_MS
from tests.support.binance_server import archive_text, csv_text
from tests.support.klines import START_MS, random_klines
from tests.support.same_bars import assert_same_bars

NOW_MS = START_MS + 10**10
STEP_MS = 5 * MINUTE_MS
HEADER = "open_time,open,high,low,close,volume"


def _parse(text: str | bytes, *, interval: str = "5m", now_ms: int = NOW_MS) -> Klines:
    data = text.encode() if isinstance(text, str) else text
    return parse_kline_csv(data, interval=interval, where="f.csv", now_ms=now_ms)


def test_columns_are_found_by_name() -> None:
    """A header in another order, with a column more, gives the same bars."""
    klines = random_klines(5)
    lines = csv_text(klines).splitlines()
    swapped = [",".join(["x", *reversed(line.split(","))]) for line in lines]
    assert_same_bars(_parse("\n".join(swapped)), klines)


def test_gaps_are_kept_as_gaps() -> None:
    """Missing bars are no fault: what is there is read."""
    klines = random_klines(50).select(np.r_[0:10, 13:20, 40:50])
    assert_same_bars(_parse(csv_text(klines)), klines)


def test_a_bar_that_is_still_open_is_left_out() -> None:
    """Bars count only from their close on, to the millisecond."""
    klines = random_klines(10)
    last_close = int(klines.available_at[-1])
    for now_ms, num_bars in [(last_close - 1, 9), (last_close, 10)]:
        assert len(_parse(csv_text(klines), now_ms=now_ms)) == num_bars
    with pytest.raises(DataError, match="line 11: the bar opens in the future"):
        _parse(csv_text(klines), now_ms=last_close - STEP_MS - 1)


FAULTS = {
    "high below low": (4, lambda c: [c[0], c[1], "1", c[3], c[4], c[5]], "high is below low"),
    "duplicate": (5, lambda c: [str(START_MS + 2 * STEP_MS), *c[1:]], "twice"),
    "wrong order": (6, lambda c: [str(START_MS), *c[1:]], "backwards"),
    "nan": (3, lambda c: [*c[:4], "nan", c[5]], "not a finite number"),
    "infinite": (3, lambda c: [*c[:4], "inf", c[5]], "not a finite number"),
    "negative volume": (7, lambda c: [*c[:5], "-1"], "volume is negative"),
    "zero price": (7, lambda c: [c[0], c[1], c[2], "0", c[4], c[5]], "price is not above zero"),
    "off the grid": (8, lambda c: [str(int(c[0]) + 1000), *c[1:]], "off the 5m grid"),
    "part of a millisecond": (8, lambda c: [c[0] + ".5", *c[1:]], "whole milliseconds"),
    "no time": (8, lambda c: ["nan", *c[1:]], "whole milliseconds"),
    "time beyond all": (8, lambda c: ["1e300", *c[1:]], "whole milliseconds"),
    "text": (9, lambda c: [*c[:2], "high", *c[3:]], "'high' is not a number"),
    "python number": (9, lambda c: [*c[:2], "1_000", *c[3:]], "is not a number"),
    "empty cell": (9, lambda c: [*c[:2], "", *c[3:]], "'' is not a number"),
    "column missing": (10, lambda c: c[:5], "6 columns were expected, 5 found"),
    "column too many": (10, lambda c: [*c, "1"], "6 columns were expected, 7 found"),
    "line empty": (11, lambda c: [], "the line is empty"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_row_refuses_the_file_with_its_line(name: str) -> None:
    """Each kind of bad row is named with its line, counting the header."""
    line, spoil, reason = FAULTS[name]
    lines = csv_text(random_klines(20)).splitlines()
    lines[line - 1] = ",".join(spoil(lines[line - 1].split(",")))
    with pytest.raises(DataError, match=f"f.csv, line {line}: .*{reason}"):
        _parse("\n".join(lines))


def test_a_bad_row_is_found_wherever_it_stands() -> None:
    """The search for the first unreadable line gives its own number for each line of a file."""
    lines = csv_text(random_klines(40)).splitlines()
    for row in range(1, len(lines)):
        spoiled = [*lines[:row], "x" + lines[row], *lines[row + 1 :]]
        spoiled[-1] = "y" + spoiled[-1]
        with pytest.raises(DataError, match=f"line {row + 1}: "):
            _parse("\n".join(spoiled))


def test_lines_of_a_file_without_header_count_from_one() -> None:
    """Without a header the first bar is line 1."""
    lines = archive_text(random_klines(5), has_header=False, is_microseconds=False).splitlines()
    lines[1] = lines[1].replace(",", ",-", 1)
    with pytest.raises(DataError, match="line 2: a price is not above zero"):
        _parse("\n".join(lines))


@pytest.mark.parametrize(("held", "declared"), [("5m", "15m"), ("15m", "5m"), ("1h", "1m"), ("1m", "3m")])
def test_a_file_of_another_interval_is_refused(held: str, declared: str) -> None:
    """Longer bars lie on the grid of shorter ones, and are refused all the same."""
    text = csv_text(random_klines(30, held))
    with pytest.raises(DataError, match=f"line [23]: .*{declared}"):
        _parse(text, interval=declared)
    assert len(_parse(text, interval=held)) == 30


CONTENTS = {
    "empty": (b"", "is empty"),
    "blank": (b"\n \n", "is empty"),
    "only a header": (HEADER.encode(), "holds no bars"),
    "no volume": (b"open_time,open,high,low,close\n1,1,1,1,1", "line 1: the header lacks volume"),
    "column twice": (HEADER.encode() + b",open\n1,1,1,1,1,1,1", "names open twice"),
    "semicolons": (HEADER.replace(",", ";").encode(), "line 1: the header lacks"),
    "six columns, no header": (b"1735689600000,1,1,1,1,1", "12 columns, this has 6"),
    "utf-16": (csv_text(random_klines(3)).encode("utf-16"), "line 1: the text is not UTF-8"),
    "latin-1": (HEADER.encode() + b"\n1735689600000,1,1,1,1,1\n\xe9", "line 3: the text is not UTF-8"),
    "binary": (bytes(range(1, 128)) * 9, "line 1"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_content_that_is_no_kline_csv_is_refused(name: str) -> None:
    """Wrong encodings, headers and empty files are refused with the reason."""
    content, reason = CONTENTS[name]
    with pytest.raises(DataError, match=reason):
        _parse(content)


CELLS = st.one_of(
    st.sampled_from(["", "nan", "-1", "1e999", "1735689600000", "1735689900000", "1735689600000000", '"1"', "1\r2"]),
    st.floats(allow_nan=True).map(repr),
    st.integers().map(str),
    st.text(max_size=5),
)
TABLES = st.lists(st.lists(CELLS, min_size=1, max_size=13).map(",".join), max_size=6)


@settings(max_examples=150, deadline=None)
@given(header=st.sampled_from([HEADER, HEADER.upper(), "", "a,b"]), rows=TABLES)
def test_any_text_is_read_or_refused(header: str, rows: list[str]) -> None:
    """Whatever the text, the parser ends in checked bars or in our own error."""
    _assert_read_or_refused("\n".join([header, *rows]).encode("utf-8", "surrogatepass"))


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Whatever the bytes, the parser ends in checked bars or in our own error."""
    _assert_read_or_refused(data)


@settings(max_examples=200, deadline=None)
@given(row=st.integers(1, 12), column=st.integers(0, 5), cell=CELLS)
def test_any_cell_is_read_or_refused(row: int, column: int, cell: str) -> None:
    """One strange cell among good ones is a bar by the rules, or refuses the file at its line or the next."""
    lines = [line.split(",") for line in csv_text(random_klines(12)).splitlines()]
    lines[row][column] = cell
    _assert_read_or_refused("\n".join(map(",".join, lines)).encode("utf-8", "surrogatepass"))


def _assert_read_or_refused(data: bytes) -> None:
    try:
        klines = _parse(data)
    except DataError as error:
        assert error.message.startswith("f.csv")
        return
    assert (klines.high >= klines.low).all()
    assert (np.diff(klines.open_time) > 0).all()
    assert (klines.available_at <= NOW_MS).all()
