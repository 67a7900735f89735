"""Kline and funding files as they come from anywhere: containers, encodings, lines and rows."""

import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

from job.data.funding_files import read_funding_file
from job.data.kline_files import read_kline_file
from job.errors import DataError, UsageError
from tests.bad_input.registry import MEBIBYTE, READ, BadInput
from tests.support.binance_server import archive_text, archive_zip, csv_text
from tests.support.klines import random_klines

Feed = Callable[[Path], object]
KLINES = random_klines(20)
TEXT = csv_text(KLINES)
LINES = TEXT.splitlines()
HEADER, FIRST = LINES[0], LINES[1]
FUNDING = "calc_time,funding_interval_hours,last_funding_rate\n"
MEMBER = "SOLUSDT-5m-2025-01.csv"
CSV, GZ, ZIP = "SOLUSDT-5m.csv", "SOLUSDT-5m.csv.gz", "SOLUSDT-5m-2025-01.zip"


def klines(content: str | bytes, name: str = CSV) -> Feed:
    """A kline file."""

    def feed(folder: Path) -> object:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_kline_file(path, symbol=None, interval=None, venue="venue")

    return feed


def packed(make: Callable[[], bytes]) -> Feed:
    """A kline file in gzip, made when it is needed."""

    def feed(folder: Path) -> object:
        return klines(gzip.compress(make(), 1), GZ)(folder)

    return feed


def rows(*lines: str) -> Feed:
    """A header and these lines."""
    return klines("\n".join((HEADER, *lines)))


def cells(**changed: str) -> Feed:
    """One good row with other values in some columns."""
    values = dict(zip(HEADER.split(","), FIRST.split(","), strict=True)) | changed
    return rows(",".join(values.values()))


