"""A trained procedure as bytes that load with ``weights_only=True``: tensors, numbers and text, never code.

The file holds all that a forecast needs: learned numbers, scaler, bank, shrinkage, thresholds, costs, feature names.
"""

import io
from typing import Any

import torch

from job.model.fit import LorentzianClassifier
from job.model.logistic import LogisticClassifier
from job.procedure import TrainedProcedure
from job.records import PlanRecord

FORMAT = 1


def checkpoint_bytes(trained: TrainedProcedure, plan: PlanRecord) -> bytes:
    """Serialize; equal content gives equal bytes (a file name would be stored, so there is none)."""
    classifier = trained.classifier
    content: dict[str, Any] = {
        "format": FORMAT,
        "procedure": plan.procedure.model_dump(mode="json"),
        "feature_set": plan.feature_set,
        "feature_names": list(plan.feature_names),
        "prior": trained.prior,
        "slope": trained.slope,
        "thresholds": {"buy": trained.choice.thresholds.buy, "sell": trained.choice.thresholds.sell},
    }
    if isinstance(classifier, LorentzianClassifier):
        content |= {
            "kind": "lorentzian",
            "state_dict": {name: value.cpu() for name, value in classifier.network.state_dict().items()},
            "scaler": _scaler(classifier.scaler.center, classifier.scaler.range),
            "bank": {"features": classifier.bank.cpu(), "up": classifier.bank_up.cpu()},
        }
    else:
        assert isinstance(classifier, LogisticClassifier)
        content |= {
            "kind": "logistic",
            "state_dict": {
                "coefficients": torch.from_numpy(classifier.regression.coef_[0].copy()),
                "intercept": torch.tensor(float(classifier.regression.intercept_[0]), dtype=torch.float64),
            },
            "scaler": _scaler(classifier.scaler.center, classifier.scaler.range),
        }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def _scaler(center: Any, spread: Any) -> dict[str, torch.Tensor]:
    return {"center": torch.from_numpy(center), "range": torch.from_numpy(spread)}
