"""The fleet: all execution environments of the account, and the limits on how many run at once.

AWS: an invocation takes an idle environment of its version, or a new one is made (a cold start). At most as many run
at once as the account's concurrency limit says; a function with reserved concurrency has its own part of it, which is
its ceiling too; provisioned concurrency counts towards either, busy or idle, and is used first ("Understanding Lambda
function scaling", "Configuring reserved concurrency" and "Configuring provisioned concurrency", Lambda Developer
Guide). Each function gets at most 1,000 new environments every 10 seconds, refilled continuously, the unused part
lost ("Lambda scaling behavior", the same). Idle environments are ended after a while that AWS does not name; here
after ten minutes.

Differs: this machine runs at most ``MOST_ENVIRONMENTS`` processes at once. AWS does not publish which Reason a call
gets that comes faster than its function may scale; here it has none.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from helpers.dataplane.awslambda.environment import Environment
from helpers.dataplane.awslambda.functions import Target
from helpers.dataplane.call import AWSError
from helpers.dataplane.context import Context
from helpers.dataplane.token_bucket import TokenBucket

MOST_ENVIRONMENTS = 200
IDLE_SECONDS = 600
SCALING_SECONDS = 10
STARTED_AT_ONCE = 4
"""How many provisioned environments this machine initialises at a time."""
Key = tuple[str, str, str]


@dataclass(eq=False)
class Allocation:
    """Provisioned concurrency of a version: ``size`` environments that ``make`` makes before anybody calls."""

    target: Target
    size: int
    make: Callable[[], Environment]
    members: list[Member] = field(default_factory=list)
    """Those that are initialised, idle or busy."""
    starting: list[Environment] = field(default_factory=list)
    failure: str = ""
    withdrawn: bool = False


@dataclass(eq=False)
class Member:
    """An environment in the fleet; ``number`` counts the environments of its function from 1."""

    environment: Environment
    key: Key
    number: int
    idle_since: float = 0.0
    allocation: Allocation | None = None


@dataclass(frozen=True)
class Load:
    """How many invocations ran when one began, itself included."""

    function: int
    account: int
    unreserved: dict[str, float]
    """The metric UnreservedConcurrentExecutions; empty where the function has reserved concurrency."""
    on_provisioned: int
    provisioned: int
    """The version's provisioned concurrency, and how much of it was in use."""
    spilled: bool


