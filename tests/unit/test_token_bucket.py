"""The token bucket against a plain count of what it let through."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.token_bucket import TokenBucket

AMOUNTS = st.integers(0, 64).map(lambda eighths: eighths / 8)
STEPS = st.lists(st.tuples(AMOUNTS, AMOUNTS), max_size=40)
"""What passes between two requests, in seconds, and how many tokens the request wants; eighths add up exactly."""


class Time:
    """A time that moves only when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        """Return the moment."""
        return self.seconds


@given(st.integers(0, 10), AMOUNTS, STEPS)
def test_in_no_interval_more_than_the_burst_and_the_rate(
    rate: int, burst: float, steps: list[tuple[float, float]]
) -> None:
    time = Time()
    bucket = TokenBucket(rate, burst, time.now)
    taken: list[tuple[float, float]] = []
    for pause, count in steps:
        time.seconds += pause
        if bucket.take(count):
            taken.append((time.seconds, count))
    for first, (begin, _) in enumerate(taken):
        for last, (end, _) in enumerate(taken[first:], first):
            assert sum(count for _, count in taken[first : last + 1]) <= burst + rate * (end - begin)


@given(st.integers(0, 10), AMOUNTS, STEPS)
def test_what_fits_is_not_refused(rate: int, burst: float, steps: list[tuple[float, float]]) -> None:
    time = Time()
    bucket, level = TokenBucket(rate, burst, time.now), burst
    for pause, count in steps:
        time.seconds += pause
        level = min(burst, level + pause * rate)
        assert bucket.take(count) is (count <= level)
        level -= count if count <= level else 0
        assert bucket.tokens == level


@given(st.integers(1, 10), AMOUNTS, AMOUNTS)
def test_a_debt_is_paid_before_the_next_token(rate: int, burst: float, debt: float) -> None:
    time = Time()
    bucket = TokenBucket(rate, burst, time.now, tokens=0)
    bucket.settle(debt)
    assert bucket.tokens == -debt
    assert not bucket.take(0.125)
    time.seconds += (debt + min(burst, 1)) / rate
    assert abs(bucket.tokens - min(burst, 1)) < 1e-9


def test_what_is_given_back_can_be_taken_again_up_to_the_burst() -> None:
    bucket = TokenBucket(0, 5, Time().now)
    assert bucket.take(5) and not bucket.take()
    bucket.settle(-3)
    assert bucket.take(3) and not bucket.take()
    bucket.settle(-100)
    assert bucket.tokens == 5


def test_a_changed_bucket_keeps_what_fits() -> None:
    time = Time()
    bucket = TokenBucket(1, 10, time.now)
    bucket.change(2, 4)
    assert bucket.tokens == 4
    bucket.change(2, 100)
    time.seconds += 3
    assert bucket.tokens == 10


def test_many_threads_take_no_token_twice() -> None:
    bucket = TokenBucket(0, 500, Time().now)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: bucket.take(), range(2000)))
    assert sum(taken) == 500
