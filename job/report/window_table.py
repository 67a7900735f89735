"""``window_metrics_<stamp>.csv``: a row a window, what was chosen on validation beside what the test gave. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd

from job.intervals import SECOND_MS
from job.records import BlendRecord, Measures, PlanRecord, SearchRecord, WindowRecord

# Trades can be absent, a winner or a loser among them, a stop or a target: these say which it was.
EXPLAINED = ("sharpe_ratio", "win_rate", "profit_factor", "planned_rr", "auc")


def window_metrics_csv(plan: PlanRecord, windows: Sequence[WindowRecord]) -> bytes:
    """The windows as CSV, equal bytes for equal windows.

    Parameters
    ----------
    plan : PlanRecord
        Its windows that did not finish have a row too, with empty cells.
    windows : the windows that finished.

    Returns
    -------
    bytes
        UTF-8 with Unix line ends. Times are ISO 8601 in UTC; fractions are fractions. Then, for each metric,
        ``validation_<metric>`` beside ``test_<metric>``. A number that does not exist is an empty cell; for the
        metrics of `EXPLAINED`, whose absence has more than one possible cause, ``…_reason`` columns name it.
        ``buy`` and ``sell`` are empty where nothing beat staying flat. ``train_log_loss`` is the last training loss
        of the fit that was tested, before calibration; models that learn without epochs have none.
        ``search_changes`` is what the chosen candidate of a search changes of the settings as given.
    """
    done = {window.span.index: window for window in windows}
    rows = [
        {
            "window": span.index,
            "train_start": _iso(span.train_start_ms),
            "test_start": _iso(span.test_start_ms),
            "test_end": _iso(span.test_end_ms),
        }
        | (_finished(done[span.index]) if span.index in done else {"finished": False})
        for span in plan.windows
    ]
    table = pd.DataFrame(rows)
    whole = ("best_epoch", "num_train_rows", "num_test_bars")
    table = table.astype({name: "Int64" for name in whole if name in table})
    return table.to_csv(index=False, lineterminator="\n").encode()


def _finished(window: WindowRecord) -> dict[str, object]:
    model = window.models[window.traded_model]
    return {
        "finished": True,
        "selected_on": window.selected_on,
        "model": window.traded_model,
        "buy": model.thresholds.buy,
        "sell": model.thresholds.sell,
        "validation_score": model.thresholds.validation_score,
        "shrinkage": model.shrinkage,
        **_blend_cells(model.blend),
        **_search_cells(window.search),
        "best_epoch": window.best_epoch,
        "num_train_rows": window.num_train_rows,
        "num_test_bars": window.num_test_bars,
        **_side_by_side(model.validation, model.test, train_log_loss=_train_log_loss(window)),
    }


def _blend_cells(blend: BlendRecord | None) -> dict[str, object]:
    """What each member of a blend weighs, and whether the blend was kept; no column for other models."""
    if blend is None:
        return {}
    weights: dict[str, object] = {f"weight_{name}": weight for name, weight in blend.weights.items()}
    return weights | {"blend_kept": blend.is_kept}


def _search_cells(search: SearchRecord | None) -> dict[str, object]:
    """Which candidate of a search was chosen, and what it changes of the settings as given; no column without one."""
    if search is None:
        return {}
    return {"search_chosen": search.chosen, "search_changes": search.chosen_changes}


def _train_log_loss(window: WindowRecord) -> float | None:
    training = window.loss_curves[-1].training if window.loss_curves else ()
    return training[-1] if training else None


def _side_by_side(validation: Measures, test: Measures, *, train_log_loss: float | None) -> dict[str, object]:
    columns: dict[str, object] = {}
    for name in dict.fromkeys((*validation, *test)):
        if name == "log_loss":
            columns["train_log_loss"] = train_log_loss
        for span, measures in (("validation", validation), ("test", test)):
            measure = measures.get(name)
            columns[f"{span}_{name}"] = measure.value if measure else None
            if name in EXPLAINED:
                columns[f"{span}_{name}_reason"] = measure.reason if measure else None
    return columns


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / SECOND_MS, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
