"""The metrics of a command by their Prometheus names; the only place that knows them. Knows no event.

Those of `RUN_METRICS` are about a finished run of a market, the others about the process that exports them. Whatever
has no value is absent: an undefined number is never 0.
"""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A name without the ``_total`` of counters, what it is, and the names of its labels."""

    name: str
    help: str
    kind: Literal["gauge", "counter"] = "gauge"
    labels: tuple[str, ...] = ()

    @property
    def sample_name(self) -> str:
        """The name as queries write it."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


WINDOW: Final = ("window",)
MARKET: Final = ("venue", "symbol", "interval")

STARTED = Metric(name="lorentzian_job_start_timestamp_seconds", help="When this command was started.")
ENDED = Metric(name="lorentzian_job_end_timestamp_seconds", help="When it ended, however it did.")
SUCCEEDED = Metric(name="lorentzian_job_last_success_timestamp_seconds", help="When it last ended with exit code 0.")
DURATION = Metric(name="lorentzian_job_duration_seconds", help="From its start to its end.")
EXIT_CODE = Metric(name="lorentzian_job_exit_code", help="What it ended with.")
STAGE_SECONDS = Metric(
    name="lorentzian_stage_seconds", help="Seconds of each stage.", kind="counter", labels=("stage", *WINDOW)
)
EPOCHS = Metric(
    name="lorentzian_epochs", help="Epochs of the traded model's fits.", kind="counter", labels=("fit", *WINDOW)
)
LOSS = Metric(name="lorentzian_training_loss", help="Its training log-loss in the last epoch.", labels=("fit", *WINDOW))
WINDOWS_ENDED = Metric(
    name="lorentzian_windows_ended",
    help="Attempts at windows, by how they ended.",
    kind="counter",
    labels=("exit_code",),
)
ATTEMPT = Metric(name="lorentzian_window_attempt", help="Number of the last attempt at a window.", labels=WINDOW)
ROWS = Metric(name="lorentzian_rows", help="Rows learned from, and bars tested on.", labels=("kind", *WINDOW))
BYTES = Metric(
    name="lorentzian_store_bytes", help="Bytes of stored objects.", kind="counter", labels=("direction", *WINDOW)
)
REQUESTS = Metric(name="lorentzian_store_requests", help="Requests to the store.", kind="counter", labels=WINDOW)
RETRIES = Metric(name="lorentzian_retries", help="Requests that had to be made again.", kind="counter", labels=("of",))
KLINES = Metric(
    name="lorentzian_klines_collected", help="New klines.", kind="counter", labels=("kline_symbol", "source")
)
NEWEST_KLINE = Metric(
    name="lorentzian_newest_kline_timestamp_seconds", help="Open of the newest kline.", labels=("kline_symbol",)
)
FEATURE_ROWS = Metric(
    name="lorentzian_feature_rows_added", help="New feature rows.", kind="counter", labels=("kline_symbol",)
)
NEWEST_ROW = Metric(
    name="lorentzian_newest_feature_row_timestamp_seconds",
    help="Open of the newest bar with features.",
    labels=("kline_symbol",),
)
JOB_METRICS: Final = (
    STARTED,
    ENDED,
    SUCCEEDED,
    DURATION,
    EXIT_CODE,
    STAGE_SECONDS,
    EPOCHS,
    LOSS,
    WINDOWS_ENDED,
    ATTEMPT,
    ROWS,
    BYTES,
    REQUESTS,
    RETRIES,
    KLINES,
    NEWEST_KLINE,
    FEATURE_ROWS,
    NEWEST_ROW,
)

FINALIZED = Metric(name="lorentzian_run_finalized_timestamp_seconds", help="When the run was finalized.", labels=MARKET)
VERDICT = Metric(
    name="lorentzian_run_verdict", help="1 for the run's verdict, 0 for others.", labels=(*MARKET, "verdict")
)
RUN_WINDOWS = Metric(name="lorentzian_run_windows", help="Windows of the run, by state.", labels=(*MARKET, "state"))
# By the names that the event `run_finalized` gives them.
RUN_FIGURES: Final = {
    "num_trials": Metric(name="lorentzian_run_trials", help="Trials that the result is deflated by.", labels=MARKET),
    "sharpe_ratio": Metric(name="lorentzian_run_sharpe_ratio", help="Annual Sharpe ratio, after costs.", labels=MARKET),
    "sharpe_low": Metric(name="lorentzian_run_sharpe_ratio_low", help="Lower end of its 95 % interval.", labels=MARKET),
    "sharpe_high": Metric(name="lorentzian_run_sharpe_ratio_high", help="Its upper end.", labels=MARKET),
    "dsr": Metric(
        name="lorentzian_run_deflated_sharpe_ratio", help="Probability that it is more than luck.", labels=MARKET
    ),
    "total_return": Metric(name="lorentzian_run_return_ratio", help="Return over all tests.", labels=MARKET),
    "max_drawdown": Metric(name="lorentzian_run_max_drawdown_ratio", help="Deepest fall.", labels=MARKET),
    "break_even_bps": Metric(name="lorentzian_run_break_even_bps", help="Cost at which the edge ends.", labels=MARKET),
}
RUN_METRICS: Final = (FINALIZED, VERDICT, RUN_WINDOWS, *RUN_FIGURES.values())
