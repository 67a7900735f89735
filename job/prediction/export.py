"""A model for programs without this package: a file that torch alone reads, with what its numbers mean inside."""

import io
import json
import warnings

import torch
from torch import nn

from job.prediction.scoring_module import scoring_module
from job.prediction.stored_model import StoredModel
from job.settings.prediction import ExportFormat

DESCRIPTION = "model.json"  # the file inside that says what columns and numbers mean
EXAMPLE_ROWS = 3  # any number but one, which would be taken for all there ever is


def exported_bytes(model: StoredModel, file_format: ExportFormat) -> bytes:
    """The file; it maps features, float32 (n, F), in the order of the model's names, to probabilities, float64 (n,).

    Raises
    ------
    UsageError
        For a model with trees.
    """
    module = scoring_module(model)
    example = torch.zeros(EXAMPLE_ROWS, len(model.feature_names))
    described = {DESCRIPTION: json.dumps(description(model), sort_keys=True)}
    write = _torchscript if file_format == "torchscript" else _pt2
    return write(module, example, described)


def description(model: StoredModel) -> dict[str, object]:
    """What whoever loads the file must know beside the probabilities."""
    thresholds = model.thresholds
    return {
        "model": model.identity,
        "kind": model.kind,
        "feature_set": model.feature_set,
        "feature_names": list(model.feature_names),
        "thresholds": None if thresholds.never_trades else {"buy": thresholds.buy, "sell": thresholds.sell},
        "procedure": model.procedure.model_dump(mode="json"),
    }


def _torchscript(module: nn.Module, example: torch.Tensor, described: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls the format old, and traces each constant with a warning
        traced = torch.jit.trace(module, example, check_trace=False)  # type: ignore[no-untyped-call]
        torch.jit.save(traced, buffer, _extra_files=described)
    return buffer.getvalue()


def _pt2(module: nn.Module, example: torch.Tensor, described: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    rows = torch.export.Dim("rows", min=1)
    program = torch.export.export(module, (example,), dynamic_shapes=({0: rows},))
    torch.export.save(program, buffer, extra_files=described)
    return buffer.getvalue()
