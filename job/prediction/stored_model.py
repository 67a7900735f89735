"""A model file ready to forecast: the classifier made again from its numbers, and all that trading it takes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from job.arrays import BoolArray, Float32Array, FloatArray, IntArray
from job.checkpoint import read_checkpoint
from job.errors import DataError
from job.model.blend import BLEND, BlendMember, WeighedMembers
from job.model.calibration import shrink
from job.model.classifier import Classifier
from job.model.fit import LorentzianClassifier
from job.model.kernel import lay_out_once
from job.model.knn import KnnClassifier, NeighbourBank, NeighbourSearch
from job.model.lightgbm import LightgbmClassifier
from job.model.live import joined_by, predict_live
from job.model.logistic import LogisticClassifier
from job.model.lorentzian import LorentzianNCA
from job.model.mlp import MlpClassifier, PlainNetwork
from job.model.novelty import NoveltyLimit, is_novel
from job.model.scaling import RobustScaler
from job.records import ProcedureRecord
from job.rows import LabelledRows
from job.signals import Thresholds

IDENTITY_DIGITS = 16
CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class StoredModel:
    """What a model file holds.

    Parameters
    ----------
    identity : the first 16 hex digits of the SHA-256 of the file: equal files are one model, wherever they lie.
    kind : of the classifier.
    procedure : market, costs, strategy and labels that it was trained with.
    feature_set, feature_names : identity of the set, and its columns in order.
    classifier : on the CPU.
    prior, slope, thresholds : as of `job.procedure.TrainedProcedure`.
    row_open_ms : int64 (n,), open times of the rows that vote; None in files that do not say.
    live_from_ms : open time from which rows join the bank as their labels end; None for never.
    """

    identity: str
    kind: str
    procedure: ProcedureRecord
    feature_set: str
    feature_names: tuple[str, ...]
    classifier: Classifier
    prior: float
    slope: float
    thresholds: Thresholds
    row_open_ms: IntArray | None
    live_from_ms: int | None = None

    def forecast(self, features: Float32Array) -> FloatArray:
        """Calibrated probability of up, float64 (n,), for unscaled features, float32 (n, F)."""
        return shrink(self.classifier.predict(features), prior=self.prior, slope=self.slope)

    def forecast_among(self, asking: LabelledRows, among: LabelledRows) -> FloatArray:
        """The same of rows after the fit, with those among others in the bank whose labels each could know."""
        if self.live_from_ms is None:
            return self.forecast(asking.features)
        assert isinstance(self.classifier, LorentzianClassifier)
        said = predict_live(self.classifier, asking, among, from_ms=self.live_from_ms)
        return shrink(said, prior=self.prior, slope=self.slope)

    def joined_by(self, among: LabelledRows) -> "StoredModel":
        """The model as the last of these rows finds it, where its bank grows."""
        if self.live_from_ms is None or self.row_open_ms is None:
            return self
        assert isinstance(self.classifier, LorentzianClassifier)
        classifier, joined_ms = joined_by(self.classifier, among, from_ms=self.live_from_ms)
        return replace(self, classifier=classifier, row_open_ms=np.concatenate([self.row_open_ms, joined_ms]))

    def is_novel(self, features: Float32Array) -> BoolArray:
        """Whether to stay silent about each row, bool (n,)."""
        return is_novel(self.classifier, features)


def model_identity(data: bytes) -> str:
    """What a model file is called wherever its signals are kept."""
    return hashlib.sha256(data).hexdigest()[:IDENTITY_DIGITS]


def read_model(data: bytes, *, where: str) -> StoredModel:
    """A model from its file.

    Raises
    ------
    DataError
        Where the bytes are no model file that this version reads.
    """
    content = read_checkpoint(data, where=where)
    try:
        return _model(content, identity=model_identity(data))
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise DataError(
            f"{where} is a model file with parts that do not fit together.",
            remedy="Take the file of a finished run, as `lorentzian finalize` wrote it.",
        ) from error


def _model(content: Mapping[str, Any], *, identity: str) -> StoredModel:
    rows = content.get("row_open_ms")
    thresholds = content["thresholds"]
    return StoredModel(
        identity=identity,
        kind=content["kind"],
        procedure=ProcedureRecord.model_validate(content["procedure"]),
        feature_set=content["feature_set"],
        feature_names=tuple(content["feature_names"]),
        classifier=_classifier(content),
        prior=float(content["prior"]),
        slope=float(content["slope"]),
        thresholds=Thresholds(buy=thresholds["buy"], sell=thresholds["sell"]),
        row_open_ms=None if rows is None else rows.numpy(),
        live_from_ms=content.get("live_from_ms"),
    )


def _classifier(content: Mapping[str, Any]) -> Classifier:
    match content["kind"]:
        case "lorentzian":
            return _lorentzian(content)
        case "logistic":
            state = content["state_dict"]
            return LogisticClassifier(
                scaler=_scaler(content),
                coefficients=state["coefficients"].numpy(),
                intercept=float(state["intercept"]),
            )
        case "lightgbm":
            import lightgbm  # two seconds with what it imports: only for whom it forecasts

            return LightgbmClassifier(booster=lightgbm.Booster(model_str=content["model"]))
        case "mlp":
            return MlpClassifier(scaler=_scaler(content), network=_plain_network(content["state_dict"]))
        case "lorentzian-knn":
            bank = content["bank"]
            return KnnClassifier(
                scaler=_scaler(content),
                bank=NeighbourBank(features=bank["features"].numpy(), up=bank["up"].numpy()),
                num_neighbours=int(content["num_neighbours"]),
                search=NeighbourSearch(device=CPU),
            )
        case kind if kind == BLEND:
            return WeighedMembers(members=tuple(_member(name, each) for name, each in content["members"].items()))
        case kind:
            raise ValueError(f"no classifier is called {kind!r}")


def _lorentzian(content: Mapping[str, Any]) -> LorentzianClassifier:
    bank, limit = content["bank"], content.get("novelty")
    return LorentzianClassifier(
        scaler=_scaler(content),
        network=LorentzianNCA.from_state(content["state_dict"]),
        bank=lay_out_once(bank["features"]),
        bank_up=bank["up"],
        log_weights=bank["log_weights"],
        novelty=None if limit is None else NoveltyLimit(quantile=limit["quantile"], distance=limit["distance"]),
    )


def _plain_network(state: Mapping[str, Tensor]) -> PlainNetwork:
    network = PlainNetwork(state["hidden"].shape[0], prior=0.5, generator=torch.Generator())
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def _member(name: str, content: Mapping[str, Any]) -> BlendMember:
    return BlendMember(
        name=name,
        weight=float(content["weight"]),
        classifier=_classifier(content),
        prior=float(content["prior"]),
        slope=float(content["slope"]),
    )


def _scaler(content: Mapping[str, Any]) -> RobustScaler:
    scaler = content["scaler"]
    return RobustScaler(center=scaler["center"].numpy(), range=scaler["range"].numpy())
