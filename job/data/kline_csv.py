"""The text of a kline file, read into checked `Klines` or refused with the line that is wrong.

Two forms are known: our own, with a header that names `COLUMNS`, and that of Binance's archive, twelve
columns with or without a header. Open times are in milliseconds or, in spot archives since 2025,
microseconds. Knows nothing of files, names and containers.
"""

import numpy as np

from job.arrays import BoolArray, FloatArray, IntArray
from job.data.klines import Klines, first_fault
from job.errors import DataError
from job.intervals import MINUTE_MS, interval_ms

COLUMNS = ("open_time", "open", "high", "low", "close", "volume")
NUM_ARCHIVE_COLUMNS = 12
MAX_BARS = 10_000_000  # 1m bars since the first Binance trade in 2017 are half of it
MAX_LINE_CHARS = 4_096  # twelve columns are a tenth of it; a line of commas would become a list of as many texts
MICROSECONDS_FROM = 1e14  # as milliseconds this would be the year 5138
LATEST_TIME = 1e17
MICROSECONDS_PER_MS = 1_000


def parse_kline_csv(data: bytes, *, interval: str, where: str, now_ms: int) -> Klines:
    """Read all bars of ``data``, or none.

    Parameters
    ----------
    data : bytes
        UTF-8 text.
    interval : str
        What the file is said to hold; bars of another interval are refused.
    where : str
        Names the file in errors.
    now_ms : int
        The present, UTC ms. A last bar that is still open at this moment is left out.

    Raises
    ------
    DataError
        With line number, counting the header, and reason.

    Notes
    -----
    NaN, infinite and negative values are refused. Missing bars are accepted: they are gaps, not faults.
    """
    lines = _split_lines(data, where=where)
    positions, num_columns, num_header_lines = _locate_columns(lines[0], where=where)
    rows = lines[num_header_lines:]
    if not rows:
        raise DataError(f"{where} holds no bars.")
    values = _read_numbers(rows, positions, num_columns, where=where, first_line=num_header_lines + 1)
    open_time, is_time = _to_milliseconds(values[:, 0])
    klines = Klines(
        interval=interval, open_time=open_time, **dict(zip(COLUMNS[1:], values[:, 1:].T.copy(), strict=True))
    )
    fault = _first_bad_row(klines, is_time, now_ms=now_ms)
    if fault is not None:
        row, reason = fault
        raise _refusal(where, num_header_lines + 1 + row, reason)
    return klines.select(klines.available_at <= now_ms)


def _refusal(where: str, line: int, reason: str) -> DataError:
    return DataError(f"{where}, line {line}: {reason}; the file is refused whole.")


def _split_lines(data: bytes, *, where: str) -> list[str]:
    """Lines without their ends; only a newline ends a line, so that numbers agree with an editor's."""
    if data.count(b"\n") > MAX_BARS:
        raise DataError(f"{where} has more than {MAX_BARS:,} lines.", remedy="Split it into smaller files.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refusal(where, line, "the text is not UTF-8") from error
    text = text.replace("\r\n", "\n").rstrip("\n")
    lines = text.split("\n")
    longest = max(lines, key=len)
    if len(longest) > MAX_LINE_CHARS:
        raise _refusal(where, lines.index(longest) + 1, f"the line has {len(longest):,} characters")
    if not any(map(str.strip, lines)):
        raise DataError(f"{where} is empty.")
    return lines


def _locate_columns(first_line: str, *, where: str) -> tuple[list[int], int, int]:
    """Positions of `COLUMNS`, the number of columns, and of header lines (0 or 1)."""
    names = [name.strip().lower() for name in first_line.split(",")]
    if _is_number(names[0]):
        if len(names) != NUM_ARCHIVE_COLUMNS:
            reason = f"without a header a file has Binance's {NUM_ARCHIVE_COLUMNS} columns, this has {len(names)}"
            raise _refusal(where, 1, reason)
        return list(range(len(COLUMNS))), len(names), 0
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise _refusal(where, 1, f"the header lacks {', '.join(missing)}")
    repeated = [name for name in COLUMNS if names.count(name) > 1]
    if repeated:
        raise _refusal(where, 1, f"the header names {repeated[0]} twice")
    return [names.index(name) for name in COLUMNS], len(names), 1


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_numbers(
    rows: list[str], positions: list[int], num_columns: int, *, where: str, first_line: int
) -> FloatArray:
    """Values as float64 (n, 6): exact for prices as written, and for times below 2**53."""
    for row, line in enumerate(rows):
        if line.count(",") != num_columns - 1:
            reason = f"{num_columns} columns were expected, {line.count(',') + 1} found"
            raise _refusal(where, first_line + row, reason if line else "the line is empty")
    try:
        return _load(rows, positions)
    except ValueError as error:
        row = _first_unreadable(rows, positions)
        fields = rows[row].split(",")
        bad = next((i for i in positions if not _is_number(fields[i])), positions[0])
        reason = f"{fields[bad][:40]!r} is not a number"
        raise _refusal(where, first_line + row, reason) from error


def _load(rows: list[str], positions: list[int]) -> FloatArray:
    return np.loadtxt(rows, delimiter=",", comments=None, usecols=positions, dtype=np.float64, ndmin=2)


def _first_unreadable(rows: list[str], positions: list[int]) -> int:
    """First row that the parser refuses, by bisection: its error text is no interface."""
    readable, refused = 0, len(rows)
    while refused - readable > 1:
        middle = (readable + refused) // 2
        try:
            _load(rows[readable:middle], positions)
            readable = middle
        except ValueError:
            refused = middle
    return readable


def _to_milliseconds(times: FloatArray) -> tuple[IntArray, BoolArray]:
    """Open times as int64 ms, and which of them are whole and plausible; the others become 0."""
    with np.errstate(invalid="ignore"):
        scaled = np.where(times >= MICROSECONDS_FROM, times / MICROSECONDS_PER_MS, times)
        is_time = (times > 0) & (times < LATEST_TIME) & (scaled == np.floor(scaled))
    return np.where(is_time, scaled, 0).astype(np.int64), is_time


def _first_bad_row(klines: Klines, is_time: BoolArray, *, now_ms: int) -> tuple[int, str] | None:
    """Row and reason of the first fault of the bars themselves, of their times, or of their spacing."""
    if not is_time.all():
        return int(np.argmin(is_time)), "open_time is not a time in whole milliseconds"
    fault = first_fault(klines)
    if fault is not None:
        return fault
    in_future = klines.open_time > now_ms
    if in_future.any():
        return int(np.argmax(in_future)), "the bar opens in the future of this machine's clock"
    # Bars of a longer interval lie on the grid of a shorter one, and show only by what all their steps share.
    shared_step = int(np.gcd.reduce(np.diff(klines.open_time))) if len(klines) > 1 else 0
    if shared_step > interval_ms(klines.interval):
        minutes = shared_step // MINUTE_MS
        return 1, f"the bars lie {minutes} minutes apart, so this is not a {klines.interval} file"
    return None
