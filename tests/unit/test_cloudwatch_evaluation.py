"""The tables of the CloudWatch User Guide: which state follows from which data points."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.clock import Clock
from helpers.dataplane.cloudwatch.evaluation import ALARM, OK, UNKNOWN, Point, fetched, reason, state

KEPT = "as before"
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def alarm(of: int, needed: int | None = None, treat: str | None = None, namespace: str = "Bakery") -> Any:
    """Return an alarm that goes off above 1."""
    return SimpleNamespace(
        evaluation_periods=of, datapoints_to_alarm=needed, treat_missing_data=treat, namespace=namespace,
        comparison_operator="GreaterThanThreshold", threshold=1, state_value=KEPT, period=60,
    )  # fmt: skip


def points(drawn: str) -> list[Point]:
    """Return points from the guide's drawing: 0 is fine, X is breaching, - is missing."""
    values = {"0": 0.0, "X": 2.0, "-": None}
    began = datetime(2026, 1, 1)
    return [Point(began + timedelta(minutes=n), values[each]) for n, each in enumerate(drawn.split())]


@pytest.mark.parametrize(
    ("needed", "drawn", "expected"),
    [
        (3, "0 - X - X", (OK, OK, OK, OK)),
        (3, "0 - - - -", (OK, OK, OK, OK)),
        (3, "- - - - -", (UNKNOWN, KEPT, ALARM, OK)),
        (3, "0 X X - X", (ALARM, ALARM, ALARM, ALARM)),
        (3, "- - - - X", (UNKNOWN, KEPT, ALARM, OK)),
        (3, "- - - X -", (UNKNOWN, KEPT, ALARM, OK)),
        (3, "- - X - -", (ALARM, KEPT, ALARM, OK)),
        (3, "X - - - -", (ALARM, KEPT, ALARM, OK)),
        (2, "0 - X - X", (ALARM, ALARM, ALARM, ALARM)),
        (2, "0 0 X 0 X", (ALARM, ALARM, ALARM, ALARM)),
        (2, "0 - X - -", (OK, OK, ALARM, OK)),
        (2, "- - - - 0", (OK, OK, ALARM, OK)),
        (2, "- - - - X", (UNKNOWN, KEPT, ALARM, OK)),
    ],
)
def test_tables(needed: int, drawn: str, expected: tuple[str, ...]) -> None:
    found = tuple(state(alarm(3, needed, treat), points(drawn)) for treat in TREATMENTS)
    assert found == expected


def test_dynamodb_always_ignores() -> None:
    assert state(alarm(1, None, "breaching", "AWS/DynamoDB"), points("- - -")) == KEPT


drawings = st.integers(1, 5).flatmap(
    lambda of: st.tuples(
        st.just(of), st.integers(1, of), st.lists(st.sampled_from("0X-"), min_size=of + 2, max_size=of + 2)
    )
)


@given(drawings, st.sampled_from(TREATMENTS))
def test_any_drawing(drawing: tuple[int, int, list[str]], treat: str) -> None:
    """Points that are fine never alarm, enough that breach always do, and each state has a reason."""
    of, needed, drawn = drawing
    watched, found = alarm(of, needed, treat), points(" ".join(drawn))
    new = state(watched, found)
    newest = [each for each in drawn if each != "-"][-of:]
    if newest.count("X") >= needed:
        assert new == ALARM
    elif len(newest) == of:
        assert new == OK
    if new != KEPT:
        told = reason(watched, found, new)
        assert told.endswith(".") and ("Insufficient Data" in told) == (new == UNKNOWN)
    assert fetched(watched) == len(drawn)


def test_the_clock_at_a_moment() -> None:
    clock = Clock(60)
    began = clock.time() - clock.now()
    assert clock.at(began - 100) == began - 100
    assert clock.at(began) == began
    assert clock.at(began + 3600) == began + 3600
