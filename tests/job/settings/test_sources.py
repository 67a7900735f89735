from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from job.cli import COMMANDS, settings_class
from job.errors import ConfigError, ExitCode
from job.settings.sources import LoadedSettings, load_settings

ALL_COMMANDS = {name: settings_class(name) for name in COMMANDS}
PASSWORD = "correct-horse"
DATABASE_URL = f"postgresql://user:{PASSWORD}@host/database"


def load(
    command: str = "walkforward",
    *,
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    config_file: Path | None = None,
) -> LoadedSettings[Any]:
    """The settings of one command from the given places, and from nowhere else."""
    return load_settings(
        settings_class(command),
        command_name=command,
        commands=ALL_COMMANDS,
        flags=flags or {},
        environment=environment or {},
        config_file=str(config_file) if config_file else None,
    )


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """A place for a settings file."""
    return tmp_path / "settings.toml"


def refusal(**places: Any) -> ConfigError:
    """The error that loading ends with."""
    with pytest.raises(ConfigError) as caught:
        load(**places)
    assert caught.value.exit_code is ExitCode.CONFIG
    return caught.value


FLAG = {"window_size": "5"}
COMMAND_NAME = {"LORENTZIAN_WALKFORWARD_WINDOW_SIZE": "10"}
GENERAL_NAME = {"LORENTZIAN_WINDOW_SIZE": "20"}
SECTION, GENERAL_KEY = "[walkforward]\nwindow-size = 40\n", "window-size = 50\n"


@pytest.mark.parametrize(
    ("flags", "environment", "content", "expected"),
    [
        (FLAG, COMMAND_NAME | GENERAL_NAME, GENERAL_KEY + SECTION, (5, "--window-size")),
        ({}, GENERAL_NAME | COMMAND_NAME, GENERAL_KEY + SECTION, (10, "LORENTZIAN_WALKFORWARD_WINDOW_SIZE")),
        ({}, GENERAL_NAME, GENERAL_KEY + SECTION, (20, "LORENTZIAN_WINDOW_SIZE")),
        ({}, {}, GENERAL_KEY + SECTION, (40, "window-size in {file}")),
        ({}, {}, GENERAL_KEY, (50, "window-size in {file}")),
        ({}, {}, "", (30, "default")),
    ],
)
def test_load_settings_takes_the_strongest_place(
    config_file: Path, flags: dict[str, str], environment: dict[str, str], content: str, expected: tuple[int, str]
) -> None:
    """Flag, the command's name, the general name, the file's section, the file, the default: and it says which."""
    config_file.write_text(content)
    loaded = load(flags=flags, environment=environment, config_file=config_file)
    assert loaded.settings.windows.window_size == expected[0]
    assert loaded.sources["window_size"] == expected[1].format(file=config_file)
    assert loaded.sources["seed"] == "default"


def test_which_model_is_asked_is_not_which_classifier_is_trained(config_file: Path) -> None:
    """One word, two meanings: the general name and key are training's, and asking has its own alone."""
    general, own = {"LORENTZIAN_MODEL": "logistic"}, {"LORENTZIAN_PREDICT_MODEL": "run-1"}
    config_file.write_text('model = "mlp"\n[export]\nmodel = "run-2"\n')
    assert load(environment=general).settings.model.model == "logistic"
    assert load("predict", environment=general).settings.model.model == "current"
    assert load("predict", environment=general | own).settings.model.model == "run-1"
    assert load(config_file=config_file).settings.model.model == "mlp"
    assert load("predict", config_file=config_file).settings.model.model == "current"
    exported = load("export", config_file=config_file)
    assert (exported.settings.model.model, exported.sources["model"]) == ("run-2", f"model in {config_file}")


def test_load_settings_merges_places_within_a_group() -> None:
    """One group's values may come from different places."""
    loaded = load(flags={"lr": "0.01"}, environment={"LORENTZIAN_EPOCHS": "7"})
    assert (loaded.settings.model.lr, loaded.settings.model.epochs, loaded.settings.model.batch_size) == (0.01, 7, 64)


def test_settings_are_frozen() -> None:
    """Nobody changes a setting after it was read."""
    settings = load().settings
    for change in (lambda: setattr(settings, "market", None), lambda: setattr(settings.market, "symbol", "X")):
        with pytest.raises(ValueError, match="frozen"):
            change()


