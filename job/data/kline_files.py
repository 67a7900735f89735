"""Kline files on disk: CSV, CSV.gz and Binance's archive zips, each imported whole or refused whole.

A file says what it holds by its name (``SOLUSDT-5m-2025-07.zip``, ``SOLUSDT-5m.csv.gz``). Containers come
from anywhere, so no more than a bounded size is ever unpacked. Knows nothing of the database.
"""

import gzip
import io
import lzma
import re
import stat
import time
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from job.data.kline_csv import parse_kline_csv
from job.data.klines import Klines, MarketKey
from job.errors import DataError, UsageError
from job.intervals import INTERVAL_MS

MAX_TEXT_BYTES = 512 * 1024 * 1024  # 1m bars since 2017 in Binance's widest form are about this much
PIECE_BYTES = 1024 * 1024  # read at once; the directory of a zip with a million members would be more
SUFFIXES = (".csv", ".csv.gz", ".zip")
NAME = re.compile(r"(?P<symbol>[A-Z0-9_]+)-(?P<interval>\d+[smhdwM])(-\d{4}-\d{2}(-\d{2})?)?", re.ASCII)
# What the standard library raises for a zip member that is damaged, encrypted or packed in an unknown way.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,  # encrypted; its subclass NotImplementedError: an unknown compression
    ValueError,
)


@dataclass(frozen=True, kw_only=True)
class KlineFile:
    """What one file holds."""

    key: MarketKey
    klines: Klines


def read_kline_file(
    path: Path | str, *, symbol: str | None, interval: str | None, venue: str, now_ms: int | None = None
) -> KlineFile:
    """Read one file of closed bars.

    Parameters
    ----------
    path : Path or str
        ``.csv``, ``.csv.gz`` or ``.zip``; a link to a regular file is followed, its own name counts.
    symbol, interval : str or None
        What the file holds; None takes it from the file's name, which must then say it.
    venue : str
        Where the bars were traded; no file says it.
    now_ms : int or None
        The present, UTC ms; None asks this machine's clock. A last bar still open then is left out.

    Raises
    ------
    UsageError
        The path cannot be read, or its name and the arguments do not say, or disagree on, what it holds.
    DataError
        The content is damaged or wrong: file, line and reason are named.
    """
    path = Path(path)
    suffix = check_regular_file(path)
    declared_symbol, declared_interval = _names_in(path.name.removesuffix(suffix))
    symbol = agreed("symbol", symbol, declared_symbol, path.name)
    interval = agreed("interval", interval, declared_interval, path.name)
    if interval not in INTERVAL_MS:
        raise UsageError(
            f"{path.name} holds bars of {interval}, which is not supported.",
            remedy=f"Use a file of {', '.join(INTERVAL_MS)}.",
        )
    key = MarketKey(venue=venue, symbol=symbol, interval=interval)
    try:
        with path.open("rb") as stream:
            data = read_container(stream, suffix=suffix, key=key, where=path.name)
    except OSError as error:
        raise unreadable(path, error) from error
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    return KlineFile(key=key, klines=parse_kline_csv(data, interval=interval, where=path.name, now_ms=now_ms))


def read_container(stream: IO[bytes], *, suffix: str, key: MarketKey | None, where: str) -> bytes:
    """The text inside ``stream``, whose kind ``suffix`` names; at most `MAX_TEXT_BYTES`.

    Parameters
    ----------
    key : what a zip must not contradict with the name of its CSV; None where that says nothing.

    Raises
    ------
    DataError
        It is damaged or too large, or a zip that does not hold exactly one CSV of this market.
    """
    if suffix == ".zip":
        return _read_zip(stream, key=key, where=where)
    if suffix == ".csv":
        return _read_bounded(stream, where=where)
    try:
        with gzip.open(stream) as text:
            return _read_bounded(text, where=where)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(where, "gzip", error) from error


def check_regular_file(path: Path) -> str:
    """Suffix of a file that is there and is a file: opening a pipe or a device would block or never end."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    if not stat.S_ISREG(mode):
        raise UsageError(f"{path} is not a file.", remedy=f"Name files that end in {', '.join(SUFFIXES)}.")
    for suffix in SUFFIXES:
        if path.name.endswith(suffix):
            return suffix
    raise UsageError(f"{path} does not end in {', '.join(SUFFIXES)}.", remedy="Name kline files.")


def unreadable(path: Path, error: Exception) -> UsageError:
    """The error for a path that cannot be read."""
    reason = (error.strerror or "it cannot be read") if isinstance(error, OSError) else str(error)
    return UsageError(f"{str(path)!r} cannot be read: {reason}.", remedy="Check the path.")


def _names_in(stem: str) -> tuple[str | None, str | None]:
    """Symbol and interval that a file name states, or None for each."""
    match = NAME.fullmatch(stem)
    return (match["symbol"], match["interval"]) if match else (None, None)


def agreed(what: str, argument: str | None, in_name: str | None, file_name: str) -> str:
    """The value that argument and file name share."""
    if argument and in_name and argument != in_name:
        raise UsageError(
            f"{file_name} names the {what} {in_name}, but {argument} was asked for.",
            remedy=f"Leave out --{what}, or rename the file.",
        )
    value = argument or in_name
    if value is None:
        raise UsageError(
            f"The name of {file_name} does not say which {what} it holds.",
            remedy=f"Give --{what}, or name the file like SOLUSDT-5m.csv.gz.",
        )
    return value


def _read_zip(stream: IO[bytes], *, key: MarketKey | None, where: str) -> bytes:
    """The one CSV of an archive zip."""
    try:
        with zipfile.ZipFile(_ShortReads(stream)) as archive:
            names = archive.namelist()
            if len(names) != 1 or not names[0].endswith(".csv") or set(names[0]) & set("/\\"):
                raise DataError(f"{where} must hold exactly one CSV file, and nothing else.")
            if archive.getinfo(names[0]).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise DataError(f"{where} is packed in another way than by deflate.")
            held = _names_in(names[0].removesuffix(".csv"))
            if key is not None and held not in ((None, None), (key.symbol, key.interval)):
                raise DataError(f"{where} holds {names[0]}, which is not {key.symbol} {key.interval}.")
            with archive.open(names[0]) as text:
                return _read_bounded(text, where=where)
    except ZIP_ERRORS as error:
        raise _damaged(where, "zip", error) from error


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class _ShortReads:
    """A file that gives no more than a piece at once: a zip's directory would be read whole, however long it is."""

    stream: IO[bytes]

    def read(self, size: int = -1, /) -> bytes:
        piece = self.stream.read(PIECE_BYTES + 1 if size < 0 else min(size, PIECE_BYTES + 1))
        if len(piece) > PIECE_BYTES:
            raise zipfile.BadZipFile("its directory is too long")
        return piece

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self.stream.seek(offset, whence)

    def tell(self) -> int:
        return self.stream.tell()

    def seekable(self) -> bool:
        return True


def _read_bounded(text: _Readable, *, where: str) -> bytes:
    """All bytes, refusing more than the limit without ever holding much more than it."""
    data = io.BytesIO()
    while piece := text.read(PIECE_BYTES):
        data.write(piece)
        if data.tell() > MAX_TEXT_BYTES:
            raise DataError(
                f"{where} unpacks to more than {MAX_TEXT_BYTES // 1024**2} MiB.",
                remedy="Split it into smaller files.",
            )
    return data.getvalue()


def _damaged(where: str, kind: str, error: Exception) -> DataError:
    return DataError(f"{where} is not a whole {kind} file ({error or type(error).__name__}).")
