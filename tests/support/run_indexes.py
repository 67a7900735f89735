"""Indexes of runs that are made up and valid: as many runs as asked for, of every kind."""

import random

from job.records import IntervalRecord, MeasureRecord, RunIndexEntry, RunsIndexRecord

START_MS = 1_764_000_000_000
HOUR_MS = 3_600_000


def made_up_index(num_runs: int, *, seed: int = 1) -> RunsIndexRecord:
    """One run an hour: most are judged, some run, some never traded, some are basic trainings."""
    draw = random.Random(seed)
    entries = (_entry(number, draw) for number in range(num_runs))
    return RunsIndexRecord(runs={entry.run_id: entry for entry in entries})


def _entry(number: int, draw: random.Random) -> RunIndexEntry:
    running = RunIndexEntry(
        run_id=f"run-{number:05d}",
        state="running",
        symbol=draw.choice(["SOLUSDT", "BTCUSDT", "ETHUSDT"]),
        interval=draw.choice(["5m", "15m"]),
        created_at_ms=START_MS + number * HOUR_MS,
        num_windows=21,
        num_done=0,
        num_failed=0,
    )
    kind, ratio = draw.random(), draw.gauss(0, 1.5)
    if kind < 0.02:
        return running
    if kind < 0.05:
        return running.model_copy(update={"state": "finished", "kind": "training", "num_done": 1})
    if kind < 0.08:
        return _judged(running, None, draw)
    return _judged(running, ratio, draw)


def _judged(entry: RunIndexEntry, ratio: float | None, draw: random.Random) -> RunIndexEntry:
    def measure(value: float) -> MeasureRecord:
        return MeasureRecord(value=None, reason="no_trades") if ratio is None else MeasureRecord(value=value)

    sharpe = ratio or 0.0
    interval = IntervalRecord(low=sharpe - 3, high=sharpe + 3)
    num_failed = draw.choice([0, 0, 0, 1])
    return entry.model_copy(
        update={
            "state": "finished",
            "num_done": 21 - num_failed,
            "num_failed": num_failed,
            "sharpe_ratio": measure(sharpe),
            "sharpe_interval": IntervalRecord(low=None, high=None, reason="no_trades") if ratio is None else interval,
            "median_validation_sharpe": measure(sharpe + 2),
            "median_test_sharpe": measure(sharpe),
            "total_return": MeasureRecord(value=sharpe / 10),
            "max_drawdown": MeasureRecord(value=-abs(draw.gauss(0.1, 0.1))),
            "turnover": MeasureRecord(value=abs(sharpe) * 100),
            "break_even_bps": measure(draw.random() * 20),
            "num_days": 147,
            "dsr": measure(draw.random()),
            "num_trials": draw.randint(1, 400),
            "verdict": "evidence" if sharpe > 4 else "weak" if sharpe > 3 else "no evidence",
        }
    )
