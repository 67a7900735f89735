from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

import job.model.epochs
import job.model.fit
from job.arrays import BoolArray
from job.backtest.costs import Costs
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines
from job.errors import ExitCode, NoDataError
from job.intervals import DAY_MS, bars_per_year
from job.labels import fixed_labels
from job.model.calibration import shrink
from job.model.classifier import OnEpoch, ValidatedFit
from job.model.fit import LorentzianClassifier, LorentzianLearner
from job.model.logistic import LogisticLearner
from job.model.prior import PriorLearner
from job.model.scaling import RobustScaler
from job.procedure import TrainedProcedure, on_bars, train_procedure
from job.rows import LabelledRows, join_labels
from job.settings.procedure import ModelSettings, OptimizeMetric
from job.signals import NEVER, TradingRules
from job.windows import Span, Window
from tests.support.klines import START_MS, random_klines
from tests.support.labelled import BAR_MS, intervals_meet

TRAIN_DAYS, TEST_DAYS, HORIZON_BARS, NUM_FEATURES = 20, 3, 6, 5
NUM_BARS = 24 * (TRAIN_DAYS + TEST_DAYS)
TEST_START_MS = START_MS + TRAIN_DAYS * DAY_MS
WINDOW = Window(
    index=0,
    train=Span(start_ms=START_MS, end_ms=TEST_START_MS),
    test=Span(start_ms=TEST_START_MS, end_ms=TEST_START_MS + TEST_DAYS * DAY_MS),
)
RULES = TradingRules(
    costs=Costs(fee_bps=5, slippage_bps=2), market="perp", hold_bars=HORIZON_BARS, bars_per_year=bars_per_year("1h")
)


def make_klines(seed: int = 0) -> Klines:
    """Training and test bars of one window."""
    return random_klines(NUM_BARS, "1h", seed=seed)


def make_rows(klines: Klines, *, knowledge: float = 0.0) -> LabelledRows:
    """Rows of normal features; feature 1 leans on the coming move as much as ``knowledge``."""
    values = np.random.default_rng(1).standard_normal((len(klines), NUM_FEATURES))
    ahead = np.log(klines.open[HORIZON_BARS + 1 :] / klines.open[1:-HORIZON_BARS])
    values[: len(ahead), 1] += knowledge * ahead / ahead.std()
    features = FeatureRows(names=tuple("abcde"), open_time=klines.open_time, values=values.astype(np.float32))
    return join_labels(features, klines, fixed_labels(klines, horizon_bars=HORIZON_BARS))


def make_lorentzian(epochs: int = 2) -> LorentzianLearner:
    """A learner that is done at once."""
    return LorentzianLearner(ModelSettings(epochs=epochs), stream=0, device=torch.device("cpu"))


def train(
    rows: LabelledRows, klines: Klines, learner: object = None, *, window: Window = WINDOW, **options: object
) -> TrainedProcedure:
    """The procedure under the rules of these tests."""
    torch.set_num_threads(1)
    return train_procedure(
        learner or LogisticLearner(),
        rows,
        klines,
        window,
        metric=OptimizeMetric.SHARPE_RATIO,
        rules=RULES,
        seed=0,
        **options,
    )


def numbers_of(value: object, name: str = "trained") -> dict[str, np.ndarray]:
    """Every number that a trained procedure holds, however deep."""
    if isinstance(value, torch.nn.Module):
        return {f"{name}.{key}": tensor.numpy() for key, tensor in value.state_dict().items()}
    if isinstance(value, torch.Tensor):
        return {name: value.numpy()}
    if hasattr(value, "coef_"):
        return {f"{name}.coef": value.coef_, f"{name}.intercept": value.intercept_}
    if hasattr(value, "__dataclass_fields__"):
        parts = {f"{name}.{f.name}": getattr(value, f.name) for f in fields(value)}
    elif isinstance(value, tuple) and value and not isinstance(value[0], float):
        parts = {f"{name}.{number}": item for number, item in enumerate(value)}
    else:
        return {name: np.asarray(value)}
    return {key: number for part, item in parts.items() for key, number in numbers_of(item, part).items()}


def differing(one: TrainedProcedure, other: TrainedProcedure) -> set[str]:
    """Names of the numbers that are not equal bit for bit."""
    first, second = numbers_of(one), numbers_of(other)
    assert first.keys() == second.keys()
    return {name for name in first if first[name].tobytes() != second[name].tobytes()}


def poison(klines: Klines, start_ms: int) -> Klines:
    """Other prices from ``start_ms`` on."""
    is_unseen = klines.open_time >= start_ms
    factor = np.where(is_unseen, np.exp(np.random.default_rng(9).normal(0, 1, len(klines))), 1)
    return replace(
        klines,
        open=klines.open * factor,
        high=klines.high * factor,
        low=klines.low * factor,
        close=klines.close * factor,
    )


