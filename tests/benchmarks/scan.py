"""How often a scan of noise symbols ends with a model that ``lorentzian promote --when weak`` would take.

Bar: at most 5 % of scans, with the trials of the whole scan counted. Beside it stand what would come of judging each
run among those before it alone, and each by itself. Without ``--full`` the scans are simulated as daily returns (see
`tests.support.noise_scans`), in seconds. With it every symbol is a whole walk-forward on a noise world, as in the
benchmark ``null``: some 90 seconds of a processor each, 75 minutes a scan of 50. It goes on where it was stopped.
"""

import argparse
from pathlib import Path

import numpy as np

from job.arrays import FloatArray
from tests.benchmarks import _cells, null
from tests.support.noise_scans import end_of_scan, noise_returns

MOST_SCANS = 0.05
CORRELATIONS = (0.0, 0.3, 0.6, 0.9)
NUM_DAYS = 147  # of tests, in 180 days


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Scans and symbols; processors and file of the whole walk-forwards."""
    parser.add_argument("--full", action="store_true", help="whole walk-forwards instead of simulated returns")
    parser.add_argument("--symbols", type=int, default=50, help="symbols of a scan")
    parser.add_argument("--scans", type=int, default=200, help="scans")
    parser.add_argument("--jobs", type=int, default=1, help="with --full, walk-forwards at once")
    parser.add_argument("--model", default="lorentzian", help="with --full, classifier that trades")
    parser.add_argument("--out", type=Path, default=Path("scan.jsonl"), help="with --full, file of finished ones")


def measure(arguments: argparse.Namespace) -> dict[str, list[_cells.Cell]]:
    """Simulate or compute the scans: a row for each kind of them."""
    rows: list[_cells.Cell] = []
    kinds = _full(arguments) if arguments.full else _simulated(arguments)
    for name, scans in kinds.items():
        ends = [end_of_scan(returns) for returns in scans]
        counted, as_it_went, alone = (
            float(np.mean([getattr(end, how) > 0 for end in ends])) for how in ("counted", "as_it_went", "alone")
        )
        rows.append(
            {
                "scans": f"{len(ends)} {name}",
                "counted": counted,
                "bar": f"<= {MOST_SCANS}",
                "holds": counted <= MOST_SCANS,
                "as it went": as_it_went,
                "each alone": alone,
            }
        )
    return {f"scans of {arguments.symbols} noise symbols": rows}


def _simulated(arguments: argparse.Namespace) -> dict[str, list[FloatArray]]:
    rng = np.random.default_rng(0)
    return {
        f"simulated, correlation {correlation}": [
            noise_returns(rng, num_symbols=arguments.symbols, num_days=NUM_DAYS, correlation=correlation)
            for _ in range(arguments.scans)
        ]
        for correlation in CORRELATIONS
    }


def _full(arguments: argparse.Namespace) -> dict[str, list[FloatArray]]:
    num_worlds = arguments.scans * arguments.symbols
    cells = [{"seed": seed, "model": arguments.model, "days": 180} for seed in range(num_worlds)]
    found = _cells.run_cells(cells, null._one_world, jobs=arguments.jobs, out=arguments.out)
    daily = np.array([each["daily"] for each in found])
    return {"of whole walk-forwards": list(daily.reshape(arguments.scans, arguments.symbols, -1))}
