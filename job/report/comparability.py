"""Whether two runs may be compared at all, told from their plans. Pure."""

from job.intervals import DAY_MS, floor_day, format_utc_day
from job.records import PlanRecord

SAME_MARKET = ("symbol", "interval", "venue", "market")


def why_not_comparable(first: PlanRecord, second: PlanRecord) -> list[str]:
    """What forbids a comparison, each as a phrase that says how the two differ; empty where nothing does."""
    own, other = first.procedure, second.procedure
    phrases = [
        f"{name} ({getattr(own.market, name)} and {getattr(other.market, name)})"
        for name in SAME_MARKET
        if getattr(own.market, name) != getattr(other.market, name)
    ]
    costs, other_costs = own.costs.model_dump(), other.costs.model_dump()
    phrases += [
        f"{name.replace('_', '-')} ({costs[name]} and {other_costs[name]})"
        for name in costs
        if costs[name] != other_costs[name]
    ]
    if not (first.windows and second.windows) or _tests(first) != _tests(second):
        phrases.append(f"test windows ({_described(first)} and {_described(second)})")
    elif not phrases and (day := _first_changed_day(first, second)) is not None:
        phrases.append(f"the stored data (first on {day} UTC)")
    return phrases


def _tests(plan: PlanRecord) -> list[tuple[int, int]]:
    return [(span.test_start_ms, span.test_end_ms) for span in plan.windows]


def _described(plan: PlanRecord) -> str:
    if not plan.windows:
        return "none"
    first, last = plan.windows[0], plan.windows[-1]
    days = plan.procedure.windows.test_size
    return (
        f"{len(plan.windows)} of {days} days, {format_utc_day(first.test_start_ms)} to "
        f"{format_utc_day(last.test_end_ms - 1)}"
    )


def _first_changed_day(first: PlanRecord, second: PlanRecord) -> str | None:
    """The first day on which both read the same columns and found other values.

    A plan's first training day may be cut by its span, and another feature set has other columns.
    """
    if first.feature_set != second.feature_set:
        return None
    start_ms = floor_day(max(plan.windows[0].train_start_ms for plan in (first, second))) + DAY_MS
    days = sorted(first.day_digests.keys() & second.day_digests.keys())
    return next(
        (day for day in days if day >= format_utc_day(start_ms) and first.day_digests[day] != second.day_digests[day]),
        None,
    )
