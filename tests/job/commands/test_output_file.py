"""Tests of files for the user: there is the old one or the new one, whoever dies in between."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from job.commands.output_file import write_file

OLD, NEW = b"old" * 1000, b"new, and longer" * 1000
# Forks a child for each line of the writer, which dies before it, and notes what lies there then.
KILL_AT_EVERY_LINE = f"""
import json, os, signal, sys
from pathlib import Path
from job.commands import output_file

path, found, line = Path(sys.argv[1]), [], 0
while not found or found[-1] != "ended":
    line += 1
    path.write_bytes({OLD!r})
    child = os.fork()
    if child == 0:
        seen = 0
        def trace(frame, event, _):
            global seen
            if frame.f_code.co_filename == output_file.__file__:
                seen += event == "line"
                if event == "line" and seen == line:
                    os.kill(os.getpid(), signal.SIGKILL)
                return trace
        sys.settrace(trace)
        output_file.write_file(path, {NEW!r})
        os._exit(0)
    _, status = os.waitpid(child, 0)
    data = path.read_bytes()
    found.append("old" if data == {OLD!r} else "new" if data == {NEW!r} else "half")
    if not os.WIFSIGNALED(status):
        found.append("ended")
print(json.dumps(found))
"""


def test_file_is_the_old_one_or_the_new_one_wherever_its_writer_dies(tmp_path: Path) -> None:
    """Before every line of the writer in turn: first the old one is there, then the new one, never a half."""
    command = [sys.executable, "-c", KILL_AT_EVERY_LINE, str(tmp_path / "model.pt2")]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    *states, ended = found
    assert ended == "ended" and states == sorted(states, reverse=True) and set(states) == {"old", "new"}


def test_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing beside it; a link stays one, and what it points to is what is written."""
    path, link = tmp_path / "model", tmp_path / "link"
    link.symlink_to(path)
    write_file(link, OLD)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space left"):
            write_file(link, NEW)
    assert path.read_bytes() == OLD and link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [link, path]


def test_pipe_is_written_into_and_stays_a_pipe(tmp_path: Path) -> None:
    """As ``--out /dev/stdout`` is."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_file(pipe, b"model")
    assert os.read(reader, 10) == b"model" and pipe.is_fifo()
    os.close(reader)
