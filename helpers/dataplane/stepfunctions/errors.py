"""The names of errors: which of them a Retry or a Catch matches, and what Step Functions calls Lambda's.

AWS: "Handling errors in Step Functions workflows" and "Handle transient Lambda service exceptions", Step Functions
Developer Guide. States.ALL leaves out States.DataLimitExceeded and States.Runtime, States.TaskFailed leaves out
States.Timeout, and nothing matches States.Runtime. A missed heartbeat is a States.Timeout too. An error of Lambda's API
is ``Lambda.`` and its name; a refused call is Lambda.AWSLambdaException. A function's error has the name of its
exception. Here: the same.

Differs: a function's crash is Runtime.ExitError and its own timeout Sandbox.Timedout, as Lambda's answer names them;
older runtimes on AWS are reported as Lambda.Unknown, which is here only an answer without a name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

UNKNOWN = "Lambda.Unknown"
HEARTBEAT = "States.HeartbeatTimeout"
_NEVER = "States.Runtime"
_TERMINAL = "States.DataLimitExceeded"


def matches(wanted: Iterable[str], error: str) -> bool:
    """Return whether the names of an ErrorEquals match the error that a state reported."""
    names = set(wanted)
    if error == _NEVER:
        return False
    if error in names:
        return True
    if "States.ALL" in names:
        return error != _TERMINAL
    if error == HEARTBEAT:
        return "States.Timeout" in names
    return "States.TaskFailed" in names and error not in ("States.Timeout", _TERMINAL)


def of_lambda(response: dict[str, Any]) -> tuple[str, str]:
    """Return the error's name and cause for what boto3 says of a refused Invoke."""
    said, told = response["Error"], response["ResponseMetadata"]
    name = "AWSLambdaException" if said["Code"] == "AccessDeniedException" else said["Code"]
    cause = (
        f"{said['Message']} (Service: AWSLambda; Status Code: {told['HTTPStatusCode']}; "
        f"Error Code: {said['Code']}; Request ID: {told['RequestId']}; Proxy: null)"
    )
    return f"Lambda.{name}", cause


def of_function(payload: str) -> str:
    """Return the name of the error in a function's answer, JSON text."""
    answer = json.loads(payload)
    return str(answer.get("errorType") or UNKNOWN) if isinstance(answer, dict) else UNKNOWN
