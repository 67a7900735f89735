"""What the store says of runs and released models, as metrics: read anew at each scrape, whoever looks at pages or not.

Of each market the newest run that has finished, by when it was planned, and the oldest that has not. What a run leaves
undefined is absent, and so is what cannot be read: the time of the last good read then stands still.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Literal

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from dashboard.index_reading import parse_index
from job.artifacts.json_bytes import MAX_JSON_BYTES
from job.artifacts.keys import MODELS_PREFIX, RUNS_INDEX
from job.artifacts.store import ObjectStore, StoredObject
from job.artifacts.stored_records import parse_record
from job.errors import DataError, JobError
from job.intervals import SECOND_MS
from job.records import IntervalRecord, MeasureRecord, RunIndexEntry, SinceReleaseRecord
from job.run.attempt import now_ms
from job.telemetry.listener import VERDICTS
from job.telemetry.metrics import MARKET, Metric
from job.telemetry.readings import Readings

RUN_MARKET = ("symbol", "interval")
STATES: tuple[Literal["running", "finished"], ...] = ("running", "finished")
SINCE_RELEASE = "/since_release.json"

INDEX_READ_AT = Metric(
    name="lorentzian_dashboard_index_read_timestamp_seconds", help="When the index of runs was last read."
)
RUNS = Metric(name="lorentzian_dashboard_runs", help="Runs in the index.", labels=("state",))
RUNNING_SINCE = Metric(
    name="lorentzian_running_run_created_timestamp_seconds",
    help="When the oldest run that is not finished was planned.",
    labels=RUN_MARKET,
)
CREATED = Metric(
    name="lorentzian_newest_run_created_timestamp_seconds",
    help="When the newest finished run was planned.",
    labels=RUN_MARKET,
)
VERDICT = Metric(
    name="lorentzian_newest_run_verdict", help="1 for its verdict, 0 for others.", labels=(*RUN_MARKET, "verdict")
)
WINDOWS = Metric(name="lorentzian_newest_run_windows", help="Its windows, by state.", labels=(*RUN_MARKET, "state"))
SHARPE_LOW = Metric(
    name="lorentzian_newest_run_sharpe_ratio_low", help="Lower end of its 95 % interval.", labels=RUN_MARKET
)
SHARPE_HIGH = Metric(name="lorentzian_newest_run_sharpe_ratio_high", help="Its upper end.", labels=RUN_MARKET)
TRIALS = Metric(name="lorentzian_newest_run_trials", help="Trials that it is deflated by.", labels=RUN_MARKET)
# By the names of the index's fields.
FIGURES = {
    name: Metric(name=f"lorentzian_newest_run_{metric}", help=text, labels=RUN_MARKET)
    for name, metric, text in (
        ("sharpe_ratio", "sharpe_ratio", "Its annual Sharpe ratio, after costs."),
        ("dsr", "deflated_sharpe_ratio", "Probability that it is more than luck."),
        ("total_return", "return_ratio", "Its return over all tests."),
        ("max_drawdown", "max_drawdown_ratio", "Its deepest fall."),
        ("break_even_bps", "break_even_bps", "Cost at which its edge ends."),
    )
}
RELEASED = Metric(
    name="lorentzian_release_timestamp_seconds", help="When the model in use was promoted.", labels=MARKET
)
FORECAST_UP_TO = Metric(
    name="lorentzian_release_newest_bar_timestamp_seconds",
    help="Open of the newest bar that it forecast.",
    labels=MARKET,
)
OUTSIDE = Metric(
    name="lorentzian_release_outside",
    help="1 where its account has left what its run had led to expect.",
    labels=MARKET,
)
ACCOUNT = Metric(name="lorentzian_release_account_ratio", help="Its account since then, from 1.", labels=MARKET)
LATE = Metric(name="lorentzian_release_late_forecasts", help="Forecasts too late to be followed.", labels=MARKET)
DRIFT = Metric(
    name="lorentzian_release_drift_percentile",
    help="Share of its run's windows whose market had moved less.",
    labels=MARKET,
)
METRICS = (
    *(INDEX_READ_AT, RUNS, RUNNING_SINCE, CREATED, VERDICT, WINDOWS, SHARPE_LOW, SHARPE_HIGH, TRIALS),
    *FIGURES.values(),
    *(RELEASED, FORECAST_UP_TO, OUTSIDE, ACCOUNT, LATE, DRIFT),
)


class RunsCollector(Collector):
    """Reads the index, and the records of released models, when it is asked; unchanged objects are not transferred.

    Parameters
    ----------
    open_store : is called at the first scrape, in the thread that answers it.
    clock : the wall clock, UTC milliseconds.
    """

    def __init__(self, open_store: Callable[[], ObjectStore], *, clock: Callable[[], int] = now_ms) -> None:
        self._open_store, self._clock = open_store, clock
        self._store: ObjectStore | None = None
        self._known: dict[str, StoredObject] = {}
        self._readings = Readings()

    def describe(self) -> Iterator[Family]:
        """Nothing: what there is depends on the store."""
        return iter(())

    def collect(self) -> Iterable[Family]:
        """What can be read now; what was read last, where nothing can."""
        with suppress(JobError):  # the time of the last read says so
            self._readings = self._read()
        return self._readings.registry(METRICS).collect()

    def _read(self) -> Readings:
        if self._store is None:
            self._store = self._open_store()
        readings, index = Readings(), self._get(self._store, RUNS_INDEX)
        runs = {} if index is None else parse_index(index, location=self._store.location).runs
        _note_runs(readings, list(runs.values()))
        for info in self._store.list(MODELS_PREFIX):
            if info.key.endswith(SINCE_RELEASE) and (data := self._get(self._store, info.key)) is not None:
                _note_release(readings, data, info.key)
        readings.set(INDEX_READ_AT, self._clock() / SECOND_MS)
        return readings

    def _get(self, store: ObjectStore, key: str) -> bytes | None:
        known = self._known.get(key)
        found = (
            store.get(key, max_bytes=MAX_JSON_BYTES)
            if known is None
            else store.reread(key, known, max_bytes=MAX_JSON_BYTES)
        )
        if found is None:
            self._known.pop(key, None)
            return None
        self._known[key] = found
        return found.data


def _note_runs(readings: Readings, runs: list[RunIndexEntry]) -> None:
    states = Counter(run.state for run in runs)
    for state in STATES:
        readings.set(RUNS, states[state], state=state)
    newest: dict[tuple[str, str], RunIndexEntry] = {}
    for run in sorted((run for run in runs if run.kind == "walkforward"), key=lambda run: -run.created_at_ms):
        market = run.symbol, run.interval
        if run.state == "finished":
            newest.setdefault(market, run)
        else:  # the last to come is the oldest
            readings.set(RUNNING_SINCE, run.created_at_ms / SECOND_MS, symbol=run.symbol, interval=run.interval)
    for run in newest.values():
        _note_newest(readings, run)


def _note_newest(readings: Readings, run: RunIndexEntry) -> None:
    market = {"symbol": run.symbol, "interval": run.interval}
    readings.set(CREATED, run.created_at_ms / SECOND_MS, **market)
    for verdict in VERDICTS:
        readings.set(VERDICT, verdict == run.verdict, **market, verdict=verdict)
    for state, count in (("planned", run.num_windows), ("done", run.num_done), ("failed", run.num_failed)):
        readings.set(WINDOWS, count, **market, state=state)
    interval = run.sharpe_interval or IntervalRecord(low=None, high=None)
    figures: dict[Metric, float | None] = {
        TRIALS: run.num_trials,
        SHARPE_LOW: interval.low,
        SHARPE_HIGH: interval.high,
    }
    for name, metric in FIGURES.items():
        measure: MeasureRecord | None = getattr(run, name)
        figures[metric] = None if measure is None else measure.value
    _set_defined(readings, figures, market)


def _note_release(readings: Readings, data: bytes, key: str) -> None:
    try:
        record = parse_record(SinceReleaseRecord, data, where=key)
    except DataError:
        return  # its page says so
    market = {"venue": record.venue, "symbol": record.symbol, "interval": record.interval}
    figures: dict[Metric, float | None] = {
        RELEASED: record.released_at_ms / SECOND_MS,
        FORECAST_UP_TO: None if record.last_open_ms is None else record.last_open_ms / SECOND_MS,
        OUTSIDE: record.is_alert,
        ACCOUNT: record.equity[-1] if record.equity else None,
        LATE: record.num_late,
        DRIFT: None if record.drift is None else record.drift.percentile.value,
    }
    _set_defined(readings, figures, market)


def _set_defined(readings: Readings, figures: dict[Metric, float | None], labels: dict[str, str]) -> None:
    for metric, value in figures.items():
        if value is not None:
            readings.set(metric, value, **labels)