@pytest.mark.parametrize("command", COMMANDS)
def test_load_settings_needs_nothing(command: str) -> None:
    """Every command has a default for every setting."""
    assert set(load(command).sources.values()) <= {"default"}


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("LORENTZIAN_WINDOW_SIZ", "LORENTZIAN_WINDOW_SIZE"),
        ("LORENTZIAN_WALKFORWARD_SYMBL", "LORENTZIAN_WALKFORWARD_SYMBOL"),
        ("LORENTZIAN_DATADAYS", "LORENTZIAN_DATA_DAYS"),
    ],
)
def test_load_settings_refuses_unknown_names(name: str, nearest: str) -> None:
    """A misspelled name would silently train something else: it ends with 78 and the nearest right one."""
    error = refusal(environment={name: "1"})
    assert name in error.message
    assert f"Did you mean {nearest}?" in error.remedy


def test_load_settings_knows_the_names_of_all_commands() -> None:
    """One environment serves all commands: a name of another command is no mistake, and changes nothing here."""
    loaded = load("migrate", environment={"LORENTZIAN_WALKFORWARD_WORKERS": "3", "LORENTZIAN_EPOCHS": "5"})
    assert loaded == load("migrate")


def test_load_settings_ignores_what_kubernetes_injects() -> None:
    """A Service named like the program puts its own variables into every pod."""
    injected = {
        "LORENTZIAN_SERVICE_HOST": "10.0.0.1",
        "LORENTZIAN_DASHBOARD_SERVICE_HOST": "10.0.0.1",
        "LORENTZIAN_SERVICE_PORT": "8050",
        "LORENTZIAN_SERVICE_PORT_HTTP": "8050",
        "LORENTZIAN_PORT": "tcp://10.0.0.1:8050",
        "LORENTZIAN_DASHBOARD_PORT": "tcp://10.0.0.1:8050",
        "LORENTZIAN_PORT_8050_TCP": "tcp://10.0.0.1:8050",
        "LORENTZIAN_PORT_8050_TCP_PROTO": "tcp",
        "LORENTZIAN_PORT_8050_TCP_ADDR": "10.0.0.1",
    }
    assert load(environment=injected) == load()
    assert "LORENTZIAN_HTTP_PORT" in refusal(environment={"LORENTZIAN_HTTP_PORT": "8050"}).message


@pytest.mark.parametrize("command", ["train", "walkforward", "window", "plan"])
def test_load_settings_refuses_a_name_with_two_meanings(command: str) -> None:
    """The general test size is a fraction to one command and days to another: both specific names are given."""
    error = refusal(command=command, environment={"LORENTZIAN_TEST_SIZE": "7"})
    assert "LORENTZIAN_TEST_SIZE means" in error.message
    assert "LORENTZIAN_TRAIN_TEST_SIZE" in error.remedy
    assert "LORENTZIAN_WALKFORWARD_TEST_SIZE" in error.remedy


def test_load_settings_takes_the_specific_test_sizes() -> None:
    """Each command reads its own, in one environment."""
    environment = {"LORENTZIAN_TRAIN_TEST_SIZE": "0.3", "LORENTZIAN_WALKFORWARD_TEST_SIZE": "5"}
    assert load("train", environment=environment).settings.split.test_size == 0.3
    assert load("walkforward", environment=environment).settings.windows.test_size == 5


@pytest.mark.parametrize("command", ["window", "plan"])
def test_parts_of_a_walkforward_inherit_its_settings(command: str, config_file: Path) -> None:
    """What the environment or the file says for the whole holds for each part, unless the part has its own."""
    config_file.write_text("[walkforward]\nwindow-size = 20\nworkers = 2\n")
    name = f"LORENTZIAN_{command.upper()}_DATA_DAYS"
    environment = {"LORENTZIAN_WALKFORWARD_TEST_SIZE": "5", "LORENTZIAN_WALKFORWARD_DATA_DAYS": "99", name: "90"}
    loaded = load(command, environment=environment, config_file=config_file)
    windows = loaded.settings.windows
    assert (windows.test_size, windows.data_days, windows.window_size) == (5, 90, 20)
    assert loaded.sources["test_size"] == "LORENTZIAN_WALKFORWARD_TEST_SIZE"
    assert loaded.sources["data_days"] == name
    assert load("train", environment=environment, config_file=config_file).settings.split.data_days == 90


