"""From nothing to a report on a bare laptop: the commands in the order in which the README tells them."""

import json
import struct
from io import BytesIO
from pathlib import Path

import torch

from job.artifacts.folder import LocalStore
from tests.end_to_end.conftest import Laptop
from tests.support.commands import CANARY, Result, run_lorentzian
from tests.support.small_market import MARKET, NUM_WINDOWS, PLAN, SYMBOLS, WALK, write_small_files
from tests.support.stored_objects import stored_objects
from tests.support.warm_commands import WarmLorentzian

PNG = b"\x89PNG\r\n\x1a\n"


def png_size(data: bytes) -> tuple[int, int]:
    """Width and height that a picture states."""
    assert data.startswith(PNG)
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def load_model(data: bytes) -> dict[str, object]:
    """A stored model, loaded without running anything that a file could hold."""
    model = torch.load(BytesIO(data), weights_only=True)
    assert isinstance(model, dict)
    return model


def run_folder(root: Path) -> Path:
    """The folder of the only run under a save path that has this kind of file."""
    found = sorted(path.parent for path in root.glob("runs/*/report.html"))
    assert len(found) == 1
    return found[0]


def test_first_commands_say_what_they_did(laptop: Laptop) -> None:
    """Tables, klines of three markets from archive and API, and features, each with one line for the user."""
    assert [each.code for each in (laptop.migrated, laptop.archived, laptop.collected, laptop.built)] == [0] * 4
    assert laptop.migrated.out.startswith("Applied migrations 1, 2")
    for collected, source in (
        (laptop.archived, "1,056 from the archive, 0 from"),
        (laptop.collected, "0 from the archive, "),
    ):
        lines = collected.out.splitlines()
        assert [line.split()[0] for line in lines] == [*SYMBOLS, f"funding:{SYMBOLS[0]}"]
        assert all(source in line for line in lines[: len(SYMBOLS)])
        assert not any("no bars" in line for line in lines)
    assert "features" in laptop.built.out
    assert laptop.migrated.event("embedded_database_used")["database"] == "binance"
    assert laptop.binance.asked(".zip")
    assert laptop.binance.asked("/fapi/v1/klines")


def test_walkforward_writes_every_artifact(laptop: Laptop, walked: Result) -> None:
    """The names of the contract, pictures that are pictures, JSON that parses, and models that load safely."""
    assert walked.code == 0, walked.err
    root = run_folder(laptop.folder)
    stamp = json.loads((root / "plan.json").read_text())["stamp"]
    windows = [f"windows/{index}/{name}" for index in range(NUM_WINDOWS) for name in ("manifest.json", "metrics.json")]
    models = [f"best_model_window_{index}.pt" for index in range(NUM_WINDOWS)] + [f"best_model_final_{stamp}.pt"]
    for name in (*windows, *models, f"window_metrics_{stamp}.csv", "summary.json", "report.html", "manifest.json"):
        assert (root / name).is_file(), name
    for path in root.rglob("*.json"):
        json.loads(path.read_text())
    for name in models:
        assert load_model((root / name).read_bytes())
    pictures = list((root / "visualizations").glob("*.png"))
    assert len(pictures) >= 4
    assert all(min(png_size(path.read_bytes())) > 200 for path in pictures)
    assert f"{NUM_WINDOWS} of {NUM_WINDOWS} windows" in walked.out
    assert "Verdict: " in walked.out
    assert str(root / "report.html") in walked.out
    assert f"Model: {root / f'best_model_final_{stamp}.pt'} (" in walked.out
    assert f"counted among its trials with `--save-path {laptop.folder}`" in walked.out


def test_walkforward_keeps_the_database_out_of_the_artifacts(laptop: Laptop, walked: Result) -> None:
    """Results go to the save path and the database to the user's data folder."""
    top = {path.name for path in laptop.folder.iterdir() if not path.name.startswith(".")}
    assert top == {"runs", "ledger", "runs-index.json"}
    assert (Path(laptop.env["XDG_DATA_HOME"]) / "lorentzian-trainer" / "postgres").is_dir()


def test_walkforward_is_already_done(laptop: Laptop, walked: Result, warm: WarmLorentzian) -> None:
    """The same command on the same data says so, shows the same result and changes no byte."""
    before = stored_objects(LocalStore(laptop.folder))
    again = run_lorentzian(["walkforward", *WALK, "--save-path", str(laptop.folder)], laptop.env, warm=warm)
    assert again.code == 0
    first, _, rest = again.out.partition("\n")
    assert "already done" in first
    assert rest == walked.out
    assert stored_objects(LocalStore(laptop.folder)) == before


