"""What decides a result: market, costs, strategy, labels, features, windows and model.

Every setting here is part of a run's identity and of what makes it another trial. Flags, environment names and file
keys are made from the field names, by `job.settings.sources` and `job.cli`; nobody else reads the environment.
"""

from enum import StrEnum
from typing import Literal, TypeAlias

from pydantic import Field, ValidationInfo, field_validator

from job.intervals import INTERVAL_MS
from job.settings.group import CommaSeparated, Group, SymbolName, SymbolNames, VenueName, flags_of

# Decisions are made and labels measured over about an hour at 5m and two at 15m.
DEFAULT_HORIZON_BARS = {"1m": 60, "3m": 20, "5m": 12, "15m": 8, "30m": 12, "1h": 12}
PINE_HORIZON_BARS = 4  # after as many the published indicator closes its trades
SYNTHETIC_VENUE = "synthetic"  # bars that were made here: each world's venue has a name that begins so

LabelSubject: TypeAlias = Literal["side", "volatility", "past"]


class MarketSettings(Group):
    """Which market, and which others are looked at beside it."""

    symbol: SymbolName = Field("SOLUSDT", description="market to trade")
    interval: str = Field("5m", description=f"bar length: {' '.join(INTERVAL_MS)}")
    context: CommaSeparated = Field(
        ("BTCUSDT", "ETHUSDT"),
        description="markets whose bars are features too, comma separated; '' for none",
    )
    venue: VenueName = Field("binance-perp", description="name of the source of the bars")
    market: Literal["perp", "spot"] = Field("perp", description="perp: long, short, flat; spot: long or flat")

    @field_validator("interval")
    @classmethod
    def _interval_is_known(cls, value: str) -> str:
        if value not in INTERVAL_MS:
            raise ValueError(f"is not one of {' '.join(INTERVAL_MS)}")
        return value

    @property
    def context_symbols(self) -> tuple[str, ...]:
        """The context without the traded market itself, each symbol once."""
        return tuple(dict.fromkeys(symbol for symbol in self.context if symbol != self.symbol))

    @property
    def is_synthetic(self) -> bool:
        """Whether its bars were made here."""
        return self.venue.startswith(SYNTHETIC_VENUE)

    @property
    def flags(self) -> str:
        """What a command line must say to mean this market, see `flags_of`."""
        return flags_of(self)


class MarketsSettings(MarketSettings):
    """Which markets a command goes through, one after the other; ``symbol`` lists them."""

    symbol: SymbolNames = Field(
        "SOLUSDT", description="market that is traded; several, comma separated, are gone through one after the other"
    )

    @property
    def each(self) -> tuple[MarketSettings, ...]:
        """The settings of each market by itself, in the order of the list, none twice."""
        shared = self.model_dump(exclude={"symbol"})
        return tuple(MarketSettings(symbol=symbol, **shared) for symbol in dict.fromkeys(self.symbol.split(",")))


class CostSettings(Group):
    """What a trade costs, each side."""

    fee_bps: float = Field(5.0, ge=0, le=1000, description="fee a side, in basis points of notional")
    slippage_bps: float = Field(2.0, ge=0, le=1000, description="slippage a side, in basis points of price")
    funding_bps: float | None = Field(
        None,
        ge=-100,
        le=100,
        description="funding that longs pay shorts each 8 hours, in basis points (default: the stored series, or none)",
    )


class StrategySettings(Group):
    """How forecasts are traded."""

    thresholds: Literal["asymmetric", "symmetric"] = Field(
        "asymmetric", description="asymmetric: buying may ask for more certainty than selling; symmetric: for the same"
    )
    sizing: Literal["fixed", "volatility"] = Field(
        "fixed", description="fixed: the whole account; volatility: less when the market moves more"
    )
    target_volatility: float = Field(
        0.5, gt=0, le=10, description="a year's standard deviation that volatility sizing aims at, as a fraction"
    )
    max_size: float = Field(1.0, gt=0, le=10, description="largest position, in multiples of the account")
    stop_loss_atr: float | None = Field(
        None, gt=0, le=100, description="close a trade that loses so many average true ranges (default: never)"
    )
    take_profit_atr: float | None = Field(
        None, gt=0, le=100, description="close a trade that gains so many average true ranges (default: never)"
    )
    max_hold: int | None = Field(
        None, ge=1, le=10_000, description="close a trade after so many bars, whatever is forecast (default: never)"
    )


class LabelSettings(Group):
    """What the model learns to forecast."""

    label: Literal["triple-barrier", "fixed", "volatility", "pine"] = Field(
        "triple-barrier",
        description=(
            "triple-barrier: which barrier is hit first; fixed: up after the horizon; volatility: whether the market "
            "moves more than over the last day, which has no side and is not traded; pine: the published indicator's, "
            "the last 4 bars' move inverted, known already when it is forecast"
        ),
    )
    horizon: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="longest life of a label in bars, and of a trade (default: "
        f"{', '.join(f'{bars} at {interval}' for interval, bars in DEFAULT_HORIZON_BARS.items())}; "
        f"{PINE_HORIZON_BARS} with --label pine)",
    )

    @property
    def subject(self) -> LabelSubject:
        """What the label asks about: a side that can be traded, how much the market moves, or a move that is over."""
        subjects: dict[str, LabelSubject] = {"volatility": "volatility", "pine": "past"}
        return subjects.get(self.label, "side")

    def horizon_bars(self, interval: str) -> int:
        """The horizon in bars, with the interval's default where none was given."""
        if self.horizon is not None:
            return self.horizon
        return PINE_HORIZON_BARS if self.label == "pine" else DEFAULT_HORIZON_BARS[interval]


