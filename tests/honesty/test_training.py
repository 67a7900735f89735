"""Training: it depends on its training span and its seed, and on nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from job import learners
from job import rows as rows_module
from job.audit import product
from job.audit.future import misaligned_cut_times
from job.audit.product import Product
from job.audit.training import check_determinism, check_isolation, check_predictions
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines
from job.features.build import build_features
from job.features.definition import FeatureSet
from job.intervals import interval_ms
from job.model import live, transfer
from job.model.classifier import Learner
from job.model.scaling import RobustScaler
from job.model.search import SearchChoice
from job.rows import Dataset, LabelledRows
from job.rules import LABEL_LOOKBACK_MS
from job.searching import search_settings
from job.settings.procedure import ModelSettings
from job.windows import Window
from tests.honesty.registry import Mutant, Oracle, Replacement, assert_caught, assert_passes, each_mutant, each_oracle
from tests.support import feature_mutants as mutants
from tests.support.audited import HORIZON_BARS, INTERVAL, audited_world

SUBJECT = audited_world("edge")
PRODUCT = Product(plan=SUBJECT.plan, definition=SUBJECT.definition, device=SUBJECT.device)
NEURAL = audited_world("edge", model="lorentzian")
NEURAL_PRODUCT = Product(plan=NEURAL.plan, definition=NEURAL.definition, device=NEURAL.device)
SEARCHING = audited_world("edge", model="lorentzian", search="guide", search_candidates=3)
SEARCHING_PRODUCT = Product(plan=SEARCHING.plan, definition=SEARCHING.definition, device=SEARCHING.device)
GROWING = audited_world("edge", model="lorentzian", live_bank=True)
GROWING_PRODUCT = Product(plan=GROWING.plan, definition=GROWING.definition, device=GROWING.device)
TRANSFERRING = audited_world("edge", model="lorentzian", transfer="pretrain")
TRANSFERRING_PRODUCT = Product(plan=TRANSFERRING.plan, definition=TRANSFERRING.definition, device=TRANSFERRING.device)
WINDOW = SUBJECT.window
assert WINDOW.test is not None
NEAR = SUBJECT.target.between(WINDOW.train.start_ms - LABEL_LOOKBACK_MS, WINDOW.span.end_ms)
DATA = PRODUCT.make_dataset(NEAR, SUBJECT.stored)
TESTED = SUBJECT.target.between(WINDOW.test.start_ms, WINDOW.test.end_ms)
CUTS = misaligned_cut_times(TESTED.available_at, INTERVAL, num=2, seed=0)


def scaled_globally(data: Dataset, window: Window) -> bytes:
    """Every row is scaled by the quartiles of all, the test's included, before anything is fitted."""
    values = RobustScaler.fit(data.rows.features).transform(data.rows.features)
    return PRODUCT.train(replace(data, rows=replace(data.rows, features=values)), window)


def unseeded(data: Dataset, window: Window) -> bytes:
    """Every row has a little noise that no seed decides."""
    noise = 1e-3 * np.random.default_rng().standard_normal(data.rows.features.shape).astype(np.float32)
    return PRODUCT.train(replace(data, rows=replace(data.rows, features=data.rows.features + noise)), window)


def known_always(label_end_ms: np.ndarray, first_decision_ms: int, *, embargo_ms: int = 0) -> np.ndarray:
    """The purge rule that keeps everything."""
    return np.full(len(label_end_ms), True)


def builds_centred(
    feature_set: FeatureSet, target: Klines, context: Mapping[str, Klines], *, from_ms: int | None = None
) -> FeatureRows:
    """The build with a mean of five bars of which two are still to come."""
    build = partial(build_features, feature_set, from_ms=from_ms)
    return mutants.with_column(build, mutants.centred_window)(target, context)


def builds_scaled(
    feature_set: FeatureSet, target: Klines, context: Mapping[str, Klines], *, from_ms: int | None = None
) -> FeatureRows:
    """The build with all rows scaled by the quartiles of all of them."""
    rows = build_features(feature_set, target, context, from_ms=from_ms)
    return replace(rows, values=RobustScaler.fit(rows.values).transform(rows.values))


def knows_the_next_hours(asking: LabelledRows) -> np.ndarray:
    """When a label must have ended to vote, a horizon too late."""
    return LAST_KNOWN_MS(asking) + HORIZON_BARS * interval_ms(INTERVAL)


def searches_the_test(
    choose_from: Sequence[Learner], training: Dataset, window: Window, settings: ModelSettings
) -> SearchChoice | None:
    """Candidates judged on blocks that go on to the end of the test."""
    assert window.test is not None
    whole = replace(window, train=replace(window.train, end_ms=window.test.end_ms), test=None)
    return search_settings(choose_from, training, whole, settings)


