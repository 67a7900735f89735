"""Many independent runs that take hours: each appends one JSON line to a file, and a second start skips those."""

import argparse
import json
import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

Cell = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser, *, name: str, seeds: int = 20) -> None:
    """How many seeds, on how many processors, and where lines go."""
    parser.add_argument("--seeds", type=int, default=seeds, help="number of worlds of each kind")
    parser.add_argument("--jobs", type=int, default=1, help="worlds at once")
    parser.add_argument("--out", type=Path, default=Path(f"{name}.jsonl"), help="file of finished runs, appended to")


def run_cells(cells: Iterable[Cell], work: Callable[[Cell], Cell], *, jobs: int, out: Path) -> list[Cell]:
    """Do the cells that the file does not hold yet; all of the asked ones' lines, in the order of ``cells``.

    Parameters
    ----------
    cells : arguments by name, which identify a run.
    work : from a cell to its results; in another process.
    """
    wanted = [_key(cell) for cell in cells]
    done = _read(out)
    missing = [json.loads(key) for key in wanted if key not in done]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=jobs, mp_context=context) as pool, out.open("a", encoding="utf-8") as file:
        futures = {pool.submit(work, cell): cell for cell in missing}
        for number, future in enumerate(as_completed(futures), start=1):
            line = {"cell": futures[future], "result": future.result()}
            file.write(json.dumps(line) + "\n")
            file.flush()
            done[_key(line["cell"])] = line["result"]
            print(f"{number} of {len(missing)}: {line['cell']}", flush=True)
    return [json.loads(key) | done[key] for key in wanted]


def _read(out: Path) -> dict[str, Cell]:
    if not out.exists():
        return {}
    lines = [line for line in out.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    return {_key(record["cell"]): record["result"] for record in map(json.loads, lines)}


def _key(cell: Cell) -> str:
    return json.dumps(cell, sort_keys=True)
