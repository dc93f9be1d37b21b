"""Where moto's own Lambda is completed: the few methods of its classes that this data plane replaces while it runs.

Whatever inside moto calls a function (SNS, Logs, Secrets Manager) does it through ``LambdaFunction._invoke_lambda``,
which would need Docker. And moto forgets some of a function's configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.core.utils import iso_8601_datetime_with_nanoseconds

from helpers.dataplane.awslambda import network

KEPT = ("DeadLetterConfig", "EphemeralStorage", "TracingConfig", "FileSystemConfigs", "LoggingConfig")
"""Members of a function's configuration that moto drops in a create or in an update; kept on moto's own object."""

Invoke = Callable[[LambdaFunction, str | None], tuple[str, bool, str]]
_invoke_lambda = LambdaFunction._invoke_lambda
_get_configuration = LambdaFunction.get_configuration


def install(invoke: Invoke) -> None:
    """Let moto call functions through ``invoke(function, event) -> (payload, errored, logs)``."""

    def invoke_lambda(function: LambdaFunction, event: str | None = None) -> tuple[str, bool, str]:
        # a plain function, which moto's object calls as its own method
        return invoke(function, event)

    setattr(LambdaFunction, "_invoke_lambda", invoke_lambda)
    setattr(LambdaFunction, "get_configuration", _complete_configuration)


def remove() -> None:
    """Put moto's own methods back."""
    setattr(LambdaFunction, "_invoke_lambda", _invoke_lambda)
    setattr(LambdaFunction, "get_configuration", _get_configuration)


def keep(function: LambdaFunction, given: dict[str, Any]) -> None:
    """Remember what moto would drop of ``given``, the parameters of a create or an update."""
    kept = {name: given[name] for name in KEPT if given.get(name) is not None}
    setattr(function, "kept", {**kept_of(function), **kept})
    if "EphemeralStorage" in kept:
        function.ephemeral_storage = kept["EphemeralStorage"]["Size"]


def changed(function: LambdaFunction) -> None:
    """Note that a function's code or configuration is changed now, which moto forgets."""
    function.last_modified = iso_8601_datetime_with_nanoseconds()


def kept_of(function: LambdaFunction) -> dict[str, Any]:
    """Return what was kept of a function's configuration, by the names of the API."""
    return dict(getattr(function, "kept", {}))


def _complete_configuration(function: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
    logging = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function.function_name}"}
    told = {**_get_configuration(function, on_create), "LoggingConfig": logging, **kept_of(function)}
    return {**told, **network.described(function, on_create)}
