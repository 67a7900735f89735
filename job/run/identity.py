"""What makes two procedures the same one, whichever version of this program they ran under. Pure.

A setting that a later version adds must not make another trial of every procedure that was tried before. So the
settings of the first release always count, and a younger one counts where it is not at its default.
"""

from collections.abc import Mapping

from pydantic import JsonValue

from job.records import ProcedureRecord

FIRST_SETTINGS: Mapping[str, frozenset[str]] = {
    "market": frozenset({"symbol", "interval", "context", "venue", "market"}),
    "costs": frozenset({"fee_bps", "slippage_bps", "funding_bps"}),
    "strategy": frozenset(
        {
            "thresholds",
            "sizing",
            "target_volatility",
            "max_size",
            "stop_loss_atr",
            "take_profit_atr",
            "max_hold",
        }
    ),
    "label": frozenset({"label", "horizon"}),
    "features": frozenset({"features"}),
    "windows": frozenset(
        {
            "data_days",
            "window_size",
            "test_size",
            "optimize_metric",
            "anchored",
            "reduce_test",
            "refit",
            "holdout_days",
        }
    ),
    "model": frozenset({"model", "epochs", "lr", "batch_size", "scheduler", "effort", "encoder", "seed"}),
}


def procedure_content(procedure: ProcedureRecord) -> dict[str, JsonValue]:
    """The settings that a procedure is known by, by group and name."""
    values, usual = procedure.model_dump(mode="json"), _defaults()
    return {group: _counting(group, values[group], usual[group]) for group in values}


def _counting(group: str, values: dict[str, JsonValue], usual: dict[str, JsonValue]) -> dict[str, JsonValue]:
    first = FIRST_SETTINGS[group]
    return {name: value for name, value in values.items() if name in first or value != usual[name]}


def _defaults() -> dict[str, dict[str, JsonValue]]:
    """Every setting's default, by group and name."""
    defaults = {}
    for group, field in ProcedureRecord.model_fields.items():
        assert field.annotation is not None
        defaults[group] = field.annotation().model_dump(mode="json")
    return defaults
