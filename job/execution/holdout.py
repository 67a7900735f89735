"""The opening of a run's locked-away days: once, by the final model, and noted before anything is read."""

import hashlib

import numpy as np
import structlog

from job.artifacts.stored_records import parse_record, record_bytes
from job.data.postgres import connect
from job.errors import ConfigError, DataError, UsageError
from job.evaluation.bootstrap import draw_days, sharpe_interval
from job.evaluation.daily import utc_daily_returns
from job.evaluation.performance import forecast_measures, headline_measures, planned_measures
from job.execution.final_model import FinalModel, fit_final_model, stored_final_model
from job.processor import device_name, processor_name
from job.records import HoldoutRecord, IntervalRecord
from job.run.attempt import now_ms
from job.run.cuts import holdout_span
from job.run.finalized import stored_holdout
from job.run.holdout import Opening, data_digest, note_opening
from job.run.ledger import note_result
from job.run.nodes import windows_by_node
from job.run.run import Run
from job.sealed_test import read_test
from job.slice_outcome import SliceOutcome
from job.window_results import measure_records
from job.windows import Span, Window


def open_holdout(run: Run) -> HoldoutRecord:
    """Let the final model of a run forecast and trade the days that its plan has locked away.

    The first call stores what it finds; every later one of this run returns that, and reads nothing.

    Raises
    ------
    UsageError
        Where the plan has no such days.
    DataError
        Where the run has no final model yet, or the training data changed since the plan.
    ConfigError
        Where the final model that is fitted here is not the one that the run hands out. Nothing is opened then.
    """
    stored = stored_holdout(run.store, run.keys)
    if stored is not None:
        return stored
    span = holdout_span(run.plan)
    if span is None:
        raise UsageError(
            f"Run {run.plan.run_id} has no days locked away.",
            remedy="Start a run with --holdout-days 30; that is decided before it is planned, or not at all.",
        )
    final = _fit_what_is_handed_out(run)
    model_hash = hashlib.sha256(final.data).hexdigest()
    window = Window(index=final.window.index, train=final.window.train, test=span)
    with connect(run.conninfo) as connection:
        opening = note_opening(
            run.ledger,
            run.plan,
            window,
            digest=data_digest(connection, run.plan, span),
            model_hash=model_hash,
            now_ms=now_ms(),
        )
        trained = {run.traded_model: final.trained}
        tested = read_test(connection, run.plan, window, trained, ledger=run.ledger, entry=opening.entry)
    note_result(run.ledger, opening.entry, utc_daily_returns(tested.accounts[run.traded_model]))
    record = _record(run, span, final, tested, opening, model_hash=model_hash)
    creation = run.store.create(run.keys.holdout, record_bytes(record))
    structlog.get_logger().info("holdout_opened", run_id=run.plan.run_id, opening=opening.number)
    return parse_record(HoldoutRecord, creation.stored.data, where=run.keys.holdout)


def _fit_what_is_handed_out(run: Run) -> FinalModel:
    """Fit the final model once more; what the days say must be said of the very file that the run has stored."""
    run_id, stored = run.plan.run_id, stored_final_model(run)
    if stored is None:
        raise DataError(
            f"Run {run_id} has no final model, or another file lies in its place.",
            remedy=f"Run `lorentzian finalize --run-id {run_id}` first.",
        )
    final = fit_final_model(run)
    if final.data != stored:
        nodes = windows_by_node(run.store, run.keys, [window.index for window in run.plan.windows]) or ["its machine"]
        raise ConfigError(
            f"Fitted on {processor_name()} ({device_name(run.device)}), the final model of run {run_id} is not the one "
            f"that is stored, to the last bit; its days stay locked.",
            remedy=f"Open them where the run was finalized: with its versions, on {' or '.join(nodes)}.",
        )
    return final


def _record(
    run: Run, span: Span, final: FinalModel, tested: SliceOutcome, opening: Opening, *, model_hash: str
) -> HoldoutRecord:
    account = tested.accounts[run.traded_model]
    daily = utc_daily_returns(account).value
    forecasts = forecast_measures(tested.up, tested.probability[run.traded_model], train_prior=final.trained.prior)
    strategy = run.plan.procedure.strategy
    planned = planned_measures(stop=strategy.stop_loss_atr, take=strategy.take_profit_atr)
    draws = draw_days(daily, rng=np.random.default_rng(run.plan.procedure.model.seed))
    interval = sharpe_interval(daily, draws)
    return HoldoutRecord(
        start_ms=span.start_ms,
        end_ms=span.end_ms,
        model_hash=model_hash,
        opening=opening.number,
        is_spent=opening.spent_reason is not None,
        spent_reason=opening.spent_reason,
        num_days=len(daily),
        num_bars=len(tested.klines),
        measures=measure_records(headline_measures(account) | planned | forecasts),
        sharpe_interval=IntervalRecord(low=interval.low, high=interval.high, reason=interval.reason),
    )
