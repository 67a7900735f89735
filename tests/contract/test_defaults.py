"""What users are promised: defaults, names and exit codes. A change here is a change of the interface."""

from typing import Any, get_args

import pytest

from job import errors
from job.cli import COMMANDS, settings_class
from job.errors import ExitCode, JobError
from job.settings.catalogue import settings_of

GUIDE = {
    "train": {
        "data_days": 90,
        "test_size": 0.2,
        "epochs": 50,
        "lr": 0.001,
        "batch_size": 64,
        "save_path": "models/trained",
    },
    "walkforward": {
        "data_days": 180,
        "window_size": 30,
        "test_size": 7,
        "epochs": 30,
        "optimize_metric": "sharpe_ratio",
        "lr": 0.001,
        "batch_size": 64,
        "save_path": "models/trained",
    },
}
SHARED = {
    "symbol": "SOLUSDT",
    "interval": "5m",
    "context": ("BTCUSDT", "ETHUSDT"),
    "venue": "binance-perp",
    "market": "perp",
    "label": "triple-barrier",
    "horizon": None,
    "features": "core",
    "model": "lorentzian",
    "device": "auto",
    "threads": 1,
    "seed": 0,
    "run_id": None,
    "ledger": None,
}
EXIT_CODES = {
    "UsageError": 64,
    "ConfigError": 78,
    "StorageForbidden": 78,
    "DataError": 65,
    "NoDataError": 66,
    "DeviceError": 69,
    "CheckFailed": 4,
    "DatabaseUnavailable": 75,
    "StorageUnavailable": 75,
    "ExchangeUnavailable": 75,
    "Cancelled": 130,
    "Terminated": 143,
}


def defaults_of(command: str) -> dict[str, Any]:
    """Every setting's default."""
    return {setting.name: setting.field.default for setting in settings_of(settings_class(command))}


@pytest.mark.parametrize("command", GUIDE)
def test_defaults_are_the_guides(command: str) -> None:
    """Without a flag, each command does what the training guide says."""
    assert {name: defaults_of(command)[name] for name in GUIDE[command]} == GUIDE[command]


@pytest.mark.parametrize("command", ["train", "walkforward", "window"])
def test_defaults_shared_by_what_trains(command: str) -> None:
    """The same market, label, model and seed, whichever command trains."""
    assert {name: defaults_of(command)[name] for name in SHARED} == SHARED


def test_window_and_plan_have_walkforwards_defaults() -> None:
    """A pod cuts the same windows as one machine, where nothing is set."""
    whole = defaults_of("walkforward")
    for part in ("window", "plan"):
        shared = defaults_of(part).keys() & whole.keys()
        assert {name: defaults_of(part)[name] for name in shared} == {name: whole[name] for name in shared}
        assert {"data_days", "window_size", "test_size", "epochs", "optimize_metric"} <= shared


def test_defaults_pass_their_own_rules() -> None:
    """Every default is a value that the user could have given."""
    for command in COMMANDS:
        settings = settings_class(command)()
        assert type(settings).model_validate(settings.model_dump()) == settings


def test_optimize_metrics_are_the_guides() -> None:
    """The five choices, under the guide's names."""
    setting = next(s for s in settings_of(settings_class("walkforward")) if s.name == "optimize_metric")
    choices = ["total_return", "win_rate", "sharpe_ratio", "sortino_ratio", "calmar_ratio"]
    assert sorted(setting.field.annotation) == sorted(choices)


def test_choices_have_their_promised_names() -> None:
    """Words that scripts and manifests may hold."""
    choices = {
        s.name: get_args(s.field.annotation)
        for name in ("walkforward", "demo", "collect")
        for s in settings_of(settings_class(name))
    }
    assert choices["market"] == ("perp", "spot")
    assert choices["device"] == ("auto", "cpu", "cuda")
    assert choices["source"] == ("auto", "archive", "rest")
    assert choices["world"] == ("edge", "noise", "both")
    assert {"triple-barrier", "fixed"} <= set(choices["label"])
    assert {"lorentzian", "logistic"} <= set(choices["model"])


def test_exit_codes_are_the_promised_ones() -> None:
    """One list, shared with the manifests."""
    assert {code.value for code in ExitCode} == {0, 1, 4, 64, 65, 66, 69, 75, 78, 130, 143}


@pytest.mark.parametrize(("name", "code"), EXIT_CODES.items())
def test_errors_end_with_their_code(name: str, code: int) -> None:
    """Each error of the tree ends with the code of the contract."""
    assert getattr(errors, name).exit_code == code


def test_every_error_belongs_to_the_tree() -> None:
    """Whatever the module defines is a `JobError`; those that no row of the contract names are only bases."""
    defined = {n: e for n, e in vars(errors).items() if isinstance(e, type) and issubclass(e, Exception)}
    assert all(issubclass(error, JobError) for error in defined.values())
    assert defined.keys() - EXIT_CODES.keys() == {"JobError", "PermanentError", "TransientError", "Interrupted"}


def test_an_error_is_a_sentence_and_a_remedy() -> None:
    """Both are kept apart for whoever shows them, and read as one text."""
    error = errors.ConfigError("The bucket is absent.", remedy="Create it.")
    assert (error.message, error.remedy, str(error)) == (
        "The bucket is absent.",
        "Create it.",
        "The bucket is absent. Create it.",
    )
    assert str(errors.DataError("Bad.")) == "Bad."
