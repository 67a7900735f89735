import io
import sys

import pytest

from job.commands.results import results_console


class Gone(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, text: str, /) -> int:
        """Fail, as the system does."""
        raise BrokenPipeError


def test_results_console_leaves_it_to_the_entry_point_that_its_reader_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """`report | head` ends with 0: rich itself would end the process with 1, which is the code of a bug."""
    monkeypatch.setattr(sys, "stdout", Gone())
    with pytest.raises(BrokenPipeError):
        results_console().print("a line")
