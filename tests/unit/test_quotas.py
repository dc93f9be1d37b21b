"""Quotas: AWS's defaults, lowered or raised by name, and clear words for what cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.quotas import DEFAULTS, with_defaults


def test_the_defaults_are_an_established_accounts() -> None:
    quotas = with_defaults(None)
    assert quotas == with_defaults({}) == DEFAULTS
    assert quotas["lambda.concurrent_executions"] == 1000
    assert quotas["lambda.unreserved_concurrency_minimum"] == 100


def test_the_defaults_are_not_changed() -> None:
    with_defaults({"lambda.concurrent_executions": 5})["lambda.concurrent_executions"] = 6
    assert DEFAULTS["lambda.concurrent_executions"] == 1000


@given(st.integers(0, 100_000))
def test_a_small_account_can_still_reserve(limit: int) -> None:
    """AWS keeps 100 unreserved; of a limit of 5 that would leave nothing to reserve in a lesson."""
    quotas = with_defaults({"lambda.concurrent_executions": limit})
    assert quotas["lambda.concurrent_executions"] == limit
    assert quotas["lambda.unreserved_concurrency_minimum"] == min(100, limit // 10)


def test_a_minimum_that_is_given_stays() -> None:
    quotas = with_defaults({"lambda.concurrent_executions": 5, "lambda.unreserved_concurrency_minimum": 3})
    assert quotas["lambda.unreserved_concurrency_minimum"] == 3


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no quota named .lambda\.concurrency.; .*lambda\.concurrent_executions"):
        with_defaults({"lambda.concurrency": 5})


@pytest.mark.parametrize("value", [-1, 1.5, "5", None, True])
def test_a_value_must_be_a_whole_number(value: Any) -> None:
    with pytest.raises(ValueError, match="must be a whole number, 0 or more"):
        with_defaults({"lambda.concurrent_executions": value})
