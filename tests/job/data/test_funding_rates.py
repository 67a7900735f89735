import numpy as np
import pytest

from job.data.funding_rates import LARGEST_RATE, funding_of_answer, funding_of_csv
from job.errors import DataError
from job.intervals import HOUR_MS
from tests.support.binance_server import funding_text

JULY = 1_751_328_000_000  # 2025-07-01 00:00 UTC
HEADER = "calc_time,funding_interval_hours,last_funding_rate\n"


def answer(*settled: tuple[object, object]) -> list[dict[str, object]]:
    """Settlements as REST states them."""
    return [{"symbol": "SOLUSDT", "fundingTime": time, "fundingRate": rate, "markPrice": "1"} for time, rate in settled]


def test_funding_of_answer_and_file_is_one_series() -> None:
    """Stamps of some milliseconds after the hour, and other ones in the other place, are the same events."""
    settled = [(JULY + 3, "0.00010000"), (JULY + 8 * HOUR_MS, "-0.00003210"), (JULY + 12 * HOUR_MS + 17, "0.00000000")]
    from_rest = funding_of_answer(answer(*settled), where="answer")
    from_file = funding_of_csv(funding_text(settled).encode(), where="file")
    for found in (from_rest, from_file):
        assert found.event_time.tolist() == [JULY, JULY + 8 * HOUR_MS, JULY + 12 * HOUR_MS]
        assert found.available_at.tolist() == found.event_time.tolist()
        np.testing.assert_array_equal(found.value, [0.0001, -0.0000321, 0.0])


def test_funding_of_nothing_is_empty() -> None:
    """No settlement is a series of length 0, in an answer and in a file that has its columns."""
    assert len(funding_of_answer([], where="answer")) == 0
    assert len(funding_of_csv(HEADER.encode(), where="file")) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no columns"),
        ("open_time,open\n1,2\n", "no columns"),
        (HEADER + f"{JULY},8,much\n", "settlement 1 is not"),
        (HEADER + f"{JULY},8,0.1\n{JULY + HOUR_MS},8\n", "settlement 2 is not"),
        (HEADER + f"{JULY * 1000},8,0.1\n", "not in milliseconds"),
        (HEADER + f"{JULY},8,nan\n", "no fraction"),
        (HEADER + f"{JULY},8,{LARGEST_RATE * 1.01}\n", "no fraction"),
        (HEADER + f"{JULY},8,0.1\n{JULY},8,0.1\n", "do not ascend"),
    ],
)
def test_files_that_are_no_funding_are_refused(text: str, words: str) -> None:
    """With the file's name and what is wrong."""
    with pytest.raises(DataError, match=words) as caught:
        funding_of_csv(text.encode(), where="SOLUSDT-fundingRate-2025-07.csv")
    assert "SOLUSDT-fundingRate-2025-07.csv" in caught.value.message


@pytest.mark.parametrize("wrong", [None, 3, {"code": 1}, [1], [{"fundingTime": 1}], answer((JULY, None))])
def test_answers_that_are_no_funding_are_refused(wrong: object) -> None:
    """Whatever JSON a server sends."""
    with pytest.raises(DataError, match=r"answer"):
        funding_of_answer(wrong, where="answer")


def test_text_that_is_not_utf8_is_refused() -> None:
    """A damaged file is one of ours to name."""
    with pytest.raises(DataError, match="no CSV text"):
        funding_of_csv(b"\xff\xfe" + HEADER.encode(), where="file")
