"""The queueing models against what can be computed without them: AWS's formula, and the least number of calls."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.teaching.scaling import allowed, retries, surge


def test_aws_formula() -> None:
    """A thousand at once, then a thousand every ten seconds, up to the limit."""
    assert [allowed(second, 5000) for second in (0, 10, 20, 40, 60)] == [1000, 2000, 3000, 5000, 5000]
    assert allowed(30, 1000) == 1000
    assert allowed(10, 100, rate=3) == 6


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(10, 40), st.integers(5, 400))
def test_environments_follow_the_formula(per_second: int, rate: int, limit: int) -> None:
    """Calls that last to the end need an environment each: there are as many as came, or as the formula allows."""
    history = surge(per_second, 100, 12, limit=limit, rate=rate)
    came = 0
    for each in history:
        came += each.arrived
        assert each.environments <= allowed(each.second + 1, limit, rate)
    assert sum(each.throttled for each in history) == came - history[-1].environments


def test_a_surge_that_is_always_too_much_uses_all_that_is_allowed() -> None:
    history = surge(500, 100, 12, limit=250, rate=100)
    allowance = [allowed(each.second + 1, 250, 100) for each in history]
    # a call comes every 2 ms, a token every 100 ms: at the end of a second the newest may still be under way
    assert all(0 <= most - each.environments <= 1 for each, most in zip(history, allowance, strict=True))


def test_what_scaling_allows_at_once_is_not_throttled() -> None:
    history = surge(100, 0.5, 5, limit=1000, rate=50)
    assert [each.throttled for each in history] == [0] * 5
    assert history[-1].environments == pytest.approx(100 * 0.5, abs=1)


def test_unused_rate_is_lost() -> None:
    """However long it was quiet, no more than one filling of the bucket is there at once."""
    quiet = surge(1, 0.1, 60, limit=1000, rate=20)
    assert quiet[-1].environments == 1
    assert surge(200, 100, 1, limit=1000, rate=20)[0].environments == 21


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 5))
def test_every_client_is_served_once(clients: int, limit: int, seed: int) -> None:
    def jitter(attempt: int, chance: random.Random) -> float:
        return chance.uniform(0, min(5, 0.1 * 2**attempt))

    attempts = retries(clients, 0.2, jitter, limit=limit, seed=seed)
    served = [each.client for each in attempts if not each.throttled]
    assert sorted(served) == list(range(clients))
    assert sum(each.time == 0 and not each.throttled for each in attempts) >= min(clients, limit)
    for moment in {each.time for each in attempts}:
        running = [each for each in attempts if not each.throttled and each.time <= moment < each.time + 0.2]
        assert len(running) <= limit


def test_without_jitter_the_crowd_stays_together() -> None:
    """Everybody who was refused comes back at the same moment, so a few are served at each of them."""
    attempts = retries(20, 0.5, lambda attempt, chance: 1.0, limit=5)
    assert [sum(each.time == second for each in attempts) for second in range(4)] == [20, 15, 10, 5]
    assert len(attempts) == 50


def test_the_same_seed_gives_the_same_attempts() -> None:
    def jitter(attempt: int, chance: random.Random) -> float:
        return chance.uniform(0, 1)

    assert retries(9, 0.5, jitter, limit=2, seed=3) == retries(9, 0.5, jitter, limit=2, seed=3)
    assert retries(9, 0.5, jitter, limit=2, seed=3) != retries(9, 0.5, jitter, limit=2, seed=4)
