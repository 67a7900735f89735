from email.message import Message
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest

from job.cli import parse
from job.licenses import UNSTATED, list_licenses


class Stated(Distribution):
    """A distribution that says of itself whatever a test wants."""

    def __init__(self, *lines: str) -> None:
        self.lines = ("Name: some", "Version: 1", *lines)

    def read_text(self, filename: str) -> str | None:
        return "\n".join(self.lines) if filename == "METADATA" else None

    def locate_file(self, path: object) -> Path:  # type: ignore[override]
        return Path(str(path))


APPROVED = "Classifier: License :: OSI Approved"


@pytest.mark.parametrize(
    ("lines", "terms"),
    [
        (("License-Expression: Apache-2.0", "License: other"), "Apache-2.0"),
        (("License: MIT", f"{APPROVED} :: BSD License"), "MIT"),
        (("License: " + "Permission is hereby granted, " * 9, f"{APPROVED} :: MIT License"), "MIT License"),
        (("License: UNKNOWN", APPROVED), UNSTATED),
        ((f"{APPROVED} :: MIT License", f"{APPROVED} :: BSD License"), "MIT License, BSD License"),
        ((), UNSTATED),
    ],
)
def test_license_is_what_a_distribution_says_of_itself(lines: tuple[str, ...], terms: str) -> None:
    """The expression first, then its short words, then its classifiers; a whole text is no term."""
    (found,) = list_licenses([Stated(*lines), Stated(*lines)])
    assert (found.name, found.version, found.terms, found.files) == ("some", "1", terms, ())
    assert isinstance(Stated().metadata, Message)


def test_licenses_name_everything_that_is_installed() -> None:
    """Our own and every dependency of the base is there with its version, its terms and a text that can be read."""
    found = {each.name.lower(): each for each in list_licenses()}
    for name in ("boto3", "numpy", "pydantic", "structlog", "rich", "prometheus_client"):
        each = found[name]
        assert each.version == distribution(name).version
        assert each.terms != UNSTATED
        assert all(Path(path).is_file() for path in each.files)
    assert found["numpy"].files
    assert found["lorentzian-trainer"].terms == "Apache-2.0"


def test_licenses_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """`lorentzian --licenses` prints them, for whoever wants a file of them."""
    with pytest.raises(SystemExit) as ended:
        parse(["--licenses"])
    assert ended.value.code == 0
    assert f"numpy {distribution('numpy').version}: " in capsys.readouterr().out
