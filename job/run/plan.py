"""The plan of a run: the windows, the settings and the data that every one of its pods works from.

Whoever comes first creates it by a conditional write; everybody else reads it. It fixes the windows, and for each
UTC day a digest of the stored data, so that a pod that starts tomorrow cuts the same data into the same windows or
says that it cannot.
"""

import hashlib
import platform
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Any

import psycopg

from job.artifacts.json_bytes import to_json_bytes
from job.artifacts.keys import RunKeys
from job.artifacts.store import CreateOutcome, ObjectStore
from job.artifacts.stored_records import parse_record, record_bytes
from job.data.digests import day_digests
from job.data.feature_rows import FeatureSetRecord
from job.data.feature_table import feature_span
from job.data.kline_table import require_span
from job.data.schema import require_schema
from job.errors import ConfigError, DataError, NoDataError
from job.intervals import DAY_MS, SECOND_MS, floor_day, format_utc, interval_ms
from job.records import PlanRecord, ProcedureRecord, RunKind, WindowSpanRecord
from job.rules import LABEL_LOOKBACK_MS, market_key, peers_of, reads_funding
from job.run.cautions import history_warning
from job.run.cuts import CUTS
from job.run.identity import procedure_content
from job.windows import Span, Window

NO_FEATURES = ""  # the identity of a set that nothing is stored under
KIND_NAMES: dict[RunKind, str] = {"walkforward": "walk-forward", "training": "basic training"}
PACKAGES = ("lorentzian-trainer", "numpy", "scikit-learn", "torch")


