"""A small model of load: how many requests come in each minute of a day, and how many servers that takes.

The shapes are made up, to compare a server's day with a function's day; they are the same at each run.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

MINUTES = 24 * 60
Shape = Literal["flat", "office", "spike"]


def _flat(minute: int) -> float:
    return 1.0


def _office(minute: int) -> float:
    """A working day: almost nothing at night, a hill between 8 and 18 o'clock."""
    hour = minute / 60
    return 0.02 + max(0.0, math.sin((hour - 8) / 10 * math.pi)) if 8 <= hour <= 18 else 0.02


def _spike(minute: int) -> float:
    """A quiet day with half an hour, from 20:00, at a hundred times the usual load."""
    return 100.0 if 20 * 60 <= minute < 20 * 60 + 30 else 1.0


_SHAPES: dict[str, Callable[[int], float]] = {"flat": _flat, "office": _office, "spike": _spike}


def day(requests: int, shape: Shape = "office") -> list[int]:
    """Return the requests of each of the 1,440 minutes of a day; they add up to ``requests``.

    Parameters
    ----------
    requests:
        Requests in the whole day, 0 or more.
    shape:
        ``flat``, ``office`` (a hill in working hours) or ``spike`` (half an hour at a hundred times the rest).

    Raises
    ------
    ValueError
        An unknown shape or a negative number.
    """
    if shape not in _SHAPES:
        raise ValueError(f"shape is {shape!r}: use one of {', '.join(_SHAPES)}")
    if requests < 0:
        raise ValueError(f"requests is {requests}: it must be 0 or more")
    weights = [_SHAPES[shape](minute) for minute in range(MINUTES)]
    total, so_far, given, minutes = sum(weights), 0.0, 0, []
    for weight in weights:
        so_far += weight
        due = round(requests * so_far / total)
        minutes.append(due - given)
        given = due
    minutes[-1] += requests - given
    return minutes


def servers_needed(minutes: list[int], requests_per_second: float) -> int:
    """Return how many servers the busiest minute takes, each of which answers ``requests_per_second``; at least 1.

    Raises
    ------
    ValueError
        A server that answers nothing.
    """
    if not requests_per_second > 0:
        raise ValueError(f"requests_per_second is {requests_per_second}: it must be more than 0")
    return max(1, math.ceil(max(minutes, default=0) / 60 / requests_per_second))