def perturb(rows: LabelledRows, is_changed: BoolArray) -> LabelledRows:
    """Other features and labels where ``is_changed``."""
    return replace(
        rows,
        features=np.where(is_changed[:, None], 1000 - 7 * rows.features, rows.features),
        up=np.where(is_changed, 1 - rows.up, rows.up),
    )


@pytest.mark.parametrize("make_learner", [make_lorentzian, LogisticLearner, PriorLearner])
def test_train_procedure_is_isolated_from_the_test(make_learner: Callable[[], object]) -> None:
    """Other test bars, with all features and labels that follow from them, change no bit of what was trained."""
    klines = make_klines()
    rows = make_rows(klines, knowledge=1.0)
    poisoned = poison(klines, TEST_START_MS)
    labels = join_labels(
        FeatureRows(names=tuple("abcde"), open_time=rows.open_time, values=rows.features),
        poisoned,
        fixed_labels(poisoned, horizon_bars=HORIZON_BARS),
    )
    assert (labels.up[rows.open_time < TEST_START_MS] != rows.up[rows.open_time < TEST_START_MS]).any()
    other = perturb(labels, rows.open_time >= TEST_START_MS)
    trained = train(rows, klines, make_learner())
    assert differing(trained, train(other, poisoned, make_learner())) == set()
    # The comparison is not blind: one more training label changes much.
    is_early = np.arange(len(rows)) == 5
    assert len(differing(trained, train(perturb(rows, is_early), klines, make_learner()))) >= 2


def test_isolation_test_catches_a_scaler_fitted_on_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scaler that has seen the test, as in many a notebook, is what the test above exists for."""
    klines = make_klines()
    rows = make_rows(klines, knowledge=1.0)
    other = perturb(rows, rows.open_time >= TEST_START_MS)

    def train_scaled_on(everything: LabelledRows) -> TrainedProcedure:
        scaler = RobustScaler.fit(everything.features)
        with monkeypatch.context() as patch:
            patch.setattr(job.model.fit.RobustScaler, "fit", lambda _features: scaler)
            return train(everything, klines, make_lorentzian())

    changed = differing(train_scaled_on(rows), train_scaled_on(other))
    assert {"trained.classifier.scaler.range", "trained.classifier.network.slope"} <= changed


def test_train_procedure_is_deterministic() -> None:
    """The same rows and bars give the same bits."""
    klines = make_klines()
    rows = make_rows(klines, knowledge=1.0)
    assert differing(train(rows, klines, make_lorentzian()), train(rows, klines, make_lorentzian())) == set()


class Spy(PriorLearner):
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.fits: list[LabelledRows] = []
        self.validations: list[LabelledRows] = []
        self.train: LabelledRows | None = None

    def validate(
        self, fit: LabelledRows, validation: LabelledRows, *, block: int, on_epoch: OnEpoch | None = None
    ) -> ValidatedFit:
        self.fits.append(fit)
        self.validations.append(validation)
        return super().validate(fit, validation, block=block)

    def refit(self, train: LabelledRows, validated: tuple[ValidatedFit, ...], *, on_epoch: OnEpoch | None = None):  # type: ignore[no-untyped-def]
        self.train = train
        return super().refit(train, validated)


def test_learners_never_see_an_overlap() -> None:
    """No fit row meets its validation rows, no label given to a learner reaches the test, and nothing else is lost."""
    klines = make_klines()
    rows = make_rows(klines)
    spy = Spy()
    train(rows, klines, spy)
    for fit, validation in zip(spy.fits, spy.validations, strict=True):
        assert not intervals_meet(fit, validation).any()
        labelled = np.isfinite(validation.up)
        assert (validation.label_end_ms[labelled] < TEST_START_MS).all()
    fifth = 4 * 24
    lost = HORIZON_BARS  # labels known at an open: those of the last h bars end at or after the first decision
    assert [len(fit) for fit in spy.fits] == [3 * fifth - lost, 4 * fifth - lost]
    assert [len(validation) for validation in spy.validations] == [fifth, fifth]
    assert len(spy.train) == 5 * fifth - lost - 1  # one more bar of embargo before the test
    assert (spy.train.label_end_ms < TEST_START_MS).all()


def test_without_a_refit_the_newest_fifth_is_left_out() -> None:
    """What was chosen is the same; what is fitted ends, purged, before the last validation block."""
    klines = make_klines()
    rows = make_rows(klines, knowledge=1.0)
    spy = Spy()
    kept, refitted = train(rows, klines, spy, refit=False), train(rows, klines, Spy())
    assert spy.train is not None
    assert spy.train.open_time.tolist() == spy.fits[1].open_time.tolist()
    assert not intervals_meet(spy.train, spy.validations[1]).any()
    assert (kept.num_rows, kept.prior) == (4 * 4 * 24 - HORIZON_BARS, float(spy.train.up.mean()))
    assert kept.num_rows < refitted.num_rows
    chosen = {"trained.choice", "trained.slope", "trained.validation"}
    assert not [name for name in differing(kept, refitted) if name.startswith(tuple(chosen))]
    logistic = {f"trained.classifier.{name}" for name in ("coefficients", "intercept")}
    assert logistic <= differing(train(rows, klines, refit=False), train(rows, klines))


def test_effective_rows_are_those_of_what_was_fitted() -> None:
    """One independent label in about six, on all rows or on those that are left without a refit."""
    klines = make_klines()
    rows = make_rows(klines)
    for refit in (True, False):
        trained = train(rows, klines, refit=refit)
        assert trained.effective_rows == pytest.approx(trained.num_rows / HORIZON_BARS, rel=0.05)


def test_train_procedure_trades_an_edge_and_not_noise() -> None:
    """A feature that leans on the coming move is traded at a validation profit; noise is left alone."""
    klines = make_klines()
    edge, noise = train(make_rows(klines, knowledge=1.0), klines), train(make_rows(klines), klines)
    assert edge.choice.thresholds != NEVER
    assert edge.validation_account.equity[-1] > 1.02
    assert edge.slope > 0.5
    assert noise.choice.thresholds == NEVER
    assert noise.validation_account.equity[-1] == 1
    assert noise.slope < 0.5


def test_trained_procedure_forecasts_what_its_classifier_says_after_shrinkage() -> None:
    """Forecasts are the refitted classifier's, moved to the training prior by the validated slope."""
    klines = make_klines()
    rows = make_rows(klines, knowledge=0.3)
    trained = train(rows, klines)
    expected = shrink(trained.classifier.predict(rows.features), prior=trained.prior, slope=trained.slope)
    np.testing.assert_array_equal(trained.forecast(rows.features), expected)
    assert trained.best_epoch is None
    assert trained.curves == ()


