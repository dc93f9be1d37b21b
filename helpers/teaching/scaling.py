"""Models of many calls at once, as no laptop can run them: simulations with simpy, no AWS involved.

``surge`` is Lambda's scaling rate: a function may get 1,000 new environments every 10 seconds, refilled continuously,
and its unused part is lost ("Lambda scaling behavior", Lambda Developer Guide). ``retries`` is a crowd of clients that
call again after a throttle ("Exponential Backoff And Jitter", AWS Architecture Blog).

Simplified: an environment starts in no time, every call takes equally long, nobody else uses the account.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import simpy

RATE, RATE_SECONDS = 1000, 10
Wait = Callable[[int, random.Random], float]
"""Called with how often the call was throttled (1 or more) and a source of chance; returns the pause in seconds."""


@dataclass(frozen=True)
class Second:
    """One second of a surge; ``environments`` is how many there are at its end."""

    second: int
    arrived: int
    throttled: int
    environments: int


@dataclass(frozen=True)
class Attempt:
    """One call of one of many clients, at ``time`` seconds; ``number`` counts a client's attempts from 1."""

    time: float
    client: int
    number: int
    throttled: bool


def allowed(second: float, limit: int, rate: int = RATE) -> int:
    """Return how many environments a function may have ``second`` seconds after its first call: AWS's formula.

    ``limit`` is the most that may run at once, ``rate`` the new environments in 10 seconds.
    """
    return min(limit, int(rate + rate / RATE_SECONDS * second))


def surge(per_second: int, duration_s: float, seconds: int, *, limit: int, rate: int = RATE) -> list[Second]:
    """Simulate calls that begin all of a sudden and come evenly, without retries; return each second.

    Parameters
    ----------
    per_second, duration_s:
        How many calls come in a second, and how many seconds each takes.
    seconds:
        How long it goes on.
    limit, rate:
        The most calls that run at once, and the new environments in 10 seconds.
    """
    world = simpy.Environment()
    crowd = _Crowd(world, duration_s, limit, rate)
    history: list[Second] = []

    def arrive() -> Generator[Any, Any, None]:
        for second in range(seconds):
            refused = 0
            for place in range(per_second):
                yield world.timeout(max(0.0, second + place / per_second - world.now))
                refused += not crowd.call()
            history.append(Second(second, per_second, refused, crowd.environments))

    world.run(until=world.process(arrive()))
    return history


def retries(clients: int, duration_s: float, wait: Wait, *, limit: int, seed: int = 1) -> list[Attempt]:
    """Simulate ``clients`` that call at the same moment and, throttled, call again after ``wait``; return all attempts.

    Parameters
    ----------
    clients, duration_s:
        How many there are, and how long their call runs, in seconds.
    wait:
        The pause before the next attempt.
    limit:
        The most calls that run at once.
    seed:
        The same seed gives the same pauses.
    """
    world, chance, attempts = simpy.Environment(), random.Random(seed), list[Attempt]()
    crowd = _Crowd(world, duration_s, limit, rate=clients)

    def call(client: int) -> Generator[Any, Any, None]:
        number = 1
        while not crowd.call():
            attempts.append(Attempt(world.now, client, number, True))
            yield world.timeout(wait(number, chance))
            number += 1
        attempts.append(Attempt(world.now, client, number, False))

    for client in range(clients):
        world.process(call(client))
    world.run()
    return attempts


class _Crowd:
    """A function under load: idle environments, busy ones, and the tokens for new ones."""

    def __init__(self, world: simpy.Environment, duration_s: float, limit: int, rate: int) -> None:
        self._world, self._duration_s, self._limit, self._rate = world, duration_s, limit, rate
        self._tokens, self._filled = float(rate), 0.0
        self._idle = self.running = 0

    @property
    def environments(self) -> int:
        """How many environments there are, idle and busy."""
        return self._idle + self.running

    def call(self) -> bool:
        """Begin a call; return False where it is throttled."""
        gained = (self._world.now - self._filled) * self._rate / RATE_SECONDS
        self._tokens, self._filled = min(float(self._rate), self._tokens + gained), self._world.now
        if self.running >= self._limit or not (self._idle or self._tokens >= 1):
            return False
        if self._idle:
            self._idle -= 1
        else:
            self._tokens -= 1
        self.running += 1
        self._world.process(self._run())
        return True

    def _run(self) -> Generator[Any, Any, None]:
        yield self._world.timeout(self._duration_s)
        self.running -= 1
        self._idle += 1
