import shlex
from collections import Counter

import pytest
from pydantic import SecretStr

from job.cli import COMMANDS, parse, settings_class
from job.records import ProcedureRecord
from job.settings.catalogue import PREFIX, Setting, environment_names, settings_of, usual_environment_name
from job.settings.commands import WalkforwardCommand
from job.settings.procedure import DEFAULT_HORIZON_BARS, LabelSettings, MarketSettings
from job.settings.sources import load_settings

SETTINGS = [(name, setting) for name in COMMANDS for setting in settings_of(settings_class(name))]


def setting_of(command: str, name: str) -> Setting:
    """One setting by name."""
    return next(setting for setting in settings_of(settings_class(command)) if setting.name == name)


@pytest.mark.parametrize("command", COMMANDS)
def test_setting_names_are_unique_within_a_command(command: str) -> None:
    """A flag stands for one setting, whatever its group."""
    names = Counter(setting.name for setting in settings_of(settings_class(command)))
    assert max(names.values()) == 1


def test_environment_names_never_collide() -> None:
    """No name reaches two settings: not over all commands, nor between a command's names and the general ones."""
    reached: dict[str, set[str]] = {}
    for command, setting in SETTINGS:
        for name in environment_names(setting, (command,)):
            reached.setdefault(name, set()).add(setting.name)
    assert {name: settings for name, settings in reached.items() if len(settings) > 1} == {}
    assert f"{PREFIX}CONFIG" not in reached


def test_environment_names_come_strongest_first() -> None:
    """A name that others have fixed, then one for each command that is asked, then the general one."""
    assert list(environment_names(setting_of("window", "index"), ("window", "walkforward"))) == [
        "JOB_COMPLETION_INDEX",
        "LORENTZIAN_WINDOW_INDEX",
        "LORENTZIAN_WALKFORWARD_INDEX",
        "LORENTZIAN_INDEX",
    ]


def test_secrets_are_secret_in_type() -> None:
    """What holds a password is a secret, and nothing else needs to be."""
    secrets = {setting.name for _, setting in SETTINGS if setting.is_secret}
    assert secrets == {"database_url", "auth_password"}
    assert all(not setting.is_secret for _, setting in SETTINGS if setting.name == "database_password_file")
    assert all(setting.field.annotation == SecretStr | None for _, setting in SETTINGS if setting.is_secret)


def test_every_setting_is_described_and_has_a_default() -> None:
    """The help text of each says what it is; a command without any setting given has all it needs."""
    assert [setting.name for _, setting in SETTINGS if not setting.field.description] == []
    assert [setting.name for _, setting in SETTINGS if setting.field.is_required()] == []


@pytest.mark.parametrize(
    ("command", "name", "metavar"),
    [
        ("train", "epochs", "N"),
        ("train", "lr", "X"),
        ("train", "market", "{perp,spot}"),
        ("train", "optimize_metric", "{total_return,win_rate,sharpe_ratio,sortino_ratio,calmar_ratio}"),
        ("train", "save_path", "SAVE_PATH"),
        ("train", "horizon", "N"),
        ("train", "novelty", "X"),
        ("status", "require", "{complete}"),
        ("promote", "when", "{always,weak,evidence,never}"),
    ],
)
def test_metavar_says_what_is_expected(command: str, name: str, metavar: str) -> None:
    """Choices are listed, numbers are letters."""
    assert setting_of(command, name).metavar == metavar


def test_horizon_follows_the_interval_unless_it_is_given() -> None:
    """Every supported interval has a horizon; 5m means 12 bars and 15m eight."""
    assert LabelSettings().horizon_bars("5m") == 12
    assert LabelSettings().horizon_bars("15m") == 8
    assert LabelSettings(horizon=3).horizon_bars("5m") == 3
    for interval in DEFAULT_HORIZON_BARS:
        assert MarketSettings(interval=interval).interval == interval


def test_context_leaves_out_the_market_itself() -> None:
    """Trading BTC needs no BTC context, and nothing counts twice."""
    market = MarketSettings(symbol="BTCUSDT", context=("BTCUSDT", "ETHUSDT", "ETHUSDT"))
    assert market.context_symbols == ("ETHUSDT",)


def test_market_flags_say_what_is_not_the_default() -> None:
    """Nothing for the default market; an empty context is said too, and every flag means the same market again."""
    assert MarketSettings().flags == ""
    market = MarketSettings(symbol="SYNUSDT", interval="15m", context=("SYNBTC", "SYNETH"), venue="synthetic-edge")
    assert market.flags == " --symbol SYNUSDT --interval 15m --context SYNBTC,SYNETH --venue synthetic-edge"
    assert MarketSettings(context=()).flags == " --context ''"


def test_flags_of_a_procedure_give_the_same_procedure() -> None:
    """Of a default one there are none but the days; of any other, all that a command line takes to repeat it."""
    told = ["--symbol=SYNUSDT", "--context=", "--fee-bps=2.5", "--sizing=volatility", "--max-hold=9", "--label=fixed"]
    told += ["--horizon=30", "--model=blend", "--epochs=7", "--class-weights=balanced", "--window-size=20"]
    told += ["--optimize-metric=win_rate", "--anchored", "--no-refit", "--data-days=100"]
    first = _procedure(told)
    again = _procedure([*shlex.split(first.flags), "--data-days=100"])
    assert again == first
    assert "data-days" not in first.flags and "--no-refit" in first.flags
    assert _procedure(["--data-days=100"]).flags == ""
    assert _procedure(["--label=pine", "--interval=1h", "--horizon=4"]).flags == " --interval 1h --label pine"


def _procedure(flags: list[str]) -> ProcedureRecord:
    """What a walk-forward with these flags plans: the horizon is made a number there."""
    settings = load_settings(
        WalkforwardCommand,
        command_name="walkforward",
        commands={"walkforward": WalkforwardCommand},
        flags=parse(["walkforward", *flags]).flags,
        environment={},
        config_file=None,
    ).settings
    groups = {name: getattr(settings, name) for name in ProcedureRecord.model_fields}
    horizon = settings.label.horizon_bars(settings.market.interval)
    return ProcedureRecord(**groups | {"label": settings.label.model_copy(update={"horizon": horizon})})


@pytest.mark.parametrize(
    ("command", "name", "usual"),
    [
        ("walkforward", "data_days", "LORENTZIAN_DATA_DAYS"),
        ("walkforward", "test_size", "LORENTZIAN_WALKFORWARD_TEST_SIZE"),
        ("train", "test_size", "LORENTZIAN_TRAIN_TEST_SIZE"),
        ("window", "index", "JOB_COMPLETION_INDEX"),
    ],
)
def test_usual_environment_name_is_the_shortest_that_is_not_refused(command: str, name: str, usual: str) -> None:
    """The general name, unless it means two things or others have fixed another."""
    assert usual_environment_name(setting_of(command, name), command) == usual
