"""What the end of a large run costs: requests, bytes, seconds and memory, and how they grow with its windows.

A run of many windows (15m bars, seven days of test and eight models each) is made from a few real ones, moved in time,
and so are the ledger's readings of as many windows of other symbols. Then the run is finalized in a process of its own.
The refit of the final model is left out: it is one training, however many windows there are. The windows of the other
symbols are left out too: nothing that finalizes this run lists or reads them. Bars: 500 windows beside 99 other
symbols in 10 seconds and 1 GiB on two cores.
"""

import argparse
import hashlib
import itertools
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from job.artifacts.folder import LocalStore
from job.artifacts.keys import RUNS_INDEX, RunKeys
from job.artifacts.manifest import write_with_manifest
from job.artifacts.metered import MeteredStore, StoreUse
from job.artifacts.opening import open_store
from job.artifacts.store import ObjectStore
from job.artifacts.stored_records import record_bytes
from job.artifacts.window_pack import WindowPack, packed
from job.intervals import DAY_MS
from job.records import (
    ExecutionRecord,
    LedgerEntryRecord,
    LedgerResultRecord,
    PlanRecord,
    WindowRecord,
    WindowSpanRecord,
)
from job.run.index import index_bytes
from job.run.ledger import entry_key, procedure_hash, series_name
from job.run.ledger_results import RESULT_SUFFIX, join_results
from job.run.plan import publish_plan, windows_of
from job.window_results import WindowSeries
from tests.support.run_indexes import made_up_index
from tests.support.runs import TEST_DAYS, TRADED, example_run
from tests.support.stored_runs import stored_series

NUM_MODELS, NUM_REAL = 8, 3
START_MS = 1_420_070_400_000  # 2015-01-01
RUN_ID = "large"
MODEL = b"a model"
MODEL_HASH = hashlib.sha256(MODEL).hexdigest()
CHILD = "import sys; from tests.benchmarks.scale import finalize_alone; finalize_alone(sys.argv[1])"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How large, and where."""
    parser.add_argument(
        "--windows", type=int, nargs="+", default=[5, 50, 500], help="windows of the runs, each measured"
    )
    parser.add_argument(
        "--symbols", type=int, nargs="+", default=[100], help="symbols whose readings the ledger holds, each measured"
    )
    parser.add_argument("--save-path", help="an empty folder or prefix to use, and leave there (default: a folder)")


def measure(arguments: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Measure each size, and fit the growth."""
    figures: list[dict[str, Any]] = []
    for num_windows, num_symbols in itertools.product(arguments.windows, arguments.symbols):
        with tempfile.TemporaryDirectory(prefix="lorentzian-scale-") as folder:
            own = arguments.save_path
            place = folder if own is None else f"{own}/{num_windows}-{num_symbols}"
            started = time.perf_counter()
            store_large_run(open_store(place), num_windows=num_windows, num_symbols=num_symbols)
            made = time.perf_counter() - started
            command = [sys.executable, "-c", CHILD, place]
            ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(ended.stdout.splitlines()[-1])
            figures.append({"windows": num_windows, "symbols": num_symbols, **found, "made_in_s": round(made, 1)})
            print(json.dumps(figures[-1]), flush=True)
    varied = [name for name in ("windows", "symbols") if len({each[name] for each in figures}) > 1]
    costs = [name for name in figures[0] if name not in {"windows", "symbols", "made_in_s"}] if varied else []
    return {
        "sizes": figures,
        "growth": [{"cost": name, "grows as": _growth(figures, name, varied)} for name in costs],
    }


def _growth(figures: list[dict[str, float]], name: str, varied: list[str]) -> str:
    """The powers of the plane through the logarithms, and how far the farthest figure lies off it."""
    sizes = np.log([[1.0, *(each[size] for size in varied)] for each in figures])
    sizes[:, 0] = 1.0
    cost = np.log([max(each[name], 1e-9) for each in figures])
    fitted = np.linalg.lstsq(sizes, cost, rcond=None)[0]
    powers = " x ".join(f"{size} ^ {power:.2f}" for size, power in zip(varied, fitted[1:], strict=True))
    return f"{powers}, to a factor of {np.exp(np.abs(sizes @ fitted - cost).max()):.2f}"


def finalize_alone(save_path: str) -> None:
    """Finalize the large run in this process, and print what that took."""
    import resource

    import torch

    from job.execution import finalize as finalizing
    from job.execution.final_model import FinalModel
    from job.run.plan import read_plan
    from job.run.run import Run

    use = StoreUse()
    store = MeteredStore(open_store(save_path), use=use)
    plan = read_plan(store, RUN_ID)
    assert plan is not None
    large = Run(plan=plan, store=store, ledger=store, conninfo="", device=torch.device("cpu"), ledger_name="the ledger")
    instead: Any = lambda _run: FinalModel(window=windows_of(plan)[-1], trained=None, data=b"refit left out")  # type: ignore[arg-type]  # noqa: E731
    finalizing.fit_final_model = instead  # type: ignore[assignment]
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    use.num_requests.clear()
    wall, cpu = time.perf_counter(), time.process_time()
    summary = finalizing.finalize(large).summary
    assert summary is not None and summary.num_done == len(plan.windows)
    print(
        json.dumps(
            {
                "seconds": round(time.perf_counter() - wall, 2),
                "cpu_seconds": round(time.process_time() - cpu, 2),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "imports_mb": round(before_mb),
                "gets": use.num_requests["get"],
                "puts": use.num_requests["put"],
                "lists": use.num_requests["list"],
                "mb_read": round(use.bytes_read / 1e6, 2),
                "mb_written": round(use.bytes_written / 1e6, 2),
                "trials": summary.num_trials,
            }
        )
    )


