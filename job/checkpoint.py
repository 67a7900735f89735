"""A trained procedure as bytes that load with ``weights_only=True``: tensors, numbers and text, never code.

The file holds all that a forecast needs: learned numbers, scaler, bank, shrinkage, thresholds, costs, feature names.
"""

import io
import math
import zipfile
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from job.errors import DataError
from job.model.blend import BLEND, BlendClassifier
from job.model.classifier import Classifier
from job.model.fit import LorentzianClassifier
from job.model.knn import KnnClassifier
from job.model.lightgbm import LightgbmClassifier
from job.model.logistic import LogisticClassifier
from job.model.mlp import MlpClassifier
from job.model.novelty import NoveltyLimit
from job.model.scaling import RobustScaler
from job.model.search import SearchChoice
from job.procedure import TrainedProcedure
from job.records import PlanRecord

FORMAT = 3
READABLE_FORMATS = (2, FORMAT)
MAX_CHECKPOINT_BYTES = 1 << 29  # a bank of 100,000 rows of 60 features has a twentieth of it
MAX_VALUES = 10_000
# What every file says, whatever its kind.
_FIELDS: dict[str, type] = {
    "kind": str,
    "procedure": dict,
    "feature_set": str,
    "feature_names": list,
    "prior": float,
    "slope": float,
    "thresholds": dict,
}


def checkpoint_bytes(trained: TrainedProcedure, plan: PlanRecord) -> bytes:
    """Serialize; equal content gives equal bytes (a file name would be stored, so there is none)."""
    content: dict[str, Any] = {
        "format": FORMAT,
        "procedure": plan.procedure.model_dump(mode="json"),
        "feature_set": plan.feature_set,
        "feature_names": list(plan.feature_names),
        "prior": trained.prior,
        "slope": trained.slope,
        "row_open_ms": torch.from_numpy(trained.row_open_ms),
        "thresholds": {"buy": trained.choice.thresholds.buy, "sell": trained.choice.thresholds.sell},
        "search": None if trained.search is None else _search(trained.search),
        **_live(trained.live_from_ms),
        **_learned(trained.classifier),
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def read_checkpoint(data: bytes, *, where: str) -> dict[str, Any]:
    """What `checkpoint_bytes` has stored, of a file that anybody may have written; no code of it is run.

    Parameters
    ----------
    where : the key or path, for the message.

    Returns
    -------
    dict
        Its fields of every kind have their types, tensors are on the CPU and hold no more than the file has bytes. What
        the kind of the classifier asks for is for its reader to check.

    Raises
    ------
    DataError
        Damaged, too large, of another format, or anything but tensors, numbers and text.
    """
    if len(data) > MAX_CHECKPOINT_BYTES:
        raise _no_checkpoint(where, f"it has {len(data):,} bytes and {MAX_CHECKPOINT_BYTES:,} is the limit")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            is_packed = any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist())
        content = None if is_packed else torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
    except Exception as error:  # torch's readers of zip and pickle raise what they like
        raise _no_checkpoint(where, "it is damaged, or holds more than numbers and text") from error
    fault = _fault(content) or _unfolding(content, len(data))
    if fault is not None:
        raise _no_checkpoint(where, fault)
    assert isinstance(content, dict)
    return content


def _fault(content: object) -> str | None:
    """What is wrong with the fields that every kind has."""
    stated = content.get("format") if isinstance(content, dict) else None
    if not isinstance(content, dict) or type(stated) is not int or stated not in READABLE_FORMATS:
        return f"it is none of the formats {', '.join(map(str, READABLE_FORMATS))}"
    for name, kind in _FIELDS.items():
        value = content.get(name)
        is_finite = not isinstance(value, float) or math.isfinite(value)
        if not isinstance(value, kind) or not is_finite:
            return f"its {name} is missing, or of another type"
    if not all(isinstance(name, str) for name in content["feature_names"]):
        return "its feature_names are no names"
    return None


def _unfolding(content: object, num_stored_bytes: int) -> str | None:
    """What it holds that it may not; a tensor may repeat one number without end, and a list hold itself."""
    num_bytes = 0
    for count, value in enumerate(_values(content)):
        if isinstance(value, Tensor) and value.layout is torch.strided and value.device.type == "cpu":
            num_bytes += value.numel() * value.element_size()
        elif not isinstance(value, str | int | float | None):
            return f"it holds a {type(value).__name__}"
        if num_bytes > num_stored_bytes or count > MAX_VALUES:
            return "it unfolds to more than it has bytes"
    return None


def _values(content: object) -> Iterator[object]:
    """Whatever nested dicts with text for keys and lists hold; the containers count too, so that a loop has no end."""
    waiting = [content]
    while waiting:
        value = waiting.pop()
        yield None
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        else:
            yield value


def _no_checkpoint(where: str, reason: str) -> DataError:
    return DataError(
        f"{where} is no model that this version knows: {reason}.",
        remedy="Read it with the version that wrote it, or train it again.",
    )


def _learned(classifier: Classifier) -> dict[str, Any]:
    """The kind of a classifier that can trade, and its numbers."""
    match classifier:
        case BlendClassifier():
            return {
                "kind": BLEND,
                "members": {
                    member.name: {
                        "weight": member.weight,
                        "prior": member.prior,
                        "slope": member.slope,
                        **_learned(member.classifier),
                    }
                    for member in classifier.members
                },
            }
        case LorentzianClassifier():
            return {
                "kind": "lorentzian",
                "state_dict": _state(classifier.network),
                "scaler": _scaler(classifier.scaler),
                "bank": {
                    "features": classifier.bank.cpu(),
                    "up": classifier.bank_up.cpu(),
                    "log_weights": classifier.log_weights.cpu(),
                },
                "novelty": _novelty(classifier.novelty),
            }
        case LogisticClassifier():
            return {
                "kind": "logistic",
                "state_dict": {
                    "coefficients": torch.from_numpy(classifier.coefficients),
                    "intercept": torch.tensor(classifier.intercept, dtype=torch.float64),
                },
                "scaler": _scaler(classifier.scaler),
            }
        case LightgbmClassifier():
            return {"kind": "lightgbm", "model": classifier.booster.model_to_string()}
        case MlpClassifier():
            return {"kind": "mlp", "state_dict": _state(classifier.network), "scaler": _scaler(classifier.scaler)}
        case KnnClassifier():
            return {
                "kind": "lorentzian-knn",
                "num_neighbours": classifier.num_neighbours,
                "scaler": _scaler(classifier.scaler),
                "bank": {
                    "features": torch.from_numpy(classifier.bank.features),
                    "up": torch.from_numpy(classifier.bank.up),
                },
            }
    raise AssertionError(f"a {type(classifier).__name__} cannot be the traded model")


def _state(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.cpu() for name, value in network.state_dict().items()}


def _live(from_ms: int | None) -> dict[str, int]:
    """From when on the bank grows; files of models whose bank does not, say nothing of it."""
    return {} if from_ms is None else {"live_from_ms": from_ms}


def _search(choice: SearchChoice) -> dict[str, Any]:
    """What the chosen candidate changes of the procedure's settings, and every candidate's losses by rung."""
    return {"changes": choice.changes, "losses": [list(losses) for losses in choice.losses]}


def _novelty(limit: NoveltyLimit | None) -> dict[str, float] | None:
    return None if limit is None else {"quantile": limit.quantile, "distance": limit.distance}


def _scaler(scaler: RobustScaler) -> dict[str, Tensor]:
    return {"center": torch.from_numpy(scaler.center), "range": torch.from_numpy(scaler.range)}
