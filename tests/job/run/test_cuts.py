import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from job.intervals import DAY_MS
from job.run.cuts import data_days_for, num_windows
from job.settings.procedure import WindowSettings
from job.windows import plan_windows


def test_guides_days_make_21_windows() -> None:
    """(180 - 30) / 7, rounded down."""
    assert num_windows(WindowSettings()) == 21


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"data_days": 36}, 0),
        ({"data_days": 37}, 1),
        ({"data_days": 187}, 22),
        ({"holdout_days": 30}, 17),
        ({"reduce_test": True}, 22),
        ({"data_days": 177, "reduce_test": True}, 21),
        ({"anchored": True}, 21),
    ],
)
def test_days_make_as_many_windows_as_fit(changes: dict[str, int], expected: int) -> None:
    """Only whole tests count, but for the first one where it may be shorter."""
    assert num_windows(WindowSettings(**changes)) == expected


@settings(max_examples=60, deadline=None)
@given(
    train=st.integers(5, 60),
    test=st.integers(1, 30),
    holdout=st.integers(0, 40),
    more=st.integers(0, 400),
    reduce_test=st.booleans(),
    age_ms=st.integers(0, DAY_MS - 1),
)
def test_counted_windows_are_those_of_a_plan(
    *, train: int, test: int, holdout: int, more: int, reduce_test: bool, age_ms: int
) -> None:
    """The formula that charts use, and the plan over stored days, whose first may lack some hours, agree."""
    data_days = holdout + train + test + more
    days = WindowSettings(
        data_days=max(8, data_days), window_size=train, test_size=test, holdout_days=holdout, reduce_test=reduce_test
    )
    rest = days.data_days - holdout - train
    assert num_windows(days) == rest // test + (reduce_test and rest % test > 0)
    end_ms = 20_000 * DAY_MS
    planned = plan_windows(
        first_open_ms=end_ms - (days.data_days - holdout) * DAY_MS + age_ms,
        end_ms=end_ms,
        data_days=days.data_days - holdout,
        window_size=train,
        test_size=test,
        anchored=False,
        reduce_test=reduce_test,
    )
    assert len(planned) == num_windows(days)


@settings(max_examples=40, deadline=None)
@given(train=st.integers(5, 60), test=st.integers(1, 30), holdout=st.integers(0, 40), wanted=st.integers(1, 60))
def test_days_for_windows_make_just_these(train: int, test: int, holdout: int, wanted: int) -> None:
    """The days that a refusal recommends make as many windows as the Job has, and a day less does not."""
    needed = data_days_for(WindowSettings(window_size=train, test_size=test, holdout_days=holdout), wanted)
    for data_days, expected in ((needed, wanted), (needed - 1, wanted - 1)):
        if data_days >= 8:
            days = WindowSettings(data_days=data_days, window_size=train, test_size=test, holdout_days=holdout)
            assert num_windows(days) == expected
