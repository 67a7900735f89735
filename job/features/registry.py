"""The feature sets that can be asked for by name."""

from collections.abc import Callable

from job.errors import ConfigError
from job.features.core_set import core_set
from job.features.definition import FeatureSet

FEATURE_SETS: dict[str, Callable[[str, tuple[str, ...]], FeatureSet]] = {"core": core_set}


def feature_set(name: str, interval: str, context: tuple[str, ...]) -> FeatureSet:
    """The feature set ``name`` for bars of ``interval``, with ``context`` symbols beside the target.

    Raises
    ------
    ConfigError
        There is no such set, or a context symbol occurs twice.
    ValueError
        ``interval`` is not supported.
    """
    if name not in FEATURE_SETS:
        raise ConfigError(f"There is no feature set {name!r}.", remedy=f"Known sets: {', '.join(FEATURE_SETS)}.")
    if len(set(context)) < len(context):
        raise ConfigError(f"A context symbol occurs twice in {','.join(context)}.", remedy="Name each of them once.")
    return FEATURE_SETS[name](interval, context)
