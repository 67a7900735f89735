"""The checks of an audit in their order, each put to the product on the user's data. Pure but for the time it takes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from job import interruption
from job.audit import product
from job.audit.accounts import check_conservation, check_costs, check_limits
from job.audit.features import (
    check_freshness,
    check_lookbacks,
    check_poison,
    check_stored_rows,
    check_truncation,
    check_warm_up,
)
from job.audit.finding import AuditFinding, Claim
from job.audit.future import LATE_STARTS_BARS, Markets, misaligned_cut_times
from job.audit.labels import check_labels, spread_cut_times
from job.audit.leaks import PERMUTATION, TIME_SHIFT, check_permutation, check_time_shift
from job.audit.memory import MEMORY, check_memory
from job.audit.product import Product
from job.audit.purge import Cut, check_purge
from job.audit.subject import AuditSubject
from job.audit.training import DETERMINISM, PREDICTIONS, check_determinism, check_isolation, check_predictions
from job.data.klines import Klines
from job.features.definition import MAX_LOOKBACK_MS
from job.intervals import interval_ms
from job.labels import Labels, fixed_labels
from job.model.blend import BLEND
from job.rows import LabelledRows, join_labels
from job.rules import LABEL_LOOKBACK_MS, trading_rules
from job.windows import EMBARGO_BARS, Window

NUM_CUTS = 20
NUM_FORECAST_CUTS = 3
NUM_PERMUTATIONS = 50
BLOCKS_A_LABEL = 6  # labels laid end to end that a permuted block holds
SEED = 0
DEEP_CLAIMS = (PREDICTIONS, DETERMINISM, PERMUTATION, TIME_SHIFT)

Check = Callable[[], AuditFinding]


def num_checks(subject: AuditSubject) -> int:
    """How many findings `run_audit` gives."""
    return len(_fast(subject)) + len(DEEP_CLAIMS)


def run_audit(subject: AuditSubject, *, deep: bool) -> Iterator[AuditFinding]:
    """Make every check; those that are only made on demand say so.

    Parameters
    ----------
    subject : what is examined.
    deep : also train again and again: forecasts from truncated bars, repeated training, searches for leaks.
    """
    for check in _fast(subject):
        interruption.check()
        yield check()
    if not deep:
        yield from (claim.not_run("made with --deep") for claim in DEEP_CLAIMS)
        return
    for check in _deep(subject):
        interruption.check()
        yield check()


def _fast(subject: AuditSubject) -> list[Check]:
    own = _product(subject)
    markets, target, window = subject.markets, subject.target, subject.window
    interval = target.interval
    bar_ms = interval_ms(interval)
    rules = trading_rules(subject.plan.procedure)
    near = target.between(window.train.start_ms - LABEL_LOOKBACK_MS, window.span.end_ms)
    data = replace(own.make_dataset(near, subject.stored), peers=own.peers(subject.markets, window.span))
    rows = data.rows
    planned = target.available_at[target.open_time >= subject.plan.windows[0].train_start_ms]
    cuts = misaligned_cut_times(planned, interval, num=NUM_CUTS, seed=SEED)
    label_cuts = spread_cut_times(near, num=NUM_CUTS, seed=SEED)
    # As many bars as the test has, from the days before it: their returns are in the evidence.
    traded = data.klines.between(2 * window.train.end_ms - window.span.end_ms, window.train.end_ms)
    side = np.sign(np.diff(traded.close, prepend=traded.close[:1])).astype(np.int8)
    newest = int(target.available_at[-1])
    return [
        partial(check_truncation, build=own.build, markets=markets, cut_times=cuts),
        partial(check_poison, build=own.build, markets=markets, cut_times=cuts, seed=SEED),
        partial(
            check_warm_up,
            build=own.build,
            markets=markets,
            lookback_ms=MAX_LOOKBACK_MS,
            late_starts_bars=LATE_STARTS_BARS,
        ),
        partial(
            check_lookbacks,
            feature_set=subject.definition,
            markets=_since(subject, newest - 3 * MAX_LOOKBACK_MS),
            decision_times=[newest, newest - bar_ms],
        ),
        partial(check_freshness, build=own.build, markets=markets, seed=SEED),
        partial(check_stored_rows, build=own.build, markets=markets, stored=subject.stored),
        partial(check_labels, label=own.label, klines=near, cut_times=label_cuts, seed=SEED),
        partial(
            check_purge,
            to_learn=partial(product.to_learn, bar_ms=bar_ms),
            rows=rows,
            cuts=cuts_of(window),
            bar_ms=bar_ms,
        ),
        partial(_check_memory, subject, rows),
        partial(check_isolation, train=own.train, dataset=data, window=window, seed=SEED),
        partial(check_costs, engine=product.run_engine, klines=traded, target=side),
        partial(
            check_conservation,
            engine=partial(product.trade_targets, rules=rules),
            klines=traded,
            target=side,
            costs=rules.costs,
        ),
        partial(check_limits, engine=product.run_engine, klines=traded),
    ]


def _deep(subject: AuditSubject) -> list[Check]:
    own = _product(subject)
    target, window = subject.target, subject.window
    assert window.test is not None
    bar_ms = interval_ms(target.interval)
    near = target.between(window.train.start_ms - LABEL_LOOKBACK_MS, window.span.end_ms)
    data = replace(own.make_dataset(near, subject.stored), peers=own.peers(subject.markets, window.span))
    # What is scored ends with the training: the ledger has no entry of an audit, so it may not read a test.
    learned = target.between(window.train.start_ms - LABEL_LOOKBACK_MS, window.train.end_ms)
    features = subject.stored.between(window.train.start_ms, window.train.end_ms)
    rows = own.make_dataset(learned, features).rows
    score = partial(product.forward_score, bar_ms=bar_ms)
    tested = target.between(window.test.start_ms, window.test.end_ms)
    cuts = misaligned_cut_times(tested.available_at, target.interval, num=NUM_FORECAST_CUTS, seed=SEED)
    horizon = subject.plan.procedure.label.horizon_bars(target.interval)
    checks: dict[Claim, Check] = {
        PREDICTIONS: partial(
            check_predictions,
            forecast=partial(own.forecast, window=window),
            markets=subject.markets,
            cut_times=cuts,
        ),
        DETERMINISM: partial(check_determinism, train=own.train, dataset=data, window=window),
        PERMUTATION: partial(
            check_permutation,
            score=score,
            rows=rows.select(np.isfinite(rows.up)),
            block_rows=BLOCKS_A_LABEL * horizon,
            num_draws=NUM_PERMUTATIONS,
            seed=SEED,
        ),
        TIME_SHIFT: partial(
            check_time_shift,
            score=score,
            join=join_labels,
            features=features,
            klines=learned,
            labels=_labels_of_moves(subject, learned),
        ),
    }
    return [checks[claim] for claim in DEEP_CLAIMS]


def cuts_of(window: Window) -> tuple[Cut, ...]:
    """Every cut of a window between what is learned and what is held out."""
    blocks = tuple(Cut(span=block.fit, held_out=block.validation, embargo_bars=0) for block in window.blocks)
    if window.test is None:
        return blocks
    return (*blocks, Cut(span=window.train, held_out=window.test, embargo_bars=EMBARGO_BARS))


def _labels_of_moves(subject: AuditSubject, klines: Klines) -> Labels:
    """Labels that a feature at the wrong bar must betray itself by: the procedure's own, if they are of the next move.

    What is over is known to honest features, and volatility lasts: a bar ahead, it is hardly better known.
    """
    label = subject.plan.procedure.label
    if label.subject == "side":
        return _product(subject).label(klines)
    return fixed_labels(klines, horizon_bars=label.horizon_bars(klines.interval))


def _check_memory(subject: AuditSubject, rows: LabelledRows) -> AuditFinding:
    model = subject.plan.procedure.model.model
    if model not in ("lorentzian", BLEND):
        return MEMORY.not_run(f"the model {model} does not answer from learned neighbours")
    return check_memory(
        weigh=product.weigh_votes,
        remember=partial(product.remember, bar_ms=interval_ms(subject.target.interval)),
        rows=rows,
        window=subject.window,
        seed=SEED,
    )


def _since(subject: AuditSubject, start_ms: int) -> Markets:
    return {name: market.between(start_ms, subject.plan.end_ms) for name, market in subject.markets.items()}


def _product(subject: AuditSubject) -> Product:
    return Product(plan=subject.plan, definition=subject.definition, device=subject.device)