def make_plan(
    connection: psycopg.Connection,
    procedure: ProcedureRecord,
    feature_set: FeatureSetRecord,
    *,
    peer_sets: tuple[FeatureSetRecord, ...] = (),
    run_id: str | None,
    now_ms: int,
    threads: int,
    device: str,
    kind: RunKind = "walkforward",
) -> PlanRecord:
    """Cut the stored data into windows.

    Parameters
    ----------
    procedure, feature_set : what is trained, and on which features.
    peer_sets : of the markets of `peers_of`, in their order.
    run_id : or None for the default one.
    now_ms : fixes the stamp.
    threads, device : recorded, since results may depend on them.
    kind : how the data is cut.

    Raises
    ------
    NoDataError
        Where klines or features are missing, or too few for one window.
    """
    require_schema(connection)
    present = _feature_days(connection, procedure, feature_set)
    for peer, peer_set in zip(peers_of(procedure), peer_sets, strict=True):
        _feature_days(connection, peer, peer_set)
    windows = CUTS[kind](procedure, present)
    last_test = windows[-1].test
    assert last_test is not None
    digests = _digests(
        connection,
        procedure,
        (feature_set.identity, *(peer_set.identity for peer_set in peer_sets)),
        first_train_ms=windows[0].train.start_ms,
        start_ms=0,
        end_ms=last_test.end_ms,
    )
    warning = history_warning(procedure, present, len(windows))
    plan = PlanRecord(
        kind=kind,
        run_id=run_id or "",
        stamp=datetime.fromtimestamp(now_ms / SECOND_MS, tz=UTC).strftime("%Y%m%d_%H%M%S"),
        created_at_ms=now_ms,
        procedure=procedure,
        feature_set=feature_set.identity,
        feature_names=feature_set.names,
        peer_feature_sets=tuple(peer_set.identity for peer_set in peer_sets),
        windows=tuple(span_record(window) for window in windows),
        end_ms=last_test.end_ms,
        holdout_start_ms=last_test.end_ms if procedure.windows.holdout_days else None,
        warnings=(warning,) if warning is not None else (),
        day_digests=digests,
        threads=threads,
        device=device,
        versions={"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
    )
    return plan if run_id else plan.model_copy(update={"run_id": default_run_id(plan)})


def default_run_id(plan: PlanRecord) -> str:
    """``<symbol>-<interval>-<last bar>-<8 hex of settings and data>``: the same command on the same data resumes."""
    content: dict[str, Any] = {
        "kind": plan.kind,
        "procedure": procedure_content(plan.procedure),
        "feature_set": plan.feature_set,
        "day_digests": plan.day_digests,
    }
    digest = hashlib.sha256(to_json_bytes(content)).hexdigest()[:8]
    market = plan.procedure.market
    last_open_ms = plan.end_ms - interval_ms(market.interval)
    last_bar = datetime.fromtimestamp(last_open_ms / SECOND_MS, tz=UTC).strftime("%Y%m%dT%H%M")
    return f"{market.symbol}-{market.interval}-{last_bar}-{digest}"


def publish_plan(store: ObjectStore, plan: PlanRecord) -> PlanRecord:
    """Store the plan if its run has none, and return the one that holds.

    Raises
    ------
    ConfigError
        Where the run exists with other settings, or is of another kind.
    """
    key = RunKeys(plan.run_id).plan
    creation = store.create(key, record_bytes(plan))
    if creation.outcome is CreateOutcome.CREATED:
        return plan
    existing = parse_record(PlanRecord, creation.stored.data, where=key)
    check_same_run(existing, plan.procedure, plan.kind)
    return existing


def read_plan(store: ObjectStore, run_id: str) -> PlanRecord | None:
    """The plan of a run, or None where there is no such run."""
    key = RunKeys(run_id).plan
    stored = store.get(key)
    return parse_record(PlanRecord, stored.data, where=key) if stored is not None else None


def check_same_run(plan: PlanRecord, procedure: ProcedureRecord, kind: RunKind) -> None:
    """Raise `ConfigError` where a run is of another kind than this command's, or differs in settings; names them."""
    if plan.kind != kind:
        raise ConfigError(
            f"Run {plan.run_id} is a {KIND_NAMES[plan.kind]}, and this would be a {KIND_NAMES[kind]}.",
            remedy="Use another --run-id.",
        )
    planned, asked = plan.procedure.model_dump(mode="json"), procedure.model_dump(mode="json")
    differing = [
        f"{name.replace('_', '-')} {planned[group][name]!r} (here {asked[group][name]!r})"
        for group in planned
        for name in planned[group]
        if planned[group][name] != asked[group][name]
    ]
    if differing:
        raise ConfigError(
            f"Run {plan.run_id} was planned with other settings: {', '.join(differing)}.",
            remedy="Use the same settings, or another --run-id.",
        )


def check_unchanged(connection: psycopg.Connection, plan: PlanRecord, span: Span) -> None:
    """Raise `DataError` where a UTC day that ``span`` reads is no longer what the plan was made from."""
    key = market_key(plan.procedure)
    start_ms = floor_day(span.start_ms - LABEL_LOOKBACK_MS)
    end_ms = min(floor_day(span.end_ms - 1) + DAY_MS, plan.end_ms)
    first_train_ms = plan.windows[0].train_start_ms
    now = _digests(
        connection,
        plan.procedure,
        (plan.feature_set, *plan.peer_feature_sets),
        first_train_ms=first_train_ms,
        start_ms=start_ms,
        end_ms=end_ms,
    )
    days = [day for day in now | plan.day_digests if _lies_between(day, start_ms, end_ms)]
    changed = sorted(day for day in days if now.get(day) != plan.day_digests.get(day))
    if changed:
        beside = " or its context" if plan.peer_feature_sets else ""
        raise DataError(
            f"The data of {key}{beside} on {changed[0]} UTC changed since the plan of {format_utc(plan.created_at_ms)} "
            f"({len(changed)} days differ).",
            remedy="Use a new run id.",
        )


def windows_of(plan: PlanRecord) -> tuple[Window, ...]:
    """The plan's windows."""
    return tuple(
        Window(
            index=w.index,
            train=Span(start_ms=w.train_start_ms, end_ms=w.test_start_ms),
            test=Span(start_ms=w.test_start_ms, end_ms=w.test_end_ms),
        )
        for w in plan.windows
    )


def final_window(plan: PlanRecord) -> Window:
    """The newest training span, without a test: what the final model is fitted on."""
    start_ms = (
        plan.windows[0].train_start_ms
        if plan.procedure.windows.anchored
        else (plan.end_ms - plan.procedure.windows.window_size * DAY_MS)
    )
    return Window(index=len(plan.windows), train=Span(start_ms=start_ms, end_ms=plan.end_ms), test=None)


def _feature_days(connection: psycopg.Connection, procedure: ProcedureRecord, feature_set: FeatureSetRecord) -> Span:
    """From the open of the first bar with features to the close of the last."""
    key = market_key(procedure)
    klines = require_span(connection, key, flags=procedure.market.flags)
    rows = feature_span(connection, key, feature_set.identity)
    if rows is None:
        raise NoDataError(
            f"The database has {klines.num_bars} klines of {key}, but no rows of feature set {feature_set.identity}.",
            remedy=f"Run `lorentzian features{procedure.market.flags}`.",
        )
    return Span(start_ms=rows.first_open_ms, end_ms=rows.last_open_ms + interval_ms(key.interval))


def _digests(
    connection: psycopg.Connection,
    procedure: ProcedureRecord,
    feature_sets: tuple[str, ...],
    *,
    first_train_ms: int,
    start_ms: int,
    end_ms: int,
) -> dict[str, str]:
    """A digest per UTC day of [start_ms, end_ms), of what the windows read there and nothing else.

    Before the first training span they read klines alone, and not for longer than labels look back. Of the markets that
    they also learn from, whose feature sets follow the traded one's, nobody pays funding.
    """
    parts = list[dict[str, str]]()
    for market, feature_set in zip((procedure, *peers_of(procedure)), feature_sets, strict=True):
        part = partial(day_digests, connection, market_key(market))
        klines_from_ms = max(start_ms, first_train_ms - LABEL_LOOKBACK_MS)
        parts += [
            part(NO_FEATURES, start_ms=klines_from_ms, end_ms=first_train_ms, with_funding=False),
            part(
                feature_set,
                start_ms=max(start_ms, first_train_ms),
                end_ms=end_ms,
                with_funding=market is procedure and reads_funding(procedure),
            ),
        ]
    return {day: "".join(part.get(day, "") for part in parts) for day in sorted(set().union(*parts))}


def span_record(window: Window) -> WindowSpanRecord:
    """The stored form of a window."""
    assert window.test is not None
    return WindowSpanRecord(
        index=window.index,
        train_start_ms=window.train.start_ms,
        test_start_ms=window.test.start_ms,
        test_end_ms=window.test.end_ms,
    )


def _lies_between(day: str, start_ms: int, end_ms: int) -> bool:
    opened = int(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) * SECOND_MS
    return start_ms <= opened < end_ms