def test_load_settings_reads_names_that_others_have_fixed() -> None:
    """Kubernetes' index and the usual database address, each under its own name."""
    loaded = load("window", environment={"JOB_COMPLETION_INDEX": "3", "DATABASE_URL": DATABASE_URL})
    assert loaded.settings.index.index == 3
    assert loaded.sources["index"] == "JOB_COMPLETION_INDEX"
    assert loaded.settings.database.database_url.get_secret_value() == DATABASE_URL


def test_secrets_never_show() -> None:
    """No text made of the settings, and no error, holds the password."""
    loaded = load(environment={"DATABASE_URL": DATABASE_URL})
    for text in (repr(loaded), str(loaded), str(loaded.settings), loaded.settings.model_dump_json()):
        assert PASSWORD not in text
    assert PASSWORD not in str(refusal(environment={"LORENTZIAN_DATABASE_ULR": DATABASE_URL}))
    assert PASSWORD not in str(refusal(environment={"DATABASE_URL": DATABASE_URL, "LORENTZIAN_LR": "much"}))


def test_secret_of_a_wrong_kind_never_shows(config_file: Path) -> None:
    """Not even where the secret itself is what does not fit, nor in the error's cause."""
    config_file.write_text(f'database-url = ["{PASSWORD}"]\n')
    error = refusal(config_file=config_file)
    assert "database-url" in error.message
    assert PASSWORD not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"LORENTZIAN_LR": "fast"}, "LORENTZIAN_LR: 'fast' is not a number."),
        ({"LORENTZIAN_WINDOW_SIZE": "4"}, "LORENTZIAN_WINDOW_SIZE: '4' is not at least 5."),
        ({"LORENTZIAN_INTERVAL": "7m"}, "LORENTZIAN_INTERVAL: '7m' is not one of 1m 3m 5m"),
        ({"LORENTZIAN_MARKET": "moon"}, "LORENTZIAN_MARKET: 'moon' is not one of 'perp' or 'spot'."),
        (
            {"LORENTZIAN_CONTEXT": "BTCUSDT,btc"},
            "LORENTZIAN_CONTEXT: 'btc' is not written like SOLUSDT: 2 to 30",
        ),
        (
            {"LORENTZIAN_SYMBOL": "SOL/USDT"},
            "'SOL/USDT' is not written like SOLUSDT or SOLUSDT,ETHUSDT",
        ),
        ({"LORENTZIAN_VENUE": "Binance"}, "LORENTZIAN_VENUE: 'Binance' is not written like binance-perp"),
        ({"LORENTZIAN_FEE_BPS": "nan"}, "LORENTZIAN_FEE_BPS: 'nan' is not"),
        ({"LORENTZIAN_LR": "nan"}, "LORENTZIAN_LR: 'nan' is not"),
        ({"LORENTZIAN_RUN_ID": "../up"}, "LORENTZIAN_RUN_ID: '../up' is not written like my-run-1:"),
        ({"LORENTZIAN_SEED": "1.5"}, "LORENTZIAN_SEED: '1.5' is not a whole number."),
        ({"LORENTZIAN_TRAIN_TEST_SIZE": "7", "LORENTZIAN_EPOCHS": "0"}, "LORENTZIAN_EPOCHS: '0' is not at least 1."),
        ({"LORENTZIAN_DEBUG": "maybe"}, "LORENTZIAN_DEBUG: 'maybe' is not true or false."),
        ({"LORENTZIAN_SAVE_PATH": ""}, "LORENTZIAN_SAVE_PATH: '' is too short."),
        ({"LORENTZIAN_OPTIMIZE_METRIC": "profit"}, "'total_return', 'win_rate', 'sharpe_ratio'"),
        ({"LORENTZIAN_SEARCH": "wide", "LORENTZIAN_MODEL": "mlp"}, "'wide' needs --model lorentzian or blend."),
        ({"LORENTZIAN_NOVELTY": "0.99", "LORENTZIAN_MODEL": "blend"}, "'0.99' needs --model lorentzian."),
        ({"LORENTZIAN_LIVE_BANK": "true", "LORENTZIAN_MODEL": "blend"}, "'true' needs --model lorentzian."),
        ({"LORENTZIAN_TRANSFER": "pretrain", "LORENTZIAN_MODEL": "blend"}, "'pretrain' needs --model lorentzian."),
        ({"LORENTZIAN_TRANSFER": "pretrain", "LORENTZIAN_SEARCH": "guide"}, "'pretrain' needs --search none"),
    ],
)
def test_load_settings_refuses_values_that_do_not_fit(environment: dict[str, str], words: str) -> None:
    """The error names the place of the value, the value and what would fit, and where to read more."""
    error = refusal(environment=environment)
    assert words in error.message
    assert error.remedy == "`lorentzian walkforward --help` says what it takes."


