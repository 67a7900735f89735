"""What an audit examines, made in memory: synthetic markets, a small procedure, and its newest window."""

from functools import cache

import torch

from job.audit.future import TARGET
from job.audit.subject import AuditSubject
from job.data.synthetic import SYNTHETIC_CONTEXT, SYNTHETIC_SYMBOL, World, synthetic_markets
from job.features.registry import feature_set
from job.records import ProcedureRecord
from job.rehearsal import Rehearsal, rehearse
from job.run.plan import windows_of
from job.settings.procedure import (
    SYNTHETIC_VENUE,
    CostSettings,
    FeatureSettings,
    LabelSettings,
    MarketSettings,
    ModelSettings,
    StrategySettings,
    WindowSettings,
)

INTERVAL = "15m"
HORIZON_BARS = 8
END_MS = 1_767_225_600_000  # 2026-01-01 00:00 UTC
WARM_UP_DAYS = 4


def synthetic_procedure(
    *,
    data_days: int,
    window_size: int,
    test_size: int,
    model: str = "logistic",
    epochs: int = 30,
    cost_bps: float = 7.0,
    **settings: object,
) -> ProcedureRecord:
    """A procedure on the synthetic markets; two bp of its costs are slippage, where it has any.

    Further ``settings`` are the model's.
    """
    slippage = min(2.0, cost_bps)
    return ProcedureRecord(
        market=MarketSettings(
            symbol=SYNTHETIC_SYMBOL, interval=INTERVAL, context=SYNTHETIC_CONTEXT, venue=SYNTHETIC_VENUE
        ),
        costs=CostSettings(fee_bps=cost_bps - slippage, slippage_bps=slippage),
        strategy=StrategySettings(),
        label=LabelSettings(horizon=HORIZON_BARS),
        features=FeatureSettings(),
        windows=WindowSettings(data_days=data_days, window_size=window_size, test_size=test_size),
        model=ModelSettings.model_validate({"model": model, "epochs": epochs, **settings}),
    )


@cache
def rehearsed_world(world: World, seed: int, procedure: ProcedureRecord, *, edge: float = 0.22) -> Rehearsal:
    """The rehearsal of a procedure on one synthetic world."""
    days = procedure.windows.data_days + WARM_UP_DAYS
    return rehearse(synthetic_markets(world, seed=seed, num_days=days, last_close_ms=END_MS, edge=edge), procedure)


@cache
def audited_world(
    world: World, *, seed: int = 3, num_days: int = 14, model: str = "logistic", **settings: object
) -> AuditSubject:
    """The newest window of a short walk-forward, with everything that an audit reads."""
    markets = synthetic_markets(world, seed=seed, num_days=num_days, last_close_ms=END_MS, edge=0.6)
    procedure = synthetic_procedure(
        data_days=num_days - WARM_UP_DAYS, window_size=8, test_size=2, model=model, epochs=2, **settings
    )
    rehearsal = rehearse(markets, procedure)
    window = windows_of(rehearsal.plan)[-1]
    return AuditSubject(
        plan=rehearsal.plan,
        device=torch.device("cpu"),
        definition=feature_set("core", INTERVAL, SYNTHETIC_CONTEXT),
        markets={TARGET: markets[SYNTHETIC_SYMBOL], **{symbol: markets[symbol] for symbol in SYNTHETIC_CONTEXT}},
        stored=rehearsal.features.between(window.span.start_ms, window.span.end_ms),
    )
