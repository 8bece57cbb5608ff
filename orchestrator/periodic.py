"""Marks functions that a worker calls again and again beside its activities."""

from collections.abc import Callable
from typing import TypeVar

Work = TypeVar("Work", bound=Callable[[], None])

INTERVAL = "__every_seconds__"


def every(seconds: float) -> Callable[[Work], Work]:
    """Every worker calls it, pausing `seconds` between calls; several workers do so at once."""

    def mark(work: Work) -> Work:
        setattr(work, INTERVAL, seconds)
        return work

    return mark