def test_load_settings_names_the_flag_of_a_bad_value() -> None:
    """What came from a flag is called by the flag."""
    assert refusal(flags={"lr": "fast"}).message.startswith("--lr: ")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("lr = ", "is not TOML", id="not TOML"),
        pytest.param("windowsize = 3", "unknown setting 'windowsize'", id="unknown"),
        pytest.param("[walkforward]\nindex = 3", "[walkforward]: unknown setting 'index'", id="unknown in the section"),
        pytest.param("[train]\nwindow-size = 3", "[train]: unknown setting 'window-size'", id="unknown elsewhere"),
        pytest.param("[walkfoward]\nlr = 0.1", "unknown setting 'walkfoward'", id="unknown section"),
        pytest.param("walkforward = 3", "unknown setting 'walkforward'", id="section that is a value"),
        pytest.param("lr = 'fast'", "lr in ", id="bad value"),
        pytest.param("[lr]\nvalue = 1", "lr in ", id="value that is a section"),
    ],
)
def test_load_settings_refuses_a_bad_file(config_file: Path, content: str, words: str) -> None:
    """Each fault of a file ends with 78, names the file, and what is wrong in it."""
    config_file.write_text(content)
    error = refusal(config_file=config_file)
    assert words in error.message
    assert str(config_file) in error.message


def test_load_settings_refuses_a_file_that_is_not_there(config_file: Path) -> None:
    """A file that was asked for and is missing is no empty file."""
    assert "cannot be read: No such file" in refusal(config_file=config_file).message


def test_load_settings_tells_the_features_command_from_the_features_setting(config_file: Path) -> None:
    """One word names a command and a setting: as text it is the setting, also for that very command."""
    config_file.write_text('features = "core"\nsymbol = "BTCUSDT"\n')
    for command in ("features", "walkforward"):
        settings = load(command, config_file=config_file).settings
        assert (settings.features.features, settings.market.symbol) == ("core", "BTCUSDT")
    config_file.write_text('[features]\nsymbol = "ETHUSDT"\n')
    assert load("features", config_file=config_file).settings.market.symbol == "ETHUSDT"
    assert load("walkforward", config_file=config_file).settings.market.symbol == "SOLUSDT"


@pytest.mark.parametrize(
    ("text", "symbols"), [("BTCUSDT, ETHUSDT", ("BTCUSDT", "ETHUSDT")), ("", ()), ("BTCUSDT,", ("BTCUSDT",))]
)
def test_load_settings_splits_lists_at_commas(text: str, symbols: tuple[str, ...]) -> None:
    """A list in one word is separated by commas; nothing is an empty list."""
    assert load(environment={"LORENTZIAN_CONTEXT": text}).settings.market.context == symbols
    assert load(flags={"context": text}).settings.market.context == symbols


def test_load_settings_takes_files_from_every_place(config_file: Path) -> None:
    """Files are several words on the command line, a list in a file, and commas in the environment."""
    files = ("a.csv", "b.csv")
    config_file.write_text('klines = ["a.csv", "b.csv"]')
    assert load("demo", flags={"klines": list(files)}).settings.demo.klines == files
    assert load("demo", config_file=config_file).settings.demo.klines == files
    assert load("demo", environment={"LORENTZIAN_DEMO_KLINES": "a.csv,b.csv"}).settings.demo.klines == files
    assert load("import", environment={"LORENTZIAN_FILES": "a.csv"}).settings.files.files == ("a.csv",)
