"""Tests of how the loops are compiled."""

import numpy as np
import pytest
from numba.core import caching

from job.model.kernel import loops


def _doubled(values: np.ndarray) -> float:
    return 2 * values.sum()


def test_loop_is_compiled_where_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder that may be written, such as on a read-only disk, it runs all the same."""
    monkeypatch.setattr(caching.CompileResultCacheImpl, "_locator_classes", [])
    assert loops.entry(_doubled)(np.arange(4.0)) == 12.0
