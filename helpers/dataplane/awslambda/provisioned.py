"""Provisioned concurrency: environments of a version or an alias that are initialised before anybody calls.

AWS: PutProvisionedConcurrencyConfig answers IN_PROGRESS; when all environments are initialised, the status is READY.
It is refused on ``$LATEST``, above the function's reserved concurrency, on a version that has some by another name, and
on an alias with weights ("Configuring provisioned concurrency for a function", Lambda Developer Guide;
API_PutProvisionedConcurrencyConfig, Lambda API Reference). The messages are those that LocalStack's tests recorded on
AWS, and "Invalid alias configuration" is from reports of users; its error code is not sourced, nor is what AWS says to
reserved concurrency below what is provisioned. What cannot be initialised is FAILED.

Differs: AWS takes a minute or two of preparation first. A change of the number makes all environments anew. Whether a
call by the number of a version may use what was provisioned for its alias is not documented; here it does. An alias
that gets weights later keeps its environments where they are; AWS moves them with the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from helpers.dataplane.awslambda import rules
from helpers.dataplane.awslambda.environment import Environment
from helpers.dataplane.awslambda.fleet import Allocation, Fleet
from helpers.dataplane.awslambda.functions import Functions, Target, split
from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.context import Context
from helpers.dataplane.frontdoor import Operation
from helpers.dataplane.record import Use
from helpers.dataplane.standing import Thing
from helpers.dataplane.web import HttpResponse

_UNPUBLISHED = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."


@dataclass
class Config:
    """What was asked for, by the ``arn`` of a version or an alias, and what came of it."""

    arn: str
    modified: str
    allocation: Allocation

    def answer(self) -> dict[str, Any]:
        """Return the members that Get and List answer with."""
        wanted, ready = self.allocation.size, len(self.allocation.members)
        status = {"Status": "READY" if ready >= wanted else "IN_PROGRESS"}
        if self.allocation.failure:
            status = {"Status": "FAILED", "StatusReason": self.allocation.failure}
        return {
            "RequestedProvisionedConcurrentExecutions": wanted,
            "AvailableProvisionedConcurrentExecutions": ready,
            "AllocatedProvisionedConcurrentExecutions": ready,
            "LastModified": self.modified,
            **status,
        }


class ProvisionedConcurrency:
    """The configurations of one account; ``make`` makes an environment that is not initialised yet."""

    def __init__(
        self,
        context: Context,
        functions: Functions,
        fleet: Fleet,
        reserved: Callable[[], dict[str, int]],
        make: Callable[[Target, str], Environment],
    ) -> None:
        self._context, self._functions, self._fleet = context, functions, fleet
        self._reserved, self._make = reserved, make
        self._configs: dict[tuple[str, str], Config] = {}
        context.standing.watch(self._standing)

    def operations(self) -> dict[str, Operation]:
        """Return what this answers, by operation."""
        return {
            "PutProvisionedConcurrencyConfig": self._put,
            "GetProvisionedConcurrencyConfig": self._get,
            "DeleteProvisionedConcurrencyConfig": self._delete,
            "ListProvisionedConcurrencyConfigs": self._list,
        }

    def of_function(self, name: str) -> int:
        """Return how much all versions and aliases of a function have together."""
        return sum(config.allocation.size for (owner, _), config in self._configs.items() if owner == name)

    def _standing(self) -> Iterator[Thing]:
        for config in list(self._configs.values()):
            function = config.allocation.target.function
            environment = f"{function.memory_size} MB {function.architectures[0]}"
            yield Use("lambda", "provisioned concurrency", environment), config.arn, config.allocation.size

    def forget(self, name: str, qualifier: str = "") -> None:
        """End what a function has; or only one qualifier of it."""
        for key in [key for key in self._configs if key[0] == name and qualifier in ("", key[1])]:
            allocation = self._configs.pop(key).allocation
            self._fleet.withdraw(name, allocation.target.version)

    def follow(self, name: str, alias: str, region: str) -> None:
        """Let the environments of an alias follow it to the version to which it points now."""
        config = self._configs.get((name, alias))
        version = self._functions.primary(name, alias, region)
        if config is not None and config.allocation.target.version != version:
            size = config.allocation.size
            self._fleet.withdraw(name, config.allocation.target.version)
            config.allocation = self._allocate(self._functions.find(name, version, region), size)

    def _put(self, call: Call) -> HttpResponse:
        name, qualifier, target = self._find(call)
        size = int(call.params["ProvisionedConcurrentExecutions"])
        alias = self._functions.alias(name, qualifier, call.region)
        routing = alias.routing_config if alias is not None else None
        if isinstance(routing, dict) and routing.get("AdditionalVersionWeights"):
            raise rules.invalid("Invalid alias configuration for Provisioned Concurrency")
        self._check_conflict(name, qualifier, target.version)
        self._check_size(name, qualifier, size)
        modified = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}+0000"
        arn = self._functions.find(name, qualifier, call.region).arn
        config = Config(arn, modified, self._allocate(target, size))
        self._configs[name, qualifier] = config
        begun = {"AvailableProvisionedConcurrentExecutions": 0, "AllocatedProvisionedConcurrentExecutions": 0}
        return call.reply({**config.answer(), **begun, "Status": "IN_PROGRESS"}, 202)

    def _find(self, call: Call) -> tuple[str, str, Target]:
        """Return function, qualifier and the version that is meant."""
        name = split(call.params["FunctionName"])[0]
        qualifier = call.params["Qualifier"]
        if qualifier == "$LATEST":
            raise rules.invalid(_UNPUBLISHED)
        version = self._functions.primary(name, qualifier, call.region) or qualifier
        target = self._functions.find(name, version, call.region)
        if version == "$LATEST":
            raise rules.invalid(_UNPUBLISHED)
        return name, qualifier, target

    def _check_conflict(self, name: str, qualifier: str, version: str) -> None:
        others = [key[1] for key in self._configs if key[0] == name and key[1] != qualifier]
        if any(self._configs[name, other].allocation.target.version == version for other in others):
            message = "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
            if qualifier == version:
                message = "Version is pointed by a Provisioned Concurrency alias"
            raise AWSError("ResourceConflictException", message, 409, Type="User")

    def _check_size(self, name: str, qualifier: str, size: int) -> None:
        config, reserved = self._configs.get((name, qualifier)), self._reserved()
        if name in reserved:
            others = self.of_function(name) - (config.allocation.size if config else 0)
            if others + size > reserved[name]:
                raise rules.invalid(
                    "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution "
                    "for function"
                )
            return
        claimed = sum(reserved.values()) + sum(
            other.allocation.size
            for key, other in self._configs.items()
            if key[0] not in reserved and other is not config
        )
        rules.check_unreserved("ConcurrentExecutions", claimed + size, self._context.quotas)

    def _allocate(self, target: Target, size: int) -> Allocation:
        return self._fleet.provide(target, size, lambda: self._make(target, "provisioned-concurrency"))

    def _get(self, call: Call) -> HttpResponse:
        name, qualifier, _ = self._find(call)
        config = self._configs.get((name, qualifier))
        if config is None:
            message = "No Provisioned Concurrency Config found for this function"
            raise AWSError("ProvisionedConcurrencyConfigNotFoundException", message, 404, Type="User")
        return call.reply(config.answer())

    def _delete(self, call: Call) -> HttpResponse:
        name, qualifier, _ = self._find(call)
        self.forget(name, qualifier)
        return call.reply({}, 204)

    def _list(self, call: Call) -> HttpResponse:
        name = self._functions.find(call.params["FunctionName"], region=call.region).name
        listed = [
            {"FunctionArn": config.arn, **config.answer()} for key, config in self._configs.items() if key[0] == name
        ]
        return call.reply({"ProvisionedConcurrencyConfigs": listed})
