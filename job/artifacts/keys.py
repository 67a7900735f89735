"""Where each object lives under the save path. Knows names only, never contents or stores."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from job.errors import ConfigError

RUNS_INDEX = "runs-index.json"
RUNS_PREFIX = "runs/"
LEDGER_PREFIX = "ledger/"
HOLDOUT_PREFIX = "holdout/"
MODELS_PREFIX = "models/"
PROBE_PREFIX = ".probe/"
RESERVED_PREFIX = ".folder-store/"  # the folder store's own temporary files and lock

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_STAMP = re.compile(r"\d{8}_\d{6}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,254})*")
_MAX_KEY_BYTES = 1024  # S3's limit
_MAX_PART_BYTES = 255  # a file name's limit


def check_key(key: str) -> str:
    """Return ``key`` when it means the same object in a folder and in a bucket.

    Raises
    ------
    ValueError
        For an absolute key, an empty part, ``.`` or ``..``, a backslash, a control character, a key that is
        too long, or one of the folder store's own files.
    """
    if len(key) <= _MAX_KEY_BYTES and _PLAIN.fullmatch(key) is not None:
        return key  # as nearly every key is: told at one look, since a ledger lists a hundred thousand
    parts = key.split("/")
    is_bad = (
        any(part in {"", ".", ".."} or len(part.encode()) > _MAX_PART_BYTES for part in parts)
        or "\\" in key
        or _CONTROL.search(key) is not None
        or key.startswith(RESERVED_PREFIX)
        or len(key.encode()) > _MAX_KEY_BYTES
    )
    if is_bad:
        raise ValueError(f"{key!r} cannot name an object")
    return key


def check_prefix(prefix: str) -> str:
    """Return ``prefix`` when some key could begin with it; the empty prefix is every key."""
    if prefix:
        check_key(prefix + "x" if prefix.endswith("/") else prefix)
    return prefix


def check_run_id(run_id: str) -> str:
    """Return ``run_id`` when it can name a run; ConfigError otherwise."""
    if _RUN_ID.fullmatch(run_id) is None:
        raise ConfigError(
            f"{run_id!r} cannot name a run.",
            remedy="Use 1 to 63 letters, digits, dots, underscores and hyphens, the first a letter or a digit.",
        )
    return run_id


def holdout_book(series: str, digest: str) -> str:
    """Who has opened the locked-away days whose bars have this digest; in the ledger's store."""
    return check_key(f"{HOLDOUT_PREFIX}{series}/{digest}.json")


@dataclass(frozen=True, kw_only=True)
class ModelKeys:
    """The keys of the model in use for one market."""

    venue: str
    symbol: str
    interval: str

    @property
    def root(self) -> str:
        """The prefix of both."""
        return f"{MODELS_PREFIX}{self.venue}/{self.symbol}/{self.interval}/"

    @property
    def current(self) -> str:
        """Which model it is; moved by compare-and-swap."""
        return check_key(f"{self.root}current.json")

    @property
    def since_release(self) -> str:
        """What became of it since."""
        return check_key(f"{self.root}since_release.json")


