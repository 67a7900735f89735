"""Learning: what was planted is found, what was not is not, and no label comes in by a side door."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier

import job.model.fit
from job.arrays import FloatArray
from job.audit.finding import AuditFinding, Claim
from job.audit.future import TARGET, Build
from job.audit.leaks import Score, check_permutation, check_time_shift
from job.audit.product import Product, forward_score
from job.data.feature_rows import FeatureRows
from job.data.klines import Klines
from job.features.build import build_features
from job.features.registry import feature_set
from job.intervals import interval_ms
from job.labels import Labels
from job.model.adamw import AdamW
from job.model.classifier import Classifier
from job.model.fit import LorentzianLearner
from job.model.line import Line
from job.model.logistic import LogisticLearner
from job.rows import LabelledRows, join_labels
from job.settings.procedure import ModelSettings
from tests.honesty.registry import Mutant, Oracle, Replacement, assert_caught, assert_passes, each_mutant, each_oracle
from tests.support import feature_mutants
from tests.support.audited import audited_world
from tests.support.klines import random_klines, random_log_returns
from tests.support.labelled import BAR_MS, random_rows, sigmoid

Learn = Callable[[LabelledRows, LabelledRows], Classifier]
Target = Callable[[FloatArray], FloatArray]

PLANTED = Claim(check="planted", proves="a planted signal is found, and where it was planted", remedy="")
BLIND = Claim(check="blind", proves="a model that can only see straight lines does not find an XOR", remedy="")
SEEN = Claim(check="permutation", proves="real labels beat labels dealt out anew where there is a signal", remedy="")
LEAD = Claim(check="lead", proves="the bar of another market that leads by one is in the row that it leads", remedy="")
SIGNAL, PARTNER, NUM_FEATURES = 2, 4, 6
LEAST_AUC = 0.55


def logit_of(features: FloatArray, kind: str) -> FloatArray:
    """The planted logit of p(up)."""
    one, other = features[:, SIGNAL], features[:, PARTNER]
    return {
        "noise": np.zeros(len(one)),
        "linear": 0.45 * one,
        "contrarian": -0.45 * one,
        "xor": 1.2 * np.sign(one) * other,
    }[kind]


def planted_rows(kind: str, num_rows: int, seed: int) -> LabelledRows:
    """Rows whose label follows one feature, goes against it, or follows two of them only together."""
    rows = random_rows(num_rows, num_features=NUM_FEATURES, seed=seed)
    chance = sigmoid(logit_of(rows.features.astype(np.float64), kind))
    return replace(rows, up=(np.random.default_rng(seed + 1).random(num_rows) < chance).astype(np.float64))


def learn_lorentzian(fit: LabelledRows, validation: LabelledRows) -> Classifier:
    """The product's vote, at settings that train within seconds."""
    settings = ModelSettings(epochs=12)
    learner = LorentzianLearner(settings, stream=0, device=torch.device("cpu"))
    classifier, _ = learner.refit(fit, (learner.validate(fit, validation, block=0),))
    return classifier


def learn_logistic(fit: LabelledRows, validation: LabelledRows) -> Classifier:
    """The product's logistic regression."""
    learner = LogisticLearner()
    classifier, _ = learner.refit(fit, (learner.validate(fit, validation, block=0),))
    return classifier


def learn_upside_down(fit: LabelledRows, validation: LabelledRows) -> Classifier:
    """Labels with the wrong sign."""
    return learn_lorentzian(replace(fit, up=1 - fit.up), replace(validation, up=1 - validation.up))


def lowest_auc(learn: Learn, kind: str) -> tuple[float, Classifier]:
    """Lower end of a 95 % interval of the AUC on 2,000 new rows, and the model."""
    classifier = learn(planted_rows(kind, 1_500, seed=1), planted_rows(kind, 400, seed=11))
    test = planted_rows(kind, 2_000, seed=21)
    num_up = float(test.up.sum())
    error = np.sqrt((len(test) + 1) / (12 * num_up * (len(test) - num_up)))
    return float(roc_auc_score(test.up, classifier.predict(test.features))) - 1.96 * error, classifier


