import gzip
import io
import os
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from job.data import kline_files
from job.data.kline_files import KlineFile, read_kline_file
from job.data.klines import MarketKey
from job.errors import DataError, UsageError
from job.intervals import MINUTE_MS
from tests.support.binance_server import archive_text, archive_zip, csv_gz, csv_text
from tests.support.klines import START_MS, random_klines
from tests.support.same_bars import assert_same_bars

NOW_MS = START_MS + 10**10
STEP_MS = 5 * MINUTE_MS
REAL_DATA = Path(__file__).parents[4] / "shared" / "data"
HEADER = "open_time,open,high,low,close,volume"


def _read(path: Path, *, symbol: str | None = None, interval: str | None = None) -> KlineFile:
    return read_kline_file(path, symbol=symbol, interval=interval, venue="binance-perp", now_ms=NOW_MS)


def _write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_known_row_is_read_as_written(tmp_path: Path) -> None:
    """The values of a row written by hand arrive exactly, and the key comes from the name and the venue."""
    text = f"{HEADER}\n1735689600000,150.3,150.46,150.25,150.36,16768.85\n"
    file = _read(_write(tmp_path, "SOLUSDT-5m.csv", text))
    assert file.key == MarketKey(venue="binance-perp", symbol="SOLUSDT", interval="5m")
    assert file.klines.open_time.tolist() == [1_735_689_600_000]
    assert file.klines.high.tolist() == [150.46]
    assert file.klines.volume.tolist() == [16768.85]


@pytest.mark.parametrize("has_header", [True, False])
@pytest.mark.parametrize("is_microseconds", [True, False])
def test_every_container_and_form_holds_the_same_bars(tmp_path: Path, has_header: bool, is_microseconds: bool) -> None:
    """CSV, CSV.gz and zips with and without header, in ms and in µs, give one and the same series."""
    klines = random_klines(300)
    archive = archive_text(klines, has_header=has_header, is_microseconds=is_microseconds)
    files = [
        _write(tmp_path, "SOLUSDT-5m.csv", csv_text(klines).replace("\n", "\r\n")),
        _write(tmp_path, "SOLUSDT-5m.csv.gz", csv_gz(klines)),
        _write(tmp_path, "SOLUSDT-5m-2025-01.csv", "\ufeff" + archive),
        _write(tmp_path, "SOLUSDT-5m-2025-01.zip", archive_zip("SOLUSDT-5m-2025-01.csv", archive)),
        _write(tmp_path, "SOLUSDT-5m-2025-01-01.zip", archive_zip("x.csv", archive)),
    ]
    for path in files:
        assert_same_bars(_read(path).klines, klines)


