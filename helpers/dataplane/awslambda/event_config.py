"""How asynchronous invocations are handled: maximum age, retries, destinations, for each version or alias.

AWS: API_PutFunctionEventInvokeConfig and its siblings, Lambda API Reference. moto keeps one list for a function and
never replaces; here one configuration for each qualifier, which a put replaces and an update merges.
"""

from __future__ import annotations

import time
from typing import Any

from helpers.dataplane.awslambda.functions import Functions
from helpers.dataplane.awslambda.rules import invalid
from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.web import HttpResponse

LONGEST_AGE_SECONDS = 6 * 3600
RETRIES = 2
_MEMBERS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


class EventConfigs:
    """The event invoke configurations of one account."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._stored: dict[str, dict[str, Any]] = {}

    def of(self, arn: str) -> dict[str, Any]:
        """Return the configuration that holds for invocations of ``arn``; empty when there is none."""
        return self._stored.get(_qualified(arn), {})

    def put(self, call: Call) -> HttpResponse:
        """Replace a configuration."""
        return self._write(call, {})

    def update(self, call: Call) -> HttpResponse:
        """Change the given members of a configuration."""
        return self._write(call, self._found(call))

    def get(self, call: Call) -> HttpResponse:
        """Return a configuration."""
        return call.reply(self._found(call))

    def delete(self, call: Call) -> HttpResponse:
        """Forget a configuration."""
        self._found(call)
        del self._stored[self._arn(call)]
        return call.reply({}, 204)

    def list(self, call: Call) -> HttpResponse:
        """Return the configurations of a function."""
        arn = self._functions.find(call.params["FunctionName"], region=call.region).arn
        found = [stored for key, stored in self._stored.items() if key.startswith(arn + ":")]
        return call.reply({"FunctionEventInvokeConfigs": found})

    def _arn(self, call: Call) -> str:
        return _qualified(
            self._functions.find(call.params["FunctionName"], call.params.get("Qualifier"), call.region).arn
        )

    def _found(self, call: Call) -> dict[str, Any]:
        arn = self._arn(call)
        if arn not in self._stored:
            raise AWSError("ResourceNotFoundException", f"The function {arn} doesn't have an EventInvokeConfig", 404)
        return self._stored[arn]

    def _write(self, call: Call, before: dict[str, Any]) -> HttpResponse:
        given = {name: call.params[name] for name in _MEMBERS if call.params.get(name) is not None}
        if not given:
            raise invalid("You must specify at least one of error handling or destination setting.")
        arn = self._arn(call)
        self._stored[arn] = {**before, **given, "FunctionArn": arn, "LastModified": time.time()}
        return call.reply(self._stored[arn])


def _qualified(arn: str) -> str:
    return arn if len(arn.split(":")) > 7 else arn + ":$LATEST"
