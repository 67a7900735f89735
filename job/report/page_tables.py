"""The tables of the page: models and rules on identical windows, the windows one by one, and where it all came from."""

import hashlib
from typing import Any

from job.artifacts.json_bytes import to_json_bytes
from job.intervals import format_utc, format_utc_day
from job.records import NO_SKILL_RULES, POOLED, SCRATCH, PlanRecord, SummaryRecord, WindowRecord
from job.report.markup import Markup, element, join, table
from job.report.metric_words import shown_metric, words_of
from job.report.numbers import DASH, bps, count, shown_estimate, shown_interval, signed_loss
from job.report.tables import in_order
from job.rules import trading_rules

MODEL_METRICS = (
    "total_return",
    "sharpe_ratio",
    "max_drawdown",
    "n_trades",
    "exposure",
    "win_rate",
    "profit_factor",
    "auc",
    "log_loss",
)
WINDOW_METRICS = ("total_return", "sharpe_ratio", "n_trades", "log_loss")


def models_table(summary: SummaryRecord) -> Markup:
    """Every model and every rule without skill over the same joined tests."""
    labels = [words_of(name).label for name in MODEL_METRICS]
    rows = []
    for name in in_order(summary.models, traded=summary.traded_model):
        model = summary.models[name]
        cells = [shown_metric(metric, model.measures) for metric in MODEL_METRICS]
        rows.append((name, _kind(name, summary), *cells[:2], shown_interval(model.sharpe_interval), *cells[2:]))
    return table(
        ("model", "role", *labels[:2], "95 % interval", *labels[2:]),
        rows,
        caption=f"Models and rules on identical windows, costs and data, over {count(summary.num_days)} days",
    )


def _kind(name: str, summary: SummaryRecord) -> str:
    if name == summary.traded_model:
        return "traded"
    return "rule" if name in NO_SKILL_RULES else "baseline"


def windows_table(plan: PlanRecord, summary: SummaryRecord, windows: tuple[WindowRecord, ...]) -> Markup:
    """Every planned window, with validation and test side by side; what failed says why."""
    done = {window.span.index: window for window in windows}
    labels = [words_of(name).label for name in WINDOW_METRICS]
    rows = []
    for span in plan.windows:
        start = format_utc_day(span.test_start_ms)
        if span.index in done:
            rows.append((str(span.index), start, *_window_cells(plan, done[span.index])))
        else:
            why = summary.failed_windows.get(str(span.index), "unknown")
            rows.append((str(span.index), start, f"not finished: {why}", *[DASH] * (1 + 2 * len(labels))))
    spans = [f"{span} {label}" for label in labels for span in ("validation", "test")]
    return table(
        ("window", "test from, UTC", "buy and sell at", "epochs", *spans),
        rows,
        caption="Every window: chosen on validation, then tested once",
    )


def _window_cells(plan: PlanRecord, window: WindowRecord) -> tuple[str, ...]:
    model = window.models[window.traded_model]
    thresholds = model.thresholds
    why_not = "nothing beat flat" if trading_rules(plan.procedure).has_side else "not traded"
    traded_at = (
        f"{DASH} ({why_not})"
        if thresholds.buy is None or thresholds.sell is None
        else f"{thresholds.buy:g} and {thresholds.sell:g}"
    )
    measures = [shown_metric(name, values) for name in WINDOW_METRICS for values in (model.validation, model.test)]
    epochs = DASH if window.best_epoch is None else count(window.best_epoch)
    return (traded_at, epochs, *measures)


def blend_tables(windows: tuple[WindowRecord, ...]) -> list[Markup]:
    """What the members of a blend weigh, window by window; nothing for other models."""
    rows, names = [], list[str]()
    for window in windows:
        blend = window.models[window.traded_model].blend
        if blend is not None:
            names = list(blend.weights)
            outcome = "kept" if blend.is_kept else f"dropped for {blend.best_member}"
            lead = shown_estimate(blend.log_loss_less_best, signed_loss)
            weights = (f"{blend.weights[name]:.2f}" for name in names)
            rows.append((str(window.span.index), outcome, *weights, blend.best_member, lead))
    if not rows:
        return []
    head = ("window", "blend", *names, "best member", "validation log-loss less the best member's")
    return [
        table(
            head,
            rows,
            caption="The blend: weights chosen on validation; dropped where its whole interval is worse than the best",
        )
    ]


def transfer_tables(summary: SummaryRecord, windows: tuple[WindowRecord, ...]) -> list[Markup]:
    """What learning from other markets first is worth, window by window; nothing where that was not asked for."""
    names = (summary.traded_model, SCRATCH, POOLED)
    if SCRATCH not in summary.models:
        return []
    rows = [
        (str(window.span.index), *(shown_metric("log_loss", window.models[name].test) for name in names))
        for window in windows
    ]
    leads = (summary.differences[name].log_loss for name in names[1:])
    lead_cells = (DASH if lead is None else shown_estimate(lead, signed_loss) for lead in leads)
    rows.append((f"{names[0]} less this, all days", DASH, *lead_cells))
    return [
        table(
            ("window", *names),
            rows,
            caption="Test log-loss with the distance of other markets to begin with, from scratch, and of all rows "
            "pooled; last, the difference paired day by day, below 0 is better",
        )
    ]


def provenance(plan: PlanRecord) -> Markup:
    """Settings, versions and a digest of the data; nothing of when, where or under which name it ran."""
    groups = plan.procedure.model_dump(mode="json")
    settings = [(f"{group}: {name}", _written(value)) for group in groups for name, value in groups[group].items()]
    digests: dict[str, Any] = dict(plan.day_digests)
    days = sorted(digests)
    facts = [
        ("data until", f"{format_utc(plan.end_ms)} UTC"),
        ("data read", f"{count(len(days))} days, {days[0]} to {days[-1]}" if days else "none"),
        ("data digest", hashlib.sha256(to_json_bytes(digests)).hexdigest()),
        ("feature set", f"{plan.feature_set}, {count(len(plan.feature_names))} features"),
        ("cost a side", bps(plan.procedure.costs.fee_bps + plan.procedure.costs.slippage_bps)),
        ("threads and device", f"{plan.threads}, {plan.device}"),
        *((name, version) for name, version in sorted(plan.versions.items())),
    ]
    return join([_pairs(facts), element("h3", "Settings"), _pairs(settings)])


def _pairs(rows: list[tuple[str, str]]) -> Markup:
    return element("dl", *(element("div", element("dt", name), element("dd", value)) for name, value in rows))


def _written(value: object) -> str:
    if value is None:
        return "default"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