def store_large_run(store: ObjectStore, *, num_windows: int, num_symbols: int) -> None:
    """Plan, finished windows, index, and the ledger's readings of all symbols, each joined as its finalizer does."""
    plan, windows = _windows(num_windows)
    publish_plan(store, plan)
    store.put(RUNS_INDEX, index_bytes(made_up_index(num_symbols).runs))
    for record, series in windows:
        _store_window(store, plan, record, series)
    for number in range(num_symbols):
        symbol = plan.procedure.market.symbol if number == 0 else f"COIN{number:03}USDT"
        _store_readings(store, plan, symbol, is_joined=number > 0)


def _windows(num_windows: int) -> tuple[PlanRecord, list[tuple[WindowRecord, WindowSeries]]]:
    example = example_run(NUM_REAL)
    first = example.plan.windows[0]
    names = [f"baseline-{number}" for number in range(NUM_MODELS - len(example.windows[0].models))]
    moved = []
    for index in range(num_windows):
        record, series = example.windows[index % NUM_REAL], example.series[index % NUM_REAL]
        by_ms = START_MS + index * TEST_DAYS * DAY_MS - record.span.test_start_ms
        moved.append((_moved_record(record, index, by_ms, names), _moved_series(series, by_ms, names)))
    spans = tuple(record.span for record, _ in moved)
    last = spans[-1]
    plan = example.plan.model_copy(
        update={"run_id": RUN_ID, "windows": spans, "start_ms": spans[0].train_start_ms, "end_ms": last.test_end_ms}
    )
    assert first.test_end_ms - first.test_start_ms == TEST_DAYS * DAY_MS
    return PlanRecord.model_validate(plan.model_dump(include=set(PlanRecord.model_fields))), moved


def _moved_record(record: WindowRecord, index: int, by_ms: int, names: list[str]) -> WindowRecord:
    times = {name: value + by_ms for name, value in record.span.model_dump().items() if name.endswith("_ms")}
    span = WindowSpanRecord.model_validate(record.span.model_dump() | times | {"index": index})
    usual = record.models[TRADED]
    return record.model_copy(update={"span": span, "models": record.models | dict.fromkeys(names, usual)})


def _moved_series(series: WindowSeries, by_ms: int, names: list[str]) -> WindowSeries:
    return replace(
        series,
        klines=replace(series.klines, open_time=series.klines.open_time + by_ms),
        probability=series.probability | dict.fromkeys(names, series.probability[TRADED]),
        position=series.position | dict.fromkeys(names, series.position[TRADED]),
    )


def _store_window(store: ObjectStore, plan: PlanRecord, record: WindowRecord, series: WindowSeries) -> None:
    keys, index = RunKeys(RUN_ID), record.span.index
    metrics, arrays = record_bytes(record), stored_series(series)
    objects = {keys.window_metrics(index): metrics, keys.series(index): arrays, keys.best_model_window(index): MODEL}
    write_with_manifest(store, keys.window_manifest(index), objects, root=keys.root, extra={})
    manifest = store.get(keys.window_manifest(index))
    assert manifest is not None
    execution = record_bytes(
        ExecutionRecord(
            index=index,
            attempt=1,
            host="pod",
            cpu="x",
            device="cpu",
            started_at_ms=0,
            ended_at_ms=1,
            seconds_by_stage={},
        )
    )
    store.put(keys.execution(index), execution)
    reading = record_bytes(_result(plan, index, plan.procedure.market.symbol))
    pack = WindowPack(manifest=manifest.data, metrics=metrics, series=arrays, execution=execution, reading=reading)
    store.put(keys.finished_window(index), packed(pack))


def _store_readings(store: ObjectStore, plan: PlanRecord, symbol: str, *, is_joined: bool) -> None:
    market = plan.procedure.market.model_copy(update={"symbol": symbol})
    procedure = plan.procedure.model_copy(update={"market": market})
    name, digest = series_name(procedure), procedure_hash(procedure, plan.feature_set)
    first = plan.windows[0]
    entry = record_bytes(  # of the first window: of the others only their names are ever read
        LedgerEntryRecord(
            procedure=procedure,
            feature_set=plan.feature_set,
            test_start_ms=first.test_start_ms,
            test_end_ms=first.test_end_ms,
            model_hash=MODEL_HASH,
        )
    )
    for window in windows_of(plan):
        assert window.test is not None
        key = entry_key(name, digest, window.test, MODEL_HASH)
        _put_quickly(store, key, entry)
        result = record_bytes(_result(plan, window.index, symbol))
        _put_quickly(store, f"{key.removesuffix('.json')}{RESULT_SUFFIX}", result)
    if is_joined:
        join_results(store, key.rsplit("/", 2)[0] + "/")


def _result(plan: PlanRecord, index: int, symbol: str) -> LedgerResultRecord:
    """Daily returns of a window of a symbol, made up."""
    span = plan.windows[index]
    days = tuple(range(span.test_start_ms, span.test_end_ms, DAY_MS))
    draw = np.random.default_rng([index, *map(ord, symbol)])
    return LedgerResultRecord(day_ms=days, daily_return=tuple(draw.normal(0, 0.02, len(days)).tolist()))


def _put_quickly(store: ObjectStore, key: str, data: bytes) -> None:
    """Into a folder without its guarantees, which nobody needs of what is made up; a hundred times as fast."""
    if isinstance(store, LocalStore):
        path = Path(store.location) / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    else:
        store.put(key, data)
