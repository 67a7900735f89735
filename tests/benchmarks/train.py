"""What an epoch of each network costs, and a search of the vote's settings beside the fits that it is a part of.

Default settings on 8,640 rows of 71 features, one thread. A search is that of a window: a dozen candidates and the
settings as given, halved on two forward blocks; its figure is seconds, beside those of the two blocks without one.
"""

import time

import numpy as np
import torch

from job.model.fit import LorentzianLearner
from job.model.mlp import MlpLearner
from job.model.search import draw_candidates, fit_name, going_on, rung_epochs, search_fits, shared_loss
from job.model.trial import Trials
from job.settings.procedure import ModelSettings
from tests.support.labelled import random_rows

NUM_EPOCHS = 8
NUM_ROWS, NUM_FEATURES = 8_640, 71
CPU = torch.device("cpu")


def measure() -> dict[str, float]:
    """Milliseconds of an epoch, and seconds of a search."""
    torch.set_num_threads(1)
    return {**_epochs(), **_search()}


def _epochs() -> dict[str, float]:
    """Median milliseconds between the ends of a network's epochs, early stopping's look at validation included."""
    rows = random_rows(NUM_ROWS, num_features=NUM_FEATURES, strength=0.5)
    validation = random_rows(NUM_ROWS // 8, num_features=NUM_FEATURES, strength=0.5, seed=1, first_bar=NUM_ROWS + 10)
    settings = ModelSettings(epochs=NUM_EPOCHS)
    figures = {}
    for kind in (LorentzianLearner, MlpLearner):
        ends: list[float] = []
        learner = kind(settings, stream=0, device=CPU)
        learner.validate(rows, validation, block=0, on_epoch=lambda *_, ends=ends: ends.append(time.perf_counter()))
        figures[f"{learner.name}_epoch_ms"] = 1e3 * float(np.median(np.diff(ends)))
    return figures


def _search() -> dict[str, float]:
    """Processor seconds of both blocks' fits as given, and of the search before them."""
    settings = ModelSettings(search="guide")
    blocks = [
        (
            random_rows(num_fit, num_features=NUM_FEATURES, strength=0.5, horizon_bars=12),
            random_rows(NUM_ROWS // 5, num_features=NUM_FEATURES, strength=0.5, seed=1, first_bar=num_fit + 20),
        )
        for num_fit in (3 * NUM_ROWS // 5, 4 * NUM_ROWS // 5)
    ]
    trials = Trials(search_fits(settings), stream=0, device=CPU).learners

    def judged(name: str) -> float:
        return shared_loss([trials[name].validate(*rows, block=number) for number, rows in enumerate(blocks)])

    start = time.process_time()
    left = tuple(candidate.number for candidate in draw_candidates(settings))
    for epochs in rung_epochs(settings):
        left = going_on({number: judged(fit_name(number, epochs)) for number in left})
    searched = time.process_time()
    learner = LorentzianLearner(ModelSettings(), stream=0, device=CPU)
    for number, rows in enumerate(blocks):
        learner.validate(*rows, block=number)
    return {"search_processor_s": searched - start, "blocks_processor_s": time.process_time() - searched}
