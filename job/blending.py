"""A blend of learners that were trained on one window, from what each has forecast of the validation. Pure.

Its members are fitted once, as baselines that stand beside it; the blend only weighs them. Weights, whether it is kept,
and thresholds are chosen on the same validation forecasts as everything else in the window.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from job.backtest.stitch import stitch
from job.data.klines import Klines
from job.intervals import DAY_MS, interval_ms
from job.model.blend import BlendChoice, BlendClassifier, BlendMember, MemberForecasts, choose_blend, forward_mix
from job.procedure import TrainedProcedure, validation_bars, validation_rows
from job.rows import LabelledRows
from job.settings.procedure import OptimizeMetric
from job.signals import TradingRules, trade
from job.threshold_choice import choose_thresholds
from job.windows import Window


def blend_procedure(
    members: Mapping[str, TrainedProcedure],
    rows: LabelledRows,
    klines: Klines,
    window: Window,
    *,
    metric: OptimizeMetric,
    rules: TradingRules,
    seed: int,
) -> TrainedProcedure:
    """Weigh trained members, and choose thresholds for what they say together.

    Parameters
    ----------
    members : by name, each trained on these rows and this window.
    rows, klines, window, metric, rules, seed : as `job.procedure.train_procedure` takes them.
    """
    bar_ms = interval_ms(klines.interval)
    rows, klines = rows.within(window.train), klines.between(window.train.start_ms, window.train.end_ms)
    validation = [validation_rows(rows, block, test=window.test, bar_ms=bar_ms) for block in window.blocks]
    open_time = np.concatenate([part.open_time for part in validation])
    forecasts = MemberForecasts(
        names=tuple(members),
        probability=np.stack([member.validation_probability for member in members.values()]),
        up=np.concatenate([part.up for part in validation]),
        block=np.repeat(np.arange(len(validation)), [len(part) for part in validation]),
        day=open_time // DAY_MS,
    )
    chosen = choose_blend(forecasts, seed=seed)
    classifier = _classifier(members, chosen)
    best = members[chosen.best_member]
    if not chosen.is_kept:
        return replace(best, classifier=classifier, slope=1.0, curves=())
    probability = forward_mix(forecasts)
    bars = tuple(
        validation_bars(klines, block.validation, part, probability[forecasts.block == number])
        for number, (block, part) in enumerate(zip(window.blocks, validation, strict=True))
    )
    choice = choose_thresholds(bars, metric=metric, rules=rules, seed=seed)
    return replace(
        best,
        classifier=classifier,
        slope=1.0,  # members are calibrated, each by its own
        choice=choice,
        curves=(),
        validation_account=stitch([trade(b.klines, b.probability, choice.thresholds, rules) for b in bars]),
        validation_up=forecasts.up,
        validation_probability=probability,
    )


def _classifier(members: Mapping[str, TrainedProcedure], chosen: BlendChoice) -> BlendClassifier:
    """Those members that have a weight."""
    return BlendClassifier(
        members=tuple(
            BlendMember(
                name=name,
                weight=chosen.weights[name],
                classifier=member.classifier,
                prior=member.prior,
                slope=member.slope,
            )
            for name, member in members.items()
            if chosen.weights[name] > 0
        ),
        choice=chosen,
    )
