"""HTML attributes whose names Python cannot write as arguments."""

from typing import Any


def aria(**values: str) -> dict[str, Any]:
    """``aria(label="Runs")`` is ``aria-label="Runs"``."""
    return {f"aria-{name}": value for name, value in values.items()}


def data(**values: str) -> dict[str, Any]:
    """``data(chart="equity")`` is ``data-chart="equity"``."""
    return {f"data-{name}": value for name, value in values.items()}
