"""Whose work the program stands on: every installed distribution with its version and licence, by its own word."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions

_CLASSIFIER = "License :: "
_LONGEST = 60  # characters: some state the whole text in the field
_TEXTS = ("license", "licence", "copying", "notice")
UNSTATED = "not stated"


@dataclass(frozen=True, kw_only=True)
class License:
    """What one distribution says of itself.

    Parameters
    ----------
    terms : an SPDX expression where it states one, else its own short words, else `UNSTATED`.
    files : the texts that it brings along.
    """

    name: str
    version: str
    terms: str
    files: tuple[str, ...]


def list_licenses(found: Iterable[Distribution] | None = None) -> list[License]:
    """Of every distribution that is installed beside this program, by name, each once."""
    by_name: dict[str, License] = {}
    for distribution in distributions() if found is None else found:
        name = distribution.metadata["Name"]
        if name is not None:
            by_name.setdefault(name.lower(), _license_of(name, distribution))
    return [by_name[name] for name in sorted(by_name)]


def licenses_text() -> str:
    """A line a distribution, and below it the files that hold its licence."""
    lines = []
    for each in list_licenses():
        lines += [f"{each.name} {each.version}: {each.terms}", *(f"  {path}" for path in each.files)]
    return "\n".join(lines)


def _license_of(name: str, distribution: Distribution) -> License:
    stated = distribution.metadata
    short = "".join(stated.get_all("License") or ()).strip()
    expression = "".join(stated.get_all("License-Expression") or ())
    classifiers = [
        classifier.rpartition(" :: ")[2]
        for classifier in stated.get_all("Classifier") or ()
        if classifier.startswith(_CLASSIFIER) and not classifier.endswith(("OSI Approved", ":: Other"))
    ]
    is_text = "\n" in short or len(short) > _LONGEST or short.upper() == "UNKNOWN"
    terms = expression or ("" if is_text else short) or ", ".join(classifiers) or UNSTATED
    texts = [path for path in distribution.files or () if path.name.lower().startswith(_TEXTS) and path.suffix != ".py"]
    return License(
        name=name, version=distribution.version, terms=terms, files=tuple(sorted(str(path.locate()) for path in texts))
    )