class Fleet:
    """Lends environments to invocations."""

    def __init__(self, context: Context, reserved: Callable[[], dict[str, int]]) -> None:
        self._context, self._reserved = context, reserved
        self._lock = threading.Lock()
        self._idle: dict[Key, list[Member]] = defaultdict(list)
        self._busy: list[Member] = []
        self._running: Counter[str] = Counter()
        self._on_demand: Counter[str] = Counter()
        self._rates: dict[str, TokenBucket] = {}
        self._allocations: dict[tuple[str, str], Allocation] = {}
        self._numbers: dict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))

    @contextmanager
    def lend(self, target: Target, make: Callable[[], Environment]) -> Iterator[tuple[Member, Load]]:
        """Lend an environment for one invocation: a provisioned one, an idle one, or one that ``make`` makes.

        Raises
        ------
        AWSError
            ``TooManyRequestsException`` with the limit that was reached.
        """
        key = key_of(target)
        with self._lock:
            member = self._take(target.name, key)
            load = self._load(target, member)
        try:
            if member is None:
                member = self._new(target.name, key, make)
            with self._lock:
                self._busy.append(member)
            yield member, load
        finally:
            self._return(target.name, member)

    def _take(self, name: str, key: Key) -> Member | None:
        """Take an idle environment, or None if a new one may be made."""
        idle = self._idle[key]
        member = next((each for each in idle if each.allocation), None)
        if member is None:
            reserved = self._reserved()
            self._check_concurrency(name, reserved)
            member = idle[-1] if idle else None
            if member is None and not self._rate(name).take():
                raise throttled()
            self._on_demand[name] += 1
        if member is not None:
            idle.remove(member)
        self._running[name] += 1
        return member

    def _check_concurrency(self, name: str, reserved: dict[str, int]) -> None:
        provisioned = self._provisioned()
        if name in reserved:
            limit, running = reserved[name] - provisioned[name], self._on_demand[name]
            reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
        else:
            limit = self._context.quotas["lambda.concurrent_executions"] - sum(reserved.values())
            limit -= sum(count for other, count in provisioned.items() if other not in reserved)
            running = self._unreserved(reserved)
            reason = "ConcurrentInvocationLimitExceeded"
        if running >= limit:
            raise throttled(reason)
        if sum(self._running.values()) >= MOST_ENVIRONMENTS:
            raise too_many_for_this_machine()

    def _rate(self, name: str) -> TokenBucket:
        rate = self._context.quotas["lambda.scaling_rate"]
        new = TokenBucket(rate / SCALING_SECONDS, rate, self._context.clock.now)
        return self._rates.setdefault(name, new)

    def _unreserved(self, reserved: dict[str, int]) -> int:
        return sum(count for name, count in self._on_demand.items() if name not in reserved)

    def _provisioned(self) -> Counter[str]:
        sizes: Counter[str] = Counter()
        for (name, _), allocation in self._allocations.items():
            sizes[name] += allocation.size
        return sizes

    def _load(self, target: Target, member: Member | None) -> Load:
        reserved, allocation = self._reserved(), self._allocations.get((target.name, target.version))
        unreserved = {} if target.name in reserved else {"UnreservedConcurrentExecutions": self._unreserved(reserved)}
        idle = self._idle[key_of(target)]
        in_use = len(allocation.members) - sum(each.allocation is allocation for each in idle) if allocation else 0
        return Load(
            function=self._running[target.name],
            account=sum(self._running.values()),
            unreserved=dict(unreserved),
            on_provisioned=in_use,
            provisioned=allocation.size if allocation else 0,
            spilled=member is None or member.allocation is None,
        )

    def _new(self, name: str, key: Key, make: Callable[[], Environment]) -> Member:
        self.retire(lambda member: member.key[0] == name and member.key[1] == key[1] and member.key != key)
        with self._lock:
            number = next(self._numbers[name])
        return Member(make(), key, number)

    def _return(self, name: str, member: Member | None) -> None:
        now = self._context.clock.now()
        allocation = member.allocation if member is not None else None
        kept = member is not None and member.environment.usable and not (allocation and allocation.withdrawn)
        with self._lock:
            self._running[name] -= 1
            self._on_demand[name] -= allocation is None
            if member is not None:
                if member in self._busy:
                    self._busy.remove(member)
                if kept:
                    member.idle_since = now
                    self._idle[member.key].append(member)
                elif allocation:
                    allocation.members.remove(member)
        if member is not None and not kept:
            member.environment.stop()
            if allocation:
                self._fill(allocation)
        self.retire(lambda other: other.allocation is None and now - other.idle_since > IDLE_SECONDS)

    def provide(self, target: Target, size: int, make: Callable[[], Environment]) -> Allocation:
        """Give a version ``size`` environments of its own, in place of those that it had, and begin to initialise them.

        Raises
        ------
        AWSError
            ``ServiceException``: more than this machine can run.
        """
        if size > MOST_ENVIRONMENTS:
            raise too_many_for_this_machine()
        self.withdraw(target.name, target.version)
        allocation = Allocation(target, size, make)
        with self._lock:
            self._allocations[target.name, target.version] = allocation
        self._fill(allocation)
        return allocation

    def withdraw(self, name: str, version: str) -> None:
        """Take a version's provisioned concurrency away; what is busy ends with its invocation."""
        with self._lock:
            allocation = self._allocations.pop((name, version), None)
            if allocation is not None:
                allocation.withdrawn = True
        if allocation is not None:
            self.retire(lambda member: member.allocation is allocation)
            for environment in list(allocation.starting):
                environment.stop()

    def _fill(self, allocation: Allocation) -> None:
        def fill() -> None:
            with ThreadPoolExecutor(STARTED_AT_ONCE, "provisioned-concurrency") as pool:
                for _ in range(allocation.size - len(allocation.members)):
                    pool.submit(self._initialise, allocation)

        if not allocation.withdrawn:
            threading.Thread(target=fill, name="provisioned-concurrency", daemon=True).start()

    def _initialise(self, allocation: Allocation) -> None:
        target, environment = allocation.target, allocation.make()
        with self._lock:
            allocation.starting.append(environment)
        ready = not allocation.withdrawn and environment.initialise()
        with self._lock:
            allocation.starting.remove(environment)
            kept = ready and not allocation.withdrawn and len(allocation.members) < allocation.size
            if kept:
                number = next(self._numbers[target.name])
                member = Member(environment, key_of(target), number, self._context.clock.now(), allocation)
                allocation.members.append(member)
                self._idle[member.key].append(member)
            elif not ready and not allocation.withdrawn:
                allocation.failure = "FUNCTION_ERROR_INIT_FAILURE"
        if not kept:
            environment.stop()

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
            for allocation in self._allocations.values():
                allocation.withdrawn = True
            starting = [environment for each in self._allocations.values() for environment in each.starting]
        for environment in [*(member.environment for member in members), *starting]:
            environment.stop()


def key_of(target: Target) -> Key:
    """Return what two invocations must share to share an environment: the version, its code and its configuration."""
    function = target.function
    parts = (
        function.code_sha_256, function.handler, function.run_time, function.memory_size, function.timeout,
        function.role, sorted((function.environment_vars or {}).items()), [layer["Arn"] for layer in function.layers],
        target.name, function.region,
    )  # fmt: skip
    return function.function_name, target.version, repr(parts)


def throttled(reason: str = "") -> AWSError:
    """Return the error of a call that is too much now."""
    members = {"Reason": reason} if reason else {}
    return AWSError("TooManyRequestsException", "Rate Exceeded.", 429, None, Type="User", **members)


def too_many_for_this_machine() -> AWSError:
    """Return the error of a limit that AWS does not have."""
    message = f"this machine runs at most {MOST_ENVIRONMENTS} execution environments at once; AWS has no such limit"
    return AWSError("ServiceException", message, 500, Type="Service")