class FeatureSettings(Group):
    """Which features the model sees."""

    features: str = Field("core", pattern=r"^[a-z0-9][a-z0-9-]{0,30}$", description="name of the feature set")


class OptimizeMetric(StrEnum):
    """What ranks thresholds on validation forecasts."""

    TOTAL_RETURN = "total_return"
    WIN_RATE = "win_rate"
    SHARPE_RATIO = "sharpe_ratio"
    SORTINO_RATIO = "sortino_ratio"
    CALMAR_RATIO = "calmar_ratio"


class WindowSettings(Group):
    """How the span is cut into walk-forward windows."""

    data_days: int = Field(180, ge=8, le=10_000, description="days of history, ending with the last closed bar")
    window_size: int = Field(30, ge=5, le=5_000, description="days of each training window")
    test_size: int = Field(7, ge=1, le=365, description="days of each test window")
    optimize_metric: OptimizeMetric = Field(
        OptimizeMetric.SHARPE_RATIO, description="ranks thresholds on validation forecasts, never on the test"
    )
    anchored: bool = Field(False, description="training windows all start with the first day, and grow")
    reduce_test: bool = Field(False, description="days left over make a first window with a shorter test")
    refit: bool = Field(True, description="fit once more on all training days with what validation has chosen")
    holdout_days: int = Field(
        0, ge=0, le=365, description="newest days locked away: no window sees them until they are opened once"
    )


class SplitSettings(Group):
    """One fixed split, the guide's basic training."""

    data_days: int = Field(90, ge=8, le=10_000, description="days of history, ending with the last closed bar")
    test_size: float = Field(0.2, gt=0, lt=0.9, description="fraction of the days held out for the test")
    optimize_metric: OptimizeMetric = Field(
        OptimizeMetric.SHARPE_RATIO, description="ranks thresholds on validation forecasts, never on the test"
    )


class ModelSettings(Group):
    """The classifier and its training."""

    model: Literal["lorentzian", "logistic", "lightgbm", "mlp", "lorentzian-knn", "blend"] = Field(
        "lorentzian",
        description=(
            "classifier that trades; blend: lorentzian, lightgbm and logistic, weighed on validation; simpler ones are "
            "always trained beside it"
        ),
    )
    epochs: int = Field(30, ge=1, le=10_000, description="most passes of training; validation stops it earlier")
    lr: float = Field(0.001, gt=0, le=1, description="learning rate (feature scales learn a hundred times as fast)")
    batch_size: int = Field(64, ge=8, le=65_536, description="queries a step")
    scheduler: Literal["cosine", "plateau", "none"] = Field(
        "cosine",
        description="course of the learning rate: a cosine to a hundredth; a third whenever the loss stands; constant",
    )
    effort: Literal["auto", "quick", "full"] = Field(
        "auto", description="work of a fit: quick: one vote; full: three, of more rows; auto: full on a GPU alone"
    )
    encoder: Literal["none", "residual"] = Field(
        "none", description="residual: part of the distance is between learned embeddings of the features"
    )
    embedding: int = Field(32, ge=1, le=1024, description="features that the encoder learns")
    blocks: int = Field(1, ge=0, le=8, description="residual blocks of the encoder, each of one hidden layer")
    hidden: int = Field(64, ge=1, le=4096, description="units of a hidden layer of the encoder")
    dropout: float = Field(0.2, ge=0, lt=1, description="share of those units left out at random in a step")
    neighbours: float = Field(50, ge=1, le=10_000, description="rows that an untrained vote effectively counts")
    class_weights: Literal["none", "balanced"] = Field(
        "none",
        description=(
            "balanced: the rarer label counts as much as the other while the vote learns; forecasts are corrected for "
            "it afterwards"
        ),
    )
    novelty: float | None = Field(
        None,
        ge=0.5,
        le=1,
        description=(
            "abstain from bars that are farther from their nearest training rows than this share of training rows is "
            "(default: never)"
        ),
    )
    live_bank: bool = Field(
        False,
        description=(
            "after the fit, rows whose labels have ended join those that vote, each from then on, in tests and in "
            "predict; nothing is fitted again"
        ),
    )
    search: Literal["none", "guide", "wide"] = Field(
        "none",
        description=(
            "let validation choose among drawn candidates; guide: of learning rate, batch size, hidden units, dropout; "
            "wide: of the encoder's and the vote's sizes too"
        ),
    )
    search_candidates: int = Field(12, ge=2, le=144, description="candidates that a search draws")
    transfer: Literal["none", "pretrain"] = Field(
        "none",
        description=(
            "pretrain: learn the distance on the context's markets first, from their own feature rows, then train on "
            "at a tenth of the rate; the same without, and one model of all markets' rows, are trained beside it"
        ),
    )
    seed: int = Field(0, ge=0, lt=2**32, description="seed of everything random in training")

    @field_validator("class_weights", "novelty", "live_bank", "search", "transfer")
    @classmethod
    def _model_takes_it(cls, value: object, info: ValidationInfo) -> object:
        """A setting that would be read by nobody is refused, not forgotten."""
        takers = ("lorentzian", "blend") if info.field_name in {"class_weights", "search"} else ("lorentzian",)
        if value not in {None, "none", False} and info.data.get("model") not in takers:
            raise ValueError(f"needs --model {' or '.join(takers)}")
        return value

    @field_validator("transfer")
    @classmethod
    def _search_is_of_one_market(cls, value: str, info: ValidationInfo) -> str:
        if value != "none" and info.data.get("search") != "none":
            raise ValueError("needs --search none: candidates are tried on the traded market alone")
        return value


class TrainModelSettings(ModelSettings):
    """The guide's basic training runs longer."""

    epochs: int = Field(50, ge=1, le=10_000, description="most passes of training; validation stops it earlier")
