import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from job.checkpoint import checkpoint_bytes
from job.errors import UsageError
from job.model.blend import BLEND
from job.model.classifier import Classifier
from job.model.fit import LorentzianLearner
from job.prediction.export import exported_bytes
from job.prediction.scoring_module import scoring_module
from job.prediction.stored_model import StoredModel, read_model
from job.settings.prediction import ExportFormat
from job.settings.procedure import ModelSettings
from tests.support.fitted import MODELS, RUN, blend_of, fit_classifier, trained_with
from tests.support.labelled import random_rows

ROWS = random_rows(40, num_features=6, seed=3)
# What a stranger without this package does: any import of it ends the program.
STRANGER = """
import json, sys
class Block:
    def find_spec(self, name, path=None, target=None):
        assert name.split(".")[0] not in ("job", "dashboard"), name
sys.meta_path.insert(0, Block())
import numpy, torch
about = {"model.json": ""}
if sys.argv[1] == "torchscript":
    module = torch.jit.load(sys.argv[2], _extra_files=about)
else:
    module = torch.export.load(sys.argv[2], extra_files=about).module()
rows = torch.from_numpy(numpy.load(sys.argv[3]))
numpy.save(sys.argv[4], torch.cat([module(rows[:1]), module(rows[1:])]).numpy())
print(json.loads(about["model.json"])["kind"])
"""


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Small arrays are fastest on one thread, and a busy machine stays fair."""
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield


def as_stored(classifier: Classifier) -> StoredModel:
    """A model of six features, read from its file."""
    plan = RUN.plan.model_copy(update={"feature_names": tuple(f"feature_{number}" for number in range(6))})
    return read_model(checkpoint_bytes(trained_with(classifier), plan), where="memory")


def stored(kind: str) -> StoredModel:
    """The same of a kind."""
    return as_stored(fit_classifier(kind))


def with_encoder() -> Classifier:
    """A vote whose distance is in part between learned embeddings, with three members."""
    settings = ModelSettings(encoder="residual", effort="full", epochs=1)
    learner = LorentzianLearner(settings, stream=0, device=torch.device("cpu"))
    rows, validation = random_rows(200, strength=1.0), random_rows(100, strength=1.0, seed=1, first_bar=300)
    validated = learner.validate(rows, validation, block=0)
    return learner.refit(rows, (replace(validated, losses={1.0: 0.0}),))[0]


def test_scoring_module_forecasts_what_the_model_forecasts() -> None:
    """To a millionth, in float64, whatever trades and is torch: also a blend without trees, and an encoder."""
    models = [stored(kind) for kind in sorted({*MODELS} - {"lightgbm", BLEND})]
    trees_apart = blend_of({name: fit_classifier(name) for name in ("lorentzian", "mlp", "logistic")})
    models += [as_stored(trees_apart), as_stored(with_encoder())]
    for model in models:
        found = scoring_module(model)(torch.from_numpy(ROWS.features)).numpy()
        np.testing.assert_allclose(found, model.forecast(ROWS.features), atol=1e-6, rtol=0)
        assert found.dtype == np.float64


@pytest.mark.slow
@pytest.mark.parametrize("file_format", ["torchscript", "pt2"])
def test_exported_file_needs_nothing_of_this_package(file_format: ExportFormat, tmp_path: Path) -> None:
    """A process in which it cannot be imported reads the file, forecasts the same, and learns what it has read."""
    model, path = stored("lorentzian"), tmp_path / "exported"
    path.write_bytes(exported_bytes(model, file_format))
    np.save(tmp_path / "rows.npy", ROWS.features)
    arguments = [file_format, str(path), str(tmp_path / "rows.npy"), str(tmp_path / "found.npy")]
    command = [sys.executable, "-W", "ignore", "-c", STRANGER, *arguments]
    done = subprocess.run(command, cwd="/", text=True, capture_output=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["lorentzian"]), done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), model.forecast(ROWS.features), atol=1e-6, rtol=0)


def test_bank_that_grows_is_refused() -> None:
    """A file would go on with the bank of its day, and forecast other than the model does."""
    with pytest.raises(UsageError, match="--live-bank cannot be exported"):
        exported_bytes(replace(stored("lorentzian"), live_from_ms=0), "torchscript")


@pytest.mark.parametrize("kind", ["lightgbm", "blend"])
def test_trees_are_refused_with_what_can_be_done_instead(kind: str) -> None:
    """They have a text of their own, which their library reads."""
    with pytest.raises(UsageError, match="cannot be exported") as caught:
        exported_bytes(stored(kind), "torchscript")
    assert "model_str" in caught.value.remedy