def zipped(*names: str, text: str = TEXT, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with the same text under some names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name in names:
            archive.writestr(name, text)
    return buffer.getvalue()


def many_members(folder: Path) -> object:
    """A zip whose directory alone is larger than what may be read at once."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(20):
            archive.writestr(f"{number:060000}", "")
    return klines(buffer.getvalue(), ZIP)(folder)


def symbolic_link_member() -> bytes:
    """A zip whose one member claims to be a symbolic link to a secret: its text is the target's path."""
    member = zipfile.ZipInfo(MEMBER)
    member.create_system, member.external_attr = 3, 0o120777 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(member, "/etc/shadow")
    return buffer.getvalue()


def encrypted() -> bytes:
    """A zip that says of its member that it is encrypted."""
    data = bytearray(zipped(MEMBER))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def path(make: Callable[[Path], object]) -> Feed:
    """Something other than a file under a kline file's name."""

    def feed(folder: Path) -> object:
        make(folder / CSV)
        return read_kline_file(folder / CSV, symbol=None, interval=None, venue="venue")

    return feed


def funding(content: str | bytes, name: str = "SOLUSDT-fundingRate-2025-07.csv") -> Feed:
    """A funding file."""

    def feed(folder: Path) -> object:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_funding_file(folder / name, symbol=None, venue="venue")

    return feed


def _bad(name: str, feed: Feed, words: str, *, kind: str = "kline file", limit_mib: int = 32) -> BadInput:
    return BadInput(kind=kind, name=name, feed=feed, outcome=DataError, words=words, limit_mib=limit_mib)


def _read(name: str, feed: Feed) -> BadInput:
    return BadInput(kind="kline file", name=name, feed=feed, outcome=READ)


def _path(name: str, make: Callable[[Path], object], words: str) -> BadInput:
    return BadInput(kind="kline file", name=name, feed=path(make), outcome=UsageError, words=words)


INPUTS = (
    _path("absent", lambda file: None, "cannot be read"),
    _path("a folder", Path.mkdir, "is not a file"),
    _path("a pipe that nobody writes into", os.mkfifo, "is not a file"),
    _path("a link to a device without end", lambda file: file.symlink_to("/dev/zero"), "is not a file"),
    _path("a link to itself", lambda file: file.symlink_to(file), "cannot be read"),
    _bad("empty", klines(""), "is empty"),
    _bad("only a header", klines(HEADER), "holds no bars"),
    _bad("NUL bytes", klines(bytes(10_000)), "the line has"),
    _bad("NUL in a cell", cells(close="1\0"), "line 2"),
    _bad("UTF-16", klines(TEXT.encode("utf-16")), "line 1: the text is not UTF-8"),
    _bad("Latin-1 in the third line", klines(TEXT.encode() + b"\xe9"), "the text is not UTF-8"),
    _bad("two byte order marks", klines("\ufeff\ufeff" + TEXT), "the header lacks open_time"),
    _bad("carriage returns for line ends", klines(TEXT.replace("\n", "\r")), "line 1"),
    _read("byte order mark, CRLF", klines("\ufeff" + TEXT.replace("\n", "\r\n"))),
    _read("microsecond stamps", klines(archive_text(KLINES, has_header=True, is_microseconds=True))),
    _read("stamps in milliseconds, then microseconds", rows(FIRST, LINES[2].replace(",", "000,", 1))),
    _read("missing bars", rows(FIRST, LINES[2], LINES[9])),
    _bad("a row twice", rows(FIRST, FIRST), "line 3: the open time occurs twice"),
    _bad("rows in another order", rows(LINES[2], FIRST), "line 3: the open time goes backwards"),
    _bad("stamps in seconds", cells(open_time="1735689600"), "line 2"),
    _bad("a stamp off the grid", cells(open_time="1735689600001"), "off the 5m grid"),
    _bad("a stamp of 400 digits", cells(open_time="9" * 400), "whole milliseconds"),
    _bad("a bar of tomorrow", cells(open_time="4102444800000"), "in the future"),
    _bad("text for a price", cells(close="high"), "'high' is not a number"),
    _bad("a quoted number", cells(close='"1"'), "is not a number"),
    _bad("hexadecimal", cells(close="0x10"), "is not a number"),
    _bad("digits of another script", cells(close="١"), "is not a number"),
    _bad("NaN", cells(close="nan"), "not a finite number"),
    _bad("infinite volume", cells(volume="inf"), "not a finite number"),
    _bad("negative price", cells(low="-1"), "not above zero"),
    _bad("negative volume", cells(volume="-1"), "volume is negative"),
    _bad("a price of 1e308", cells(high="1e308"), "no market has such a value"),
    _bad("a price of 5e-324", cells(low="5e-324"), "no market has such a value"),
    _bad("a column too few", rows(FIRST.rpartition(",")[0]), "6 columns were expected, 5 found"),
    _bad("a line of a million commas", packed(lambda: TEXT.encode() + b"," * MEBIBYTE), "the line has"),
    _bad("a header of a million commas", packed(lambda: b"," * MEBIBYTE), "line 1: the line has"),
    _bad("a number of a million digits", packed(f"{HEADER}\n{'9' * MEBIBYTE}".encode), "the line has"),
    _bad("a million empty lines", packed(lambda: TEXT.encode() + b"\n" * MEBIBYTE + b"x"), "the line is empty"),
    _bad("gzip cut short", klines(gzip.compress(TEXT.encode())[:-9], GZ), "not a whole gzip file"),
    _bad("gzip with a tail", klines(gzip.compress(TEXT.encode()) + b"tail", GZ), "not a whole gzip file"),
    _bad("no gzip", klines(TEXT, GZ), "not a whole gzip file"),
    _bad("zip cut short", klines(zipped(MEMBER)[:-30], ZIP), "not a whole zip file"),
    _bad("zip that says it is encrypted", klines(encrypted(), ZIP), "not a whole zip file"),
    _bad("zip packed by LZMA", klines(zipped(MEMBER, method=zipfile.ZIP_LZMA), ZIP), "another way than by deflate"),
    _bad("zip with two members", klines(zipped(MEMBER, "b.csv"), ZIP), "exactly one CSV"),
    _bad("zip with a way out of its folder", klines(zipped(f"../{MEMBER}"), ZIP), "exactly one CSV"),
    _bad("zip with an absolute path", klines(zipped("/etc/passwd.csv"), ZIP), "exactly one CSV"),
    _bad("zip with a symbolic link", klines(symbolic_link_member(), ZIP), "line 1"),
    _bad("zip of another market", klines(zipped("BTCUSDT-5m-2025-01.csv"), ZIP), "which is not SOLUSDT 5m"),
    _bad("zip with a directory of a megabyte", many_members, "its directory is too long"),
    _bad("zip in a zip", klines(archive_zip(MEMBER, zipped(MEMBER)), ZIP), "line"),
    _bad("no columns of funding", funding(TEXT), "has no columns", kind="funding file"),
    _bad("a time for a rate", funding(f"{FUNDING}1751328000000,8,1751328000000"), "no fraction", kind="funding file"),
    _bad("NaN", funding(f"{FUNDING}1751328000000,8,nan"), "no fraction", kind="funding file"),
    _bad("a row too short", funding(f"{FUNDING}1751328000000"), "is not a time and a rate", kind="funding file"),
    _bad("a stamp of 30 digits", funding(f"{FUNDING}{'9' * 30},8,0.1"), "is not a time", kind="funding file"),
    _bad(
        "a settlement twice",
        funding(f"{FUNDING}1751328000000,8,0.01\n1751328000000,8,0.01"),
        "do not ascend",
        kind="funding file",
    ),
    _bad("a field of 200,000 digits", funding(f"{FUNDING}{'1' * 200_000},8,0.1"), "is no CSV", kind="funding file"),
    _bad(
        "nine megabytes of commas",
        funding(gzip.compress(b"," * (9 * MEBIBYTE), 1), "SOLUSDT-fundingRate.csv.gz"),
        "is larger than",
        kind="funding file",
    ),
)