def check_planted(*, learn: Learn, kind: str, least: float) -> AuditFinding:
    """The AUC's interval lies above ``least``; the planted features have the largest slopes, or scales for an XOR."""
    low, classifier = lowest_auc(learn, kind)
    network = getattr(classifier, "network", None)
    planted = {SIGNAL, PARTNER} if kind == "xor" else {SIGNAL}
    if network is None:
        return PLANTED.judge(low > least, f"{kind}: lower end of the AUC's interval {low:.3f}")
    what, sizes = ("scales", network.scales[0]) if kind == "xor" else ("slopes", network.slope.abs())
    top = np.argsort(-sizes.numpy(), kind="stable")[:2]
    return PLANTED.judge(
        low > least and planted <= set(top.tolist()),
        f"{kind}: lower end of the AUC's interval {low:.3f}; largest {what} "
        + ", ".join(f"feature {column} {sizes[column]:.2f}" for column in top),
    )


def check_blind(*, learn: Learn) -> AuditFinding:
    """The AUC's interval on the XOR does not lie above one half by more than chance."""
    low, _ = lowest_auc(learn, "xor")
    return BLIND.judge(low < 0.53, f"xor: lower end of the AUC's interval {low:.3f}")


def check_seen(*, score: Score, kind: str) -> AuditFinding:
    """The p-value of real labels among 25 deals is as small as 25 deals allow."""
    rows = planted_rows(kind, 2_000, seed=5)
    finding = check_permutation(score=score, rows=rows, block_rows=16, num_draws=25, seed=2)
    p_value = float(finding.evidence.rsplit("p = ", 1)[1])
    return SEEN.judge(finding.outcome == "pass" and p_value < 0.05, f"{kind}: {finding.evidence}")


def scores_by_neighbours_in_time(rows: LabelledRows) -> float:
    """Rows are dealt to fit and validation by chance, and asked by their number: neighbours share labels."""
    number = np.arange(len(rows), dtype=np.float64)[:, None]
    is_fit = np.random.default_rng(0).random(len(rows)) < 0.7
    model = KNeighborsClassifier(5).fit(number[is_fit], rows.up[is_fit])
    return float(roc_auc_score(rows.up[~is_fit], model.predict_proba(number[~is_fit])[:, 1]))


def scores_nothing(rows: LabelledRows) -> float:
    """A model that learned nothing."""
    return 0.5 + 1e-3 * float(np.random.default_rng(len(rows)).standard_normal()) * float(rows.up[0])


def persistent_rows(num_rows: int) -> LabelledRows:
    """Features that say nothing, and labels that neighbours share."""
    rows = random_rows(num_rows, seed=7)
    steps = np.random.default_rng(8).standard_normal(num_rows + 8)
    return replace(rows, up=(np.convolve(steps, np.ones(8), mode="valid")[:num_rows] > 0).astype(np.float64))


def joined_bars_off(num_bars: int) -> Callable[[FeatureRows, Klines, Labels], LabelledRows]:
    """The join with rows put on bars before (1) or after (-1) their own."""

    def join(features: FeatureRows, klines: Klines, labels: Labels) -> LabelledRows:
        moved = replace(features, open_time=features.open_time - num_bars * interval_ms(klines.interval))
        return join_labels(moved, klines, labels)

    return join


def leading_markets(num_bars: int) -> dict[str, Klines]:
    """A target whose every bar follows the bar before of BTCUSDT."""
    generator = np.random.default_rng(6)
    leader = random_log_returns(num_bars, generator)
    own = random_log_returns(num_bars, generator)
    return {
        TARGET: random_klines(num_bars, "15m", 1, log_returns=0.6 * np.append(0.0, leader[:-1]) + 0.8 * own),
        "BTCUSDT": random_klines(num_bars, "15m", 2, log_returns=leader),
    }


def check_lead(*, build: Build) -> AuditFinding:
    """AUC of the leader's newest return for the target's next bar."""
    target = LED[TARGET]
    rows = build(target, {"BTCUSDT": LED["BTCUSDT"]})
    column = next(n for n, name in enumerate(rows.names) if name.lower().startswith("btcusdt") and name.endswith("_1"))
    bars = np.searchsorted(target.open_time, rows.open_time)
    bars, values = bars[:-2], rows.values[:-2, column]
    auc = float(roc_auc_score(target.close[bars + 1] > target.open[bars + 1], values))
    return LEAD.judge(auc > 0.6, f"AUC of {rows.names[column]} for the next bar {auc:.3f}")


def flat_line(features: object, rows: LabelledRows, weights: object) -> Line:
    """A line that forecasts one half for everything."""
    return Line(slope=np.zeros(rows.features.shape[1]), level=0.0)