def test_train_procedure_pools_both_validation_blocks() -> None:
    """Validation forecasts, labels and account cover the last two fifths of the training span."""
    klines = make_klines()
    trained = train(make_rows(klines), klines)
    assert len(trained.validation_up) == len(trained.validation_probability) == 2 * 4 * 24
    assert trained.validation_account.open_time[0] == START_MS + 12 * DAY_MS
    assert trained.validation_account.open_time[-1] == TEST_START_MS - BAR_MS


def test_train_procedure_tells_of_every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress names the two blocks and the refit, and each epoch of them, with its loss."""
    monkeypatch.setattr(job.model.epochs, "best_candidate", lambda _: 2.0)  # none at all would be told of by nothing
    klines, told = make_klines(), []
    trained = train(
        make_rows(klines, knowledge=1.0),
        klines,
        make_lorentzian(epochs=2),
        on_progress=lambda part, epoch, loss: told.append((part, epoch, loss)),
    )
    assert [(part, epoch) for part, epoch, _ in told][:4] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert {part for part, _, _ in told} == {0, 1, 2}
    assert [loss for part, _, loss in told if part == 2] == list(trained.curves[2].training)
    assert trained.best_epoch == len(trained.curves[2].training)
    assert isinstance(trained.classifier, LorentzianClassifier)


def test_train_procedure_for_the_final_refit_has_no_test() -> None:
    """Without a test span, training uses every row whose label the training bars settle."""
    klines = make_klines().between(START_MS, TEST_START_MS)
    spy = Spy()
    train(make_rows(klines), klines, spy, window=replace(WINDOW, test=None))
    assert len(spy.train) == len(klines) - HORIZON_BARS - 1


def test_train_procedure_says_what_is_too_little() -> None:
    """A span with hardly any rows ends with 66, and says how many there are."""
    klines = make_klines()
    rows = make_rows(klines).select(np.arange(0, NUM_BARS, 10))
    with pytest.raises(NoDataError, match=r"has 2\d labelled rows, and its validation 10; each needs 50") as caught:
        train(rows, klines)
    assert caught.value.exit_code is ExitCode.NO_DATA


def test_on_bars_leaves_bars_without_a_row_empty() -> None:
    """Each value stands on its own bar; a bar without a row is NaN, a row without a bar is dropped."""
    klines = make_klines().select(slice(0, 5))
    open_time = [*klines.open_time[[1, 4]].tolist(), int(klines.open_time[-1]) + BAR_MS]
    placed = on_bars(klines, np.array(open_time), np.array([0.1, 0.4, 0.9]))
    np.testing.assert_array_equal(placed, [np.nan, 0.1, np.nan, np.nan, 0.4])