@dataclass(frozen=True)
class RunKeys:
    """The keys of one run; ``stamp`` is the plan's ``YYYYMMDD_HHMMSS``, UTC."""

    run_id: str

    def __post_init__(self) -> None:
        check_run_id(self.run_id)

    @property
    def root(self) -> str:
        """The prefix that all keys of the run share; keys inside manifests are relative to it."""
        return f"{RUNS_PREFIX}{self.run_id}/"

    @property
    def plan(self) -> str:
        """Windows, settings, versions, digests: created once, then fixed."""
        return f"{self.root}plan.json"

    @property
    def summary(self) -> str:
        """The run's headline and verdict."""
        return f"{self.root}summary.json"

    @property
    def curves(self) -> str:
        """The joined tests as arrays, for whoever draws them."""
        return f"{self.root}curves.npz"

    @property
    def windows(self) -> str:
        """Every window's record in one object."""
        return f"{self.root}windows.json"

    @property
    def holdout(self) -> str:
        """What the final model made of the locked-away days, once they are opened."""
        return f"{self.root}holdout.json"

    @property
    def audit(self) -> str:
        """What the newest audit of its settings and data found; outside every manifest."""
        return f"{self.root}audit.json"

    @property
    def execution_of_windows(self) -> str:
        """How every window ran, in one object; outside every manifest."""
        return f"{self.root}execution.json"

    @property
    def pruning(self) -> str:
        """The mark of a run that is being deleted; goes last."""
        return f"{self.root}pruning.json"

    @property
    def report(self) -> str:
        """The self-contained page."""
        return f"{self.root}report.html"

    @property
    def manifest(self) -> str:
        """Written last: the run is complete."""
        return f"{self.root}manifest.json"

    def window(self, index: int) -> str:
        """The prefix of one window's own objects."""
        if index < 0:
            raise ValueError(f"window index {index} is below zero")
        return f"{self.root}windows/{index}/"

    def series(self, index: int) -> str:
        """Forecasts, positions and returns of a window, bar by bar."""
        return f"{self.window(index)}series.npz"

    def window_metrics(self, index: int) -> str:
        """Validation and test metrics of a window."""
        return f"{self.window(index)}metrics.json"

    def window_manifest(self, index: int) -> str:
        """Written last: the window is complete."""
        return f"{self.window(index)}manifest.json"

    def window_failure(self, index: int) -> str:
        """Why a window failed for good."""
        return f"{self.window(index)}failure.json"

    def finished_window(self, index: int) -> str:
        """A finished window's manifest, metrics, series and execution once more, in one; outside every manifest."""
        return f"{self.window(index)}finished.npz"

    def kept_fits(self, index: int) -> str:
        """Finished fits of a window that is not done; gone when it is."""
        return f"{self.window(index)}checkpoint.npz"

    def execution(self, index: int) -> str:
        """How the window ran: times, hosts, heartbeats; outside every manifest."""
        return f"{self.window(index)}execution.json"

    def attempt(self, index: int, attempt: int) -> str:
        """How one attempt ran."""
        return f"{self.window(index)}attempts/{attempt}.json"

    @property
    def null_worlds(self) -> str:
        """The prefix of what the procedure made of markets in which nothing can be forecast."""
        return f"{self.root}null_worlds/"

    def null_world(self, index: int) -> str:
        """One of these markets."""
        if index < 0:
            raise ValueError(f"null world {index} is below zero")
        return f"{self.null_worlds}{index}.json"

    def best_model_window(self, index: int) -> str:
        """The model of one window."""
        self.window(index)
        return f"{self.root}best_model_window_{index}.pt"

    def best_model_final(self, stamp: str) -> str:
        """The model for use from now on."""
        return f"{self.root}best_model_final_{_check_stamp(stamp)}.pt"

    def window_metrics_csv(self, stamp: str) -> str:
        """A row a window."""
        return f"{self.root}window_metrics_{_check_stamp(stamp)}.csv"

    def visualization(self, name: str) -> str:
        """One picture; ``name`` without the ending."""
        return check_key(f"{self.root}visualizations/{name}.png")

    def trained_model(self, stamp: str) -> str:
        """The model of a basic training."""
        return f"{self.root}lorentzian_classifier_{_check_stamp(stamp)}.pt"

    def trained_metrics(self, stamp: str) -> str:
        """The metrics of a basic training."""
        return f"{self.root}metrics_{_check_stamp(stamp)}.json"

    def loss_curve(self, stamp: str) -> str:
        """The loss curve of a basic training."""
        return f"{self.root}loss_curve_{_check_stamp(stamp)}.png"

    def relative(self, key: str) -> str:
        """``key`` as the run's manifests write it."""
        return str(PurePosixPath(key).relative_to(self.root))


def _check_stamp(stamp: str) -> str:
    if _STAMP.fullmatch(stamp) is None:
        raise ValueError(f"{stamp!r} is not a stamp YYYYMMDD_HHMMSS")
    return stamp
