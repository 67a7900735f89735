"""A trained procedure as bytes that load with ``weights_only=True``: tensors, numbers and text, never code.

The file holds all that a forecast needs: learned numbers, scaler, bank, shrinkage, thresholds, costs, feature names.
"""

import io
from typing import Any

import torch
from torch import Tensor, nn

from job.model.blend import BLEND, BlendClassifier
from job.model.classifier import Classifier
from job.model.fit import LorentzianClassifier
from job.model.knn import KnnClassifier
from job.model.lightgbm import LightgbmClassifier
from job.model.logistic import LogisticClassifier
from job.model.mlp import MlpClassifier
from job.model.scaling import RobustScaler
from job.procedure import TrainedProcedure
from job.records import PlanRecord

FORMAT = 2


def checkpoint_bytes(trained: TrainedProcedure, plan: PlanRecord) -> bytes:
    """Serialize; equal content gives equal bytes (a file name would be stored, so there is none)."""
    content: dict[str, Any] = {
        "format": FORMAT,
        "procedure": plan.procedure.model_dump(mode="json"),
        "feature_set": plan.feature_set,
        "feature_names": list(plan.feature_names),
        "prior": trained.prior,
        "slope": trained.slope,
        "thresholds": {"buy": trained.choice.thresholds.buy, "sell": trained.choice.thresholds.sell},
        **_learned(trained.classifier),
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


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
            }
        case LogisticClassifier():
            return {
                "kind": "logistic",
                "state_dict": {
                    "coefficients": torch.from_numpy(classifier.regression.coef_[0].copy()),
                    "intercept": torch.tensor(float(classifier.regression.intercept_[0]), dtype=torch.float64),
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


def _scaler(scaler: RobustScaler) -> dict[str, Tensor]:
    return {"center": torch.from_numpy(scaler.center), "range": torch.from_numpy(scaler.range)}