def learns_all_of_other_markets(peers: transfer.Peers, rows: LabelledRows) -> dict[str, LabelledRows]:
    """Other markets' rows of the test's days are learned too."""
    return {symbol: peer.select(np.isfinite(peer.up)) for symbol, peer in peers.items()}


LAST_KNOWN_MS = live.last_known_ms
NO_PURGE = Mutant(name="no purge", replaced=(Replacement(owner=rows_module, name="known_before", by=known_always),))
ISOLATED = {"dataset": DATA, "window": WINDOW, "seed": 0}
ORACLES = (
    Oracle(
        code="D02",
        claim="forecasts are the same when all that came later is cut off",
        check=check_predictions,
        given={"forecast": partial(PRODUCT.forecast, window=WINDOW), "markets": SUBJECT.markets, "cut_times": CUTS},
        mutants=(
            Mutant(
                name="centred window",
                replaced=(Replacement(owner=product, name="build_features", by=builds_centred),),
            ),
            Mutant(
                name="scaler fitted on all rows",
                replaced=(Replacement(owner=product, name="build_features", by=builds_scaled),),
            ),
        ),
    ),
    Oracle(
        code="D07",
        claim="a bank that grows in the test hears of no label before its end",
        check=check_predictions,
        given={
            "forecast": partial(GROWING_PRODUCT.forecast, window=WINDOW),
            "markets": GROWING.markets,
            "cut_times": CUTS,
        },
        mutants=(
            Mutant(
                name="labels of the next two hours vote",
                replaced=(Replacement(owner=live, name="last_known_ms", by=knows_the_next_hours),),
            ),
        ),
        is_slow=True,  # trains the vote for every cut; `tests/job/model/test_live.py` has the claim row by row
    ),
    Oracle(
        code="D05",
        claim="nothing that was fitted or chosen changes with the test (logistic)",
        check=check_isolation,
        given={"train": PRODUCT.train, **ISOLATED},
        mutants=(Mutant(name="scaler fitted on all rows", given={"train": scaled_globally}), NO_PURGE),
    ),
    Oracle(
        code="D05",
        claim="nothing that was fitted or chosen changes with the test (Lorentzian)",
        check=check_isolation,
        given={"train": NEURAL_PRODUCT.train, **ISOLATED},
        mutants=(NO_PURGE,),
    ),
    Oracle(
        code="D05",
        claim="no candidate of a search is judged by anything of the test",
        check=check_isolation,
        given={"train": SEARCHING_PRODUCT.train, **ISOLATED},
        mutants=(
            Mutant(
                name="settings searched on the test",
                replaced=(Replacement(owner=learners, name="search_settings", by=searches_the_test),),
            ),
        ),
        is_slow=True,  # a dozen fits; `tests/job/test_searching.py` has the claim with learners that fit nothing
    ),
    Oracle(
        code="D05",
        claim="nothing is learned of what other markets did in the test",
        check=check_isolation,
        given={
            "train": TRANSFERRING_PRODUCT.train,
            **ISOLATED,
            "dataset": replace(DATA, peers=TRANSFERRING_PRODUCT.peers(TRANSFERRING.markets, WINDOW.span)),
        },
        mutants=(
            Mutant(
                name="other markets learned to the end of the test",
                replaced=(Replacement(owner=transfer, name="known_in_time", by=learns_all_of_other_markets),),
            ),
        ),
        is_slow=True,  # trains three times as much; `tests/job/model/test_transfer.py` has the claim on fewer rows
    ),
    Oracle(
        code="D19",
        claim="the same window twice gives the same bytes (logistic)",
        check=check_determinism,
        given={"train": PRODUCT.train, "dataset": DATA, "window": WINDOW},
        mutants=(Mutant(name="random numbers without a seed", given={"train": unseeded}),),
    ),
    Oracle(
        code="D19",
        claim="the same window twice gives the same bytes (Lorentzian)",
        check=check_determinism,
        given={"train": NEURAL_PRODUCT.train, "dataset": DATA, "window": WINDOW},
    ),
)


@each_oracle(ORACLES)
def test_training_keeps_to_the_claim(oracle: Oracle) -> None:
    """The product's training passes."""
    assert_passes(oracle)


@each_mutant(ORACLES)
def test_mistake_in_training_is_caught(oracle: Oracle, mutant: Mutant) -> None:
    """Training with the mistake fails."""
    assert_caught(oracle, mutant)
