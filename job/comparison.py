"""The traded model beside all else on the same days: paired differences, and the two lines they come to. Pure."""

from dataclasses import dataclass

import numpy as np

from job.arrays import FloatArray, IntArray
from job.evaluation.bootstrap import DayDraws
from job.evaluation.lines import ForecastLine, ModelLine, forecast_line, model_line
from job.evaluation.paired import Difference, Estimate, log_loss_difference, mean_difference, sharpe_differences
from job.intervals import DAY_MS
from job.model.blend import BLEND
from job.records import FLAT, LAST_RETURN, LONG, POOLED, SCRATCH
from job.replay import JoinedTests
from job.settings.procedure import LabelSubject
from job.slice_outcome import PINE

PRIOR, VOLATILITY = "prior", "volatility"
# A model is only worth its trouble where no simpler one is as good; names that are not here come last.
SIMPLEST_FIRST = (
    FLAT,
    LONG,
    LAST_RETURN,
    PRIOR,
    VOLATILITY,
    "logistic",
    PINE,
    "lorentzian-knn-8",
    "lorentzian-knn-64",
    "lorentzian-knn",
    "lightgbm",
    "mlp",
    SCRATCH,
    POOLED,
    "lorentzian",
    BLEND,
)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What stands beside the traded model, and what that says of it.

    Parameters
    ----------
    differences : the traded model less each other model or rule, the simplest first.
    forecast, model : the lines beside the verdict.
    """

    differences: dict[str, Difference]
    forecast: ForecastLine
    model: ModelLine


def compare(
    traded: str,
    tests: JoinedTests,
    *,
    day: IntArray,
    daily: dict[str, FloatArray],
    draws: DayDraws,
    subject: LabelSubject = "side",
) -> Comparison:
    """Pair the traded model with every other model and rule.

    Parameters
    ----------
    traded : name of the traded model.
    tests : of all windows, for their forecasts.
    day : int64 (n_days,), start of each tested UTC day in milliseconds.
    daily : daily returns by model or rule, float64 (n_days,), the traded model's among them.
    draws : redrawn days.
    subject : of the label that was learned.
    """
    up, probability, open_time = tests.up, tests.probability, tests.klines.open_time
    day_number = np.searchsorted(day, open_time - open_time % DAY_MS)
    names = sorted(daily.keys() - {traded}, key=_simplicity)
    found = sharpe_differences(daily[traded], [daily[name] for name in names], draws)
    sharpes = dict(zip(names, found, strict=True))
    differences = {
        name: Difference(
            daily_return=mean_difference(daily[traded], daily[name], draws),
            sharpe_ratio=sharpes[name],
            log_loss=log_loss_difference(up, probability[traded], probability[name], day_number, draws)
            if name in probability
            else None,
        )
        for name in names
    }
    is_simpler = {name: _simplicity(name) < _simplicity(traded) for name in sharpes}
    return Comparison(
        differences=differences,
        forecast=forecast_line(_log_loss(differences, PRIOR), _log_loss(differences, VOLATILITY), subject=subject),
        model=model_line(
            simpler={name: each for name, each in sharpes.items() if is_simpler[name]},
            others={name: each for name, each in sharpes.items() if not is_simpler[name]},
        ),
    )


def _simplicity(name: str) -> tuple[int, str]:
    return (SIMPLEST_FIRST.index(name) if name in SIMPLEST_FIRST else len(SIMPLEST_FIRST), name)


def _log_loss(differences: dict[str, Difference], name: str) -> Estimate | None:
    return differences[name].log_loss if name in differences else None