def test_a_damaged_gzip_is_refused(tmp_path: Path) -> None:
    """A file cut short or with a flipped bit is never read in part."""
    whole = csv_gz(random_klines(500))
    flipped = bytearray(whole)
    flipped[-6] ^= 1
    for content in (whole[:-1], whole[: len(whole) // 2], bytes(flipped), b"plain", whole + b"tail"):
        with pytest.raises(DataError, match="not a whole gzip file"):
            _read(_write(tmp_path, "SOLUSDT-5m.csv.gz", content))


def _make_zip(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def test_a_zip_that_is_no_archive_file_is_refused(tmp_path: Path) -> None:
    """Several members, paths, other content, another market and damage are refused."""
    text = archive_text(random_klines(30), has_header=False, is_microseconds=False)
    whole = _make_zip({"SOLUSDT-5m-2025-01.csv": text})
    spoiled = bytearray(whole)
    spoiled[80] ^= 0xFF
    encrypted = bytearray(whole)
    encrypted[6] |= 1
    encrypted[whole.index(b"PK\x01\x02") + 8] |= 1
    cases = {
        "exactly one CSV": [
            _make_zip({"SOLUSDT-5m-2025-01.csv": text, "b.csv": text}),
            _make_zip({"../SOLUSDT-5m-2025-01.csv": text}),
            _make_zip({"folder/": "", "folder/a.csv": text}),
            _make_zip({"a.txt": text}),
            _make_zip({}),
        ],
        "holds BTCUSDT-5m-2025-01.csv, which is not": [_make_zip({"BTCUSDT-5m-2025-01.csv": text})],
        "not a whole zip": [whole[:-30], bytes(spoiled), bytes(encrypted), b"", b"PK"],
    }
    for reason, contents in cases.items():
        for content in contents:
            with pytest.raises(DataError, match=reason):
                _read(_write(tmp_path, "SOLUSDT-5m-2025-01.zip", content))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text beyond the limit is never held in memory, whatever the container."""
    monkeypatch.setattr(kline_files, "MAX_TEXT_BYTES", 2 * 1024**2)
    bomb = "0" * (16 * 1024**2)
    paths = [
        _write(tmp_path, "SOLUSDT-5m.csv.gz", gzip.compress(bomb.encode(), 1)),
        _write(tmp_path, "SOLUSDT-5m-2025-01.zip", _make_zip({"SOLUSDT-5m-2025-01.csv": bomb})),
        _write(tmp_path, "SOLUSDT-5m.csv", bomb),
    ]
    for path in paths:
        tracemalloc.start()
        with pytest.raises(DataError, match="unpacks to more than 2 MiB"):
            _read(path)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak_bytes < 8 * 1024**2


def test_names_and_arguments_must_agree(tmp_path: Path) -> None:
    """Symbol and interval come from the name or the arguments; a contradiction or silence is refused."""
    text = csv_text(random_klines(5))
    named = _write(tmp_path, "SOLUSDT-5m.csv", text)
    plain = _write(tmp_path, "bars.csv", text)
    assert _read(named, symbol="SOLUSDT", interval="5m").key == _read(named).key
    assert _read(plain, symbol="SOLUSDT", interval="5m").key == _read(named).key
    for path, arguments, reason in [
        (named, {"symbol": "BTCUSDT"}, "names the symbol SOLUSDT, but BTCUSDT"),
        (named, {"interval": "15m"}, "names the interval 5m, but 15m"),
        (plain, {"symbol": "SOLUSDT"}, "does not say which interval"),
        (plain, {}, "does not say which symbol"),
        (plain, {"symbol": "SOLUSDT", "interval": "1w"}, "not supported"),
    ]:
        with pytest.raises(UsageError, match=reason):
            _read(path, **arguments)


def test_a_path_that_is_no_file_is_a_usage_error(tmp_path: Path) -> None:
    """Nothing blocks or ends in a traceback: missing files, folders, pipes, devices, broken and circular links."""
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "device.csv").symlink_to("/dev/zero")
    (tmp_path / "broken.csv").symlink_to(tmp_path / "nowhere")
    (tmp_path / "circle.csv").symlink_to(tmp_path / "circle.csv")
    _write(tmp_path, "SOLUSDT-5m.txt", csv_text(random_klines(5)))
    names = ["missing.csv", "folder.csv", "pipe.csv", "device.csv", "broken.csv", "circle.csv", "a\0.csv"]
    for name in [*names, "SOLUSDT-5m.txt", "x" * 300 + ".csv"]:
        with pytest.raises(UsageError) as caught:
            _read(tmp_path / name, symbol="SOLUSDT", interval="5m")
        assert caught.value.remedy


def test_a_link_to_a_file_is_followed_under_its_own_name(tmp_path: Path) -> None:
    """A mounted file, which is a link to a hidden name, is read."""
    klines = random_klines(5)
    (tmp_path / "SOLUSDT-5m.csv").symlink_to(_write(tmp_path, "..data", csv_text(klines)))
    assert_same_bars(_read(tmp_path / "SOLUSDT-5m.csv").klines, klines)


WHOLE_FILES = {
    "SOLUSDT-5m-2025-01.zip": archive_zip("SOLUSDT-5m-2025-01.csv", csv_text(random_klines(30))),
    "SOLUSDT-5m.csv.gz": csv_gz(random_klines(30)),
}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(WHOLE_FILES)), place=st.integers(0, 10**4), bits=st.integers(1, 255))
def test_any_damage_to_a_container_is_refused_or_harmless(tmp_path: Path, name: str, place: int, bits: int) -> None:
    """One changed byte anywhere gives the same bars (it met a comment or a date) or our own error."""
    data = bytearray(WHOLE_FILES[name])
    data[place % len(data)] ^= bits
    try:
        found = _read(_write(tmp_path, name, bytes(data))).klines
    except DataError:
        return
    assert_same_bars(found, random_klines(30))


@pytest.mark.skipif(not REAL_DATA.is_dir(), reason="the real klines are not here")
def test_real_klines_are_read_whole() -> None:
    """Half a year of real bars is complete: its length, its ends and the fall of 10 October."""
    file = read_kline_file(REAL_DATA / "SOLUSDT-5m.csv.gz", symbol=None, interval=None, venue="binance-perp")
    assert len(file.klines) == 51_839
    assert int(np.diff(file.klines.open_time).max()) == STEP_MS
    assert float((file.klines.close / file.klines.open).min()) < 0.9
