"""Quotas of usage plans, against a plain count of the requests of each period."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.apigateway.usage_plans import Quotas, period_start

PERIODS = st.sampled_from(["DAY", "WEEK", "MONTH"])
FIRST = date(2026, 11, 21)


@given(PERIODS, st.integers(1, 6), st.integers(0, 3), st.lists(st.integers(0, 9), max_size=60))
def test_no_period_has_more_requests_than_its_quota(period: str, limit: int, offset: int, pauses: list[int]) -> None:
    quotas, quota = Quotas(), {"limit": limit, "offset": offset, "period": period}
    counted: dict[date, int] = {}
    day = FIRST
    first = period_start(FIRST + timedelta(days=pauses[0] if pauses else 0), period)
    for pause in pauses:
        day += timedelta(days=pause)
        start = period_start(day, period)
        allowed = limit - offset if start == first else limit
        expected = counted.get(start, 0) < allowed
        assert quotas.take("plan", "key", quota, day) is expected
        counted[start] = counted.get(start, 0) + expected
        assert quotas.usage("plan", "key", quota, day)[1] == max(0, allowed - counted[start])


@pytest.mark.parametrize(
    ("period", "start"),
    [("DAY", date(2026, 11, 21)), ("WEEK", date(2026, 11, 16)), ("MONTH", date(2026, 11, 1))],
)
def test_periods_are_those_of_the_calendar(period: str, start: date) -> None:
    assert period_start(FIRST, period) == start
    assert period_start(start, period) == start


def test_keys_and_plans_are_counted_apart() -> None:
    quotas, quota = Quotas(), {"limit": 1, "period": "DAY"}
    asked: list[tuple[Any, ...]] = [("p", "a"), ("p", "b"), ("q", "a"), ("p", "a")]
    assert [quotas.take(plan, key, quota, FIRST) for plan, key in asked] == [True, True, True, False]


def test_a_quota_that_was_patched_is_a_text() -> None:
    quotas = Quotas()
    assert quotas.take("p", "a", {"limit": "1", "period": "DAY"}, FIRST)
    assert quotas.usage("p", "a", {"limit": "1", "period": "DAY"}, FIRST) == [1, 0]