def dead_step(self: object) -> None:
    """An optimizer that changes nothing."""


LED = leading_markets(96 * 9)
LED_BUILD: Build = partial(build_features, feature_set("core", "15m", ("BTCUSDT",)))
SUBJECT = audited_world("noise", num_days=34)
PRODUCT = Product(plan=SUBJECT.plan, definition=SUBJECT.definition, device=SUBJECT.device)
SHIFTED = {
    "score": partial(forward_score, bar_ms=interval_ms(SUBJECT.target.interval)),
    "join": join_labels,
    "features": PRODUCT.build(SUBJECT.target, {s: m for s, m in SUBJECT.markets.items() if s != TARGET}),
    "klines": SUBJECT.target,
    "labels": PRODUCT.label(SUBJECT.target),
}
FORWARD = partial(forward_score, bar_ms=BAR_MS)
DEAD = Mutant(name="training that changes nothing", replaced=(Replacement(owner=AdamW, name="step", by=dead_step),))
FLAT = Mutant(
    name="a line that was never solved", replaced=(Replacement(owner=job.model.fit, name="fit_line", by=flat_line),)
)
UPSIDE_DOWN = Mutant(name="labels with the wrong sign", given={"learn": learn_upside_down})
ORACLES = (
    Oracle(
        code="D09",
        claim="a planted signal is found",
        check=check_planted,
        given={"learn": learn_lorentzian, "kind": "linear", "least": LEAST_AUC},
        mutants=(FLAT, UPSIDE_DOWN, Mutant(name="nothing planted", given={"kind": "noise"})),
    ),
    Oracle(
        code="D10",
        claim="a signal against the feature is found",
        check=check_planted,
        given={"learn": learn_lorentzian, "kind": "contrarian", "least": LEAST_AUC},
        mutants=(UPSIDE_DOWN,),
    ),
    Oracle(
        code="D10",
        claim="a signal of two features together is found",
        check=check_planted,
        given={"learn": learn_lorentzian, "kind": "xor", "least": LEAST_AUC},
        mutants=(DEAD, Mutant(name="a linear model in its place", given={"learn": learn_logistic})),
    ),
    Oracle(
        code="D10",
        claim="a linear model does not find it",
        check=check_blind,
        given={"learn": learn_logistic},
        mutants=(Mutant(name="a model that does", given={"learn": learn_lorentzian}),),
    ),
    Oracle(
        code="D10",
        claim="a market that leads by one bar is joined at that bar",
        check=check_lead,
        given={"build": LED_BUILD},
        mutants=(
            Mutant(
                name="context joined a bar early",
                given={"build": feature_mutants.with_context_shifted(LED_BUILD, "BTCUSDT", 1)},
            ),
            Mutant(
                name="context joined a bar late",
                given={"build": feature_mutants.with_context_shifted(LED_BUILD, "BTCUSDT", -1)},
            ),
        ),
    ),
    Oracle(
        code="D11",
        claim="with labels dealt out anew nothing is forecast",
        check=check_permutation,
        given={"score": FORWARD, "rows": persistent_rows(2_000), "block_rows": 48, "num_draws": 20, "seed": 1},
        mutants=(Mutant(name="random split, asked by row number", given={"score": scores_by_neighbours_in_time}),),
    ),
    Oracle(
        code="D11",
        claim="real labels beat them where there is a signal",
        check=check_seen,
        given={"score": FORWARD, "kind": "linear"},
        mutants=(
            Mutant(name="a model that learned nothing", given={"score": scores_nothing}),
            Mutant(name="nothing planted", given={"kind": "noise"}),
        ),
    ),
    Oracle(
        code="D12",
        claim="joined features score as the past does, not as the future",
        check=check_time_shift,
        given=SHIFTED,
        mutants=(
            Mutant(name="rows joined a bar early", given={"join": joined_bars_off(1)}),
            Mutant(name="rows joined a bar late", given={"join": joined_bars_off(-1)}),
        ),
    ),
)


@each_oracle(ORACLES)
def test_learning_keeps_to_the_claim(oracle: Oracle) -> None:
    """The product's learning passes."""
    assert_passes(oracle)


@each_mutant(ORACLES)
def test_mistake_in_learning_is_caught(oracle: Oracle, mutant: Mutant) -> None:
    """Learning with the mistake fails."""
    assert_caught(oracle, mutant)