def test_train_writes_the_guides_three_files(laptop: Laptop, warm: WarmLorentzian, tmp_path: Path) -> None:
    """The guide's flags with fewer days give its three files by name: model, metrics and loss curve."""
    flags = "train --data-days 8 --test-size 0.2 --epochs 2 --lr 0.001 --batch-size 64 --save-path trained"
    command = [*flags.split(), *MARKET]
    done = run_lorentzian(command, laptop.env, warm=warm, cwd=tmp_path)
    assert done.code == 0, done.err
    root = next((tmp_path / "trained" / "runs").iterdir())
    stamp = json.loads((root / "plan.json").read_text())["stamp"]
    model, metrics, picture = (
        root / f"lorentzian_classifier_{stamp}.pt",
        root / f"metrics_{stamp}.json",
        root / f"loss_curve_{stamp}.png",
    )
    assert done.out.splitlines()[-3:] == [str(model), str(metrics), str(picture)]
    assert load_model(model.read_bytes())
    assert json.loads(metrics.read_text())["models"].keys() >= {"lorentzian", "logistic", "prior"}
    assert min(png_size(picture.read_bytes())) > 300
    again = run_lorentzian(command, laptop.env, warm=warm, cwd=tmp_path)
    assert "already done" in again.out.splitlines()[0]


def test_plan_shows_windows_and_stores_nothing(laptop: Laptop, warm: WarmLorentzian, tmp_path: Path) -> None:
    """The run that `walkforward` would make, with a row a window."""
    done = run_lorentzian(["plan", *PLAN, "--save-path", "nothing"], laptop.env, warm=warm, cwd=tmp_path)
    assert done.code == 0
    assert run_id_of(done) in done.out.splitlines()[0]
    assert f"{NUM_WINDOWS} windows of SOLUSDT 15m" in done.out
    assert not list(tmp_path.iterdir())


def test_import_gives_the_plan_that_collect_gave(
    laptop: Laptop, warm: WarmLorentzian, database: str, tmp_path: Path
) -> None:
    """Files with the same bars make the same data, so the same run: its id holds a digest of them."""
    collected = run_lorentzian(["plan", *PLAN], laptop.env, warm=warm)
    days = {symbol: laptop.binance.markets["perp", symbol, "15m"] for symbol in SYMBOLS}
    env = {"DATABASE_URL": database}
    done = run_lorentzian(["import", *write_small_files(tmp_path, days)], env, warm=warm)
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == list(SYMBOLS)
    assert run_lorentzian(["features", *MARKET], env, warm=warm).code == 0
    imported = run_lorentzian(["plan", *PLAN], env, warm=warm)
    assert imported.out == collected.out


def test_status_and_finalize_know_the_run(laptop: Laptop, walked: Result, warm: WarmLorentzian) -> None:
    """The list of runs, the windows of one, and a finalizer that finds nothing left to do."""
    where = ["--save-path", str(laptop.folder)]
    run_id = run_folder(laptop.folder).name
    listed = run_lorentzian(["status", *where], laptop.env, warm=warm)
    assert run_id in listed.out
    assert "finished" in listed.out
    shown = run_lorentzian(["status", *where, "--run-id", run_id], laptop.env, warm=warm)
    assert f"D done ({NUM_WINDOWS})" in shown.out
    assert f"{NUM_WINDOWS} of {NUM_WINDOWS} windows" in shown.out
    before = stored_objects(LocalStore(laptop.folder))
    swept = run_lorentzian(["finalize", "--all", *where], laptop.env, warm=warm)
    assert swept.code == 0
    assert f"{run_id}: " in swept.out
    assert stored_objects(LocalStore(laptop.folder)) == before


def test_doctor_finds_nothing_wrong(laptop: Laptop, warm: WarmLorentzian) -> None:
    """Database, store and device, each with what was found."""
    done = run_lorentzian(["doctor", "--save-path", str(laptop.folder)], laptop.env, warm=warm)
    assert done.code == 0
    assert [line.split()[:2] for line in done.out.splitlines()] == [
        ["ok", "database:"],
        ["ok", "store:"],
        ["ok", "device:"],
    ]


def test_config_says_where_each_value_comes_from(tmp_path: Path) -> None:
    """Flag, environment, file and default, and never a secret's value."""
    (tmp_path / "settings.toml").write_text("lr = 0.5\n")
    env = {"LORENTZIAN_WALKFORWARD_EPOCHS": "7", "DATABASE_URL": f"postgresql://user:{CANARY}@host/database"}
    done = run_lorentzian(["config", "walkforward", "--config", "settings.toml"], env, cwd=tmp_path)
    rows = {line.split()[0]: line.split()[1:] for line in done.out.splitlines() if len(line.split()) > 2}
    assert rows["lr"][:4] == ["0.5", "lr", "in", "settings.toml"]
    assert rows["epochs"][:2] == ["7", "LORENTZIAN_WALKFORWARD_EPOCHS"]
    assert rows["data-days"] == ["180", "default", "LORENTZIAN_DATA_DAYS"]
    assert rows["test-size"] == ["7", "default", "LORENTZIAN_WALKFORWARD_TEST_SIZE"]
    assert rows["database-url"][:2] == ["********", "DATABASE_URL"]


def run_id_of(planned: Result) -> str:
    """The run's name in the title of `plan`."""
    return planned.out.split()[1]
