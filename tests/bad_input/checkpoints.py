"""Model files (.pt) that anybody may have written; no code of any of them may run."""

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from job.checkpoint import read_checkpoint
from job.errors import DataError
from tests.bad_input.registry import READ, BadInput

GOOD: dict[str, Any] = {
    "format": 3,
    "kind": "logistic",
    "procedure": {"seed": 0},
    "feature_set": "core-1",
    "feature_names": ["a", "b"],
    "prior": 0.5,
    "slope": 1.0,
    "thresholds": {"buy": 0.6, "sell": 0.4},
    "state_dict": {"coefficients": torch.zeros(2), "intercept": torch.tensor(0.0)},
}


class Evil:
    """Makes a folder when it is unpickled the careless way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder / "owned"),)


def saved(content: object) -> bytes:
    """A file as torch writes it."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def repacked(data: bytes, **changes: bytes) -> bytes:
    """The same file with other bytes in some members, packed by deflate."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, changes.get(name.rpartition("/")[2].replace(".", "_"), old.read(name)))
    return buffer.getvalue()


def read(make: Callable[[Path], bytes]) -> Callable[[Path], object]:
    """Reads a file, and fails where reading it has done something."""

    def feed(folder: Path) -> object:
        try:
            return read_checkpoint(make(folder), where="best_model.pt")
        finally:
            assert not (folder / "owned").exists(), "code of the file was run"

    return feed


def changed(**changes: object) -> Callable[[Path], object]:
    """A good file with other fields; None leaves one out."""
    content = {name: value for name, value in (GOOD | changes).items() if value is not None}
    return read(lambda folder: saved(content))


def endless() -> dict[str, Any]:
    """A list that holds itself."""
    loop: list[Any] = []
    loop.append(loop)
    return GOOD | {"state_dict": loop}


def doubled() -> dict[str, Any]:
    """A list of two equal lists of two equal lists, forty deep: a few bytes that unfold without end."""
    level: list[Any] = ["x"]
    for _ in range(40):
        level = [level, level]
    return GOOD | {"state_dict": level}


def _bad(name: str, feed: Callable[[Path], object], words: str) -> BadInput:
    return BadInput(kind="model (.pt)", name=name, feed=feed, outcome=DataError, words=words)


DAMAGED = "it is damaged, or holds more than numbers and text"
INPUTS = (
    BadInput(kind="model (.pt)", name="nothing", feed=changed(), outcome=READ),
    _bad("empty", read(lambda folder: b""), DAMAGED),
    _bad("cut short", read(lambda folder: saved(GOOD)[:-200]), DAMAGED),
    _bad("a plain pickle", read(lambda folder: pickle.dumps(GOOD | {"state_dict": 1})), DAMAGED),
    _bad("a pickle that runs code", read(lambda folder: pickle.dumps(Evil(folder))), DAMAGED),
    _bad("torch's own format with code in it", read(lambda folder: saved(GOOD | {"x": Evil(folder)})), DAMAGED),
    _bad("a whole network, not its numbers", read(lambda folder: saved(torch.nn.Linear(2, 1))), DAMAGED),
    _bad("packed by deflate", read(lambda folder: repacked(saved(GOOD))), "none of the formats"),
    _bad("a list", read(lambda folder: saved([1])), "none of the formats"),
    _bad("a format of the future", changed(format=99), "none of the formats 2, 3"),
    _bad("no thresholds", changed(thresholds=None), "its thresholds is missing"),
    _bad("text for a number", changed(prior="0.5"), "its prior is missing, or of another type"),
    _bad("NaN for the prior", changed(prior=float("nan")), "its prior"),
    _bad("numbers for names", changed(feature_names=[1, 2]), "its feature_names"),
    _bad("a set in it", changed(state_dict={"a": {1}}), "it holds a set"),
    _bad("numbers for keys", changed(state_dict={1: torch.zeros(1)}), "it holds a dict"),
    _bad(
        "one number repeated a billion times",
        changed(state_dict={"a": torch.zeros(1).expand(1_000_000_000)}),
        "unfolds to more than it has bytes",
    ),
    _bad("a sparse tensor", changed(state_dict={"a": torch.zeros(3).to_sparse()}), "it holds a Tensor"),
    _bad("a list that holds itself", read(lambda folder: saved(endless())), "unfolds to more than it has bytes"),
    _bad("a list doubled forty times", read(lambda folder: saved(doubled())), "unfolds to more than it has bytes"),
)
