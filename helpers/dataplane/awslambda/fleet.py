"""The fleet: all execution environments of the account, and the limits on how many run at once.

AWS: an invocation takes an idle environment of its version, or a new one is made (a cold start). At most as many run
at once as the account's concurrency limit says; a function with reserved concurrency has its own part of it, which is
its ceiling too ("Understanding Lambda function scaling" and "Configuring reserved concurrency", Lambda Developer
Guide). Idle environments are ended after a while that AWS does not name; here after ten minutes.

Differs: this machine runs at most ``MOST_ENVIRONMENTS`` processes at once.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from helpers.dataplane.awslambda.environment import Environment
from helpers.dataplane.awslambda.functions import Target
from helpers.dataplane.call import AWSError
from helpers.dataplane.context import Context

MOST_ENVIRONMENTS = 200
IDLE_SECONDS = 600
Key = tuple[str, str, str]


@dataclass
class Member:
    """An environment in the fleet; ``number`` counts the environments of its function from 1."""

    environment: Environment
    key: Key
    number: int
    idle_since: float = 0.0


class Fleet:
    """Lends environments to invocations."""

    def __init__(self, context: Context, reserved: Callable[[], dict[str, int]]) -> None:
        self._context, self._reserved = context, reserved
        self._lock = threading.Lock()
        self._idle: dict[Key, list[Member]] = defaultdict(list)
        self._busy: list[Member] = []
        self._running: Counter[str] = Counter()
        self._numbers: dict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))

    @contextmanager
    def lend(self, target: Target, make: Callable[[], Environment]) -> Iterator[Member]:
        """Lend an environment for one invocation: an idle one, or one that ``make`` makes.

        Raises
        ------
        AWSError
            ``TooManyRequestsException`` with the limit that was reached.
        """
        key = key_of(target)
        with self._lock:
            self._admit(target.name)
            idle = self._idle[key]
            member = idle.pop() if idle else None
        try:
            if member is None:
                member = self._new(target.name, key, make)
            with self._lock:
                self._busy.append(member)
            yield member
        finally:
            self._return(target.name, member)

    def _admit(self, name: str) -> None:
        reserved = self._reserved()
        if name in reserved:
            limit, running = reserved[name], self._running[name]
            reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
        else:
            limit = self._context.quotas["lambda.concurrent_executions"] - sum(reserved.values())
            running = sum(count for other, count in self._running.items() if other not in reserved)
            reason = "ConcurrentInvocationLimitExceeded"
        if running >= limit:
            raise AWSError("TooManyRequestsException", "Rate Exceeded.", 429, Type="User", Reason=reason)
        if sum(self._running.values()) >= MOST_ENVIRONMENTS:
            message = (
                f"this machine runs at most {MOST_ENVIRONMENTS} execution environments at once; AWS has no such limit"
            )
            raise AWSError("ServiceException", message, 500, Type="Service")
        self._running[name] += 1

    def _new(self, name: str, key: Key, make: Callable[[], Environment]) -> Member:
        self.retire(lambda member: member.key[0] == name and member.key[1] == key[1] and member.key != key)
        with self._lock:
            number = next(self._numbers[name])
        return Member(make(), key, number)

    def _return(self, name: str, member: Member | None) -> None:
        now = self._context.clock.now()
        with self._lock:
            self._running[name] -= 1
            if member is not None:
                if member in self._busy:
                    self._busy.remove(member)
                if member.environment.usable:
                    member.idle_since = now
                    self._idle[member.key].append(member)
        if member is not None and not member.environment.usable:
            member.environment.stop()
        self.retire(lambda other: now - other.idle_since > IDLE_SECONDS)

    def running(self, name: str = "") -> int:
        """Return how many invocations run now, of one function or of all."""
        with self._lock:
            return self._running[name] if name else sum(self._running.values())

    def retire(self, which: Callable[[Member], bool]) -> None:
        """End the idle environments for which ``which`` is true."""
        with self._lock:
            ended = [member for members in self._idle.values() for member in members if which(member)]
            for member in ended:
                self._idle[member.key].remove(member)
        for member in ended:
            member.environment.stop()

    def stop(self) -> None:
        """End all environments, also those that are busy."""
        with self._lock:
            members = [member for group in self._idle.values() for member in group] + self._busy
            self._idle.clear()
        for member in members:
            member.environment.stop()


def key_of(target: Target) -> Key:
    """Return what two invocations must share to share an environment: the version, its code and its configuration."""
    function = target.function
    parts = (
        function.code_sha_256, function.handler, function.run_time, function.memory_size, function.timeout,
        function.role, sorted((function.environment_vars or {}).items()), [layer["Arn"] for layer in function.layers],
    )  # fmt: skip
    return function.function_name, target.version, repr(parts)
