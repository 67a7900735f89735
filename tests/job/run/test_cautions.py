import pytest

from job.backtest.funding import FundingDays
from job.intervals import DAY_MS, HOUR_MS, MINUTE_MS
from job.records import MeasureRecord, WindowRecord
from job.run.cautions import funding_warning, history_warning, idle_warning, run_warnings, training_warning
from job.windows import Span
from tests.support.procedures import with_changes
from tests.support.runs import END_MS, example_run

RUN = example_run(3)
ASKED_DAYS = RUN.plan.procedure.windows.data_days


@pytest.mark.parametrize(
    ("missing_ms", "words"),
    [
        (0, None),
        (5 * MINUTE_MS, "5 minutes short"),
        (18 * HOUR_MS, "18.0 hours short"),
        (10 * DAY_MS, "10.0 days short"),
    ],
)
def test_history_that_is_short_is_said(missing_ms: int, words: str | None) -> None:
    """By how much, and what it makes; the three days that warm features up are not missed."""
    start_ms = END_MS - (ASKED_DAYS - 3) * DAY_MS + missing_ms
    warning = history_warning(RUN.plan.procedure, Span(start_ms=start_ms, end_ms=END_MS), 1)
    if words is None:
        assert warning is None
    else:
        assert warning == f"The stored history is {words} of the {ASKED_DAYS} days asked for: it makes 1 window."


def test_run_says_what_plan_and_windows_say() -> None:
    """The plan's sentences first, then that of the windows, where their median has too few labels."""
    plan = RUN.plan.model_copy(update={"warnings": ("Short.",)})
    few = tuple(window.model_copy(update={"effective_train_rows": 60.0}) for window in RUN.windows)
    enough = tuple(window.model_copy(update={"effective_train_rows": 360.0}) for window in RUN.windows)
    assert run_warnings(plan, enough) == ("Short.",)
    first, second = run_warnings(plan, few)
    assert first == "Short."
    assert "10 days holds about 60 independent labels" in second
    assert "--window-size 60" in second


@pytest.mark.parametrize(
    ("num_trades", "words"),
    [
        ((0, 0, 8), "2 of 3 windows traded nothing"),
        ((0, 5, 8), None),
        ((0, 0, 0), None),
    ],
)
def test_run_that_hardly_traded_says_so(num_trades: tuple[int, ...], words: str | None) -> None:
    """Where most windows stayed flat, their days are zeros among the returns; none at all is the verdict's to say."""
    windows = [_with_trades(window, number) for window, number in zip(RUN.windows, num_trades, strict=True)]
    warning = idle_warning(windows)
    assert warning is None if words is None else warning is not None and warning.startswith(words)
    if warning is not None:
        assert "rests on the other 1" in warning
        assert warning in run_warnings(RUN.plan, windows)


def _with_trades(window: WindowRecord, number: int) -> WindowRecord:
    own = window.models[window.traded_model]
    test = {**own.test, "n_trades": MeasureRecord(value=float(number))}
    return window.model_copy(
        update={"models": {**window.models, window.traded_model: own.model_copy(update={"test": test})}}
    )


def test_training_is_told_of_its_own_flag() -> None:
    """Basic training has no window size to raise."""
    training = RUN.plan.model_copy(update={"kind": "training"})
    warning = training_warning(training, [60.0])
    assert warning is not None
    assert "--data-days" in warning and "--window-size" not in warning
    assert f"training span of {training.procedure.windows.window_size} days" in warning  # without the test's


def test_spans_that_grow_are_judged_by_the_first() -> None:
    """An anchored window trains on more and more days: only the first on as many as the warning names."""
    anchored = RUN.plan.model_copy(update={"procedure": with_changes(RUN.plan.procedure, anchored=True)})
    effective = (60.0, 360.0, 400.0)
    assert training_warning(RUN.plan, effective) is None
    warning = training_warning(anchored, effective)
    assert warning is not None and "10 days holds about 60 independent labels" in warning


@pytest.mark.parametrize(
    ("charged", "changes", "words"),
    [
        (0, {}, "No funding was charged: a synthetic market has none;"),
        (
            0,
            {"venue": "binance-perp"},
            "No funding was charged: none is stored for SYNUSDT; `lorentzian collect --symbol SYNUSDT --interval",
        ),
        (40, {}, "Funding was charged on 40 of 147 days: none is stored for SYNUSDT on the others;"),
        (147, {}, None),
        (0, {"funding_bps": 0.0}, None),
        (0, {"market": "spot"}, None),
    ],
)
def test_missing_funding_is_said(charged: int, changes: dict[str, object], words: str | None) -> None:
    """Of a perpetual whose funding nobody stated: none, or on how many days."""
    procedure = with_changes(RUN.plan.procedure, **changes)
    warning = funding_warning(procedure, FundingDays(num_settled=147, num_charged=charged))
    assert warning is None if words is None else warning is not None and warning.startswith(words)
