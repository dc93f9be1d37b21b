"""Lambda@Edge: functions at the four events of a request, with AWS's event and AWS's limits.

AWS: a numbered version of a function in us-east-1 runs where CloudFront is: at viewer-request, origin-request,
origin-response and viewer-response ("Lambda@Edge event structure", "Restrictions on all edge functions",
"Restrictions on Lambda@Edge", "Quotas", "Generate HTTP responses in request triggers", CloudFront Developer Guide).
The copies are called ``us-east-1.NAME`` and log there, in the Region where they run. What fails is 503, what returns
nonsense 502.

Here: functions run in Lambda's plane, in the home Region. Not built: IncludeBody, bodies from viewer-response
functions. AWS's guide has the limits and not the words of the refusals. Those for versions, memory, timeout, code
size, variables, roles and functions that are not there, the pages for what fails, and the texts behind "failed
validation" about bodies and read-only headers are AWS's, as its users quote them in public issues; the others are
this project's.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.awslambda.models import LambdaFunction
from werkzeug.datastructures import Headers

from helpers.dataplane.awslambda.functions import Target
from helpers.dataplane.awslambda.invocation import Request
from helpers.dataplane.awslambda.plane import LambdaPlane
from helpers.dataplane.call import AWSError, not_built
from helpers.dataplane.cloudfront import edge_headers
from helpers.dataplane.cloudfront.errors import EdgeError
from helpers.dataplane.context import Context
from helpers.dataplane.web import HttpResponse

REGION = "us-east-1"
_ARN = re.compile(r"arn:aws:lambda:([a-z0-9-]+):\d+:function:[^:]+:(\d+)")
_RESPONSE_BYTES = {"viewer": 40 * 1024, "origin": 1024 * 1024}
_LIMITS = {"viewer": (5, 128, 1024 * 1024), "origin": (30, 10_240, 50 * 1024 * 1024)}
"""Seconds, MB of memory and bytes of code."""
_FAILED = (
    "The Lambda function associated with the CloudFront distribution is invalid or doesn't have the required "
    "permissions."
)
_THROTTLED = "The Lambda function associated with the CloudFront distribution was throttled."
_TOO_LARGE = "The body is not a string, is not an object, or exceeds the maximum size."


def check(association: Mapping[str, Any], functions: LambdaPlane, context: Context) -> None:
    """Check that a function may be associated with an event.

    Raises
    ------
    AWSError
        ``InvalidLambdaFunctionAssociation``.
    """
    arn, event = association["LambdaFunctionARN"], association["EventType"]
    found = _ARN.fullmatch(arn)
    if found is None:
        message = (
            "The function ARN must reference a specific function version. (The ARN must end with the version number.)"
        )
        raise _refused(f"{message} ARN: {arn}")
    if found[1] != REGION:
        raise _refused(f"The function must be in the Region {REGION}. ARN: {arn}")
    if association.get("IncludeBody"):
        raise not_built("IncludeBody")
    try:
        function = functions.functions.find(arn).function
    except AWSError:
        message = "Lambda@Edge cannot retrieve the specified Lambda function. Update the IAM policy to add permission:"
        raise _refused(f"{message} lambda:GetFunction for resource: {arn} and try again.") from None
    _check_features(function, arn)
    _check_sizes(function, arn, event.partition("-")[0])
    identities = context.identities
    if not all(identities.lets_assume(function.role, service) for service in ("lambda", "edgelambda")):
        message = "The function execution role must be assumable with edgelambda.amazonaws.com as well as"
        raise _refused(
            f"{message} lambda.amazonaws.com principals. Update the IAM role and try again. Role: {function.role}"
        )


def _check_features(function: LambdaFunction, arn: str) -> None:
    if function.environment_vars:
        raise _refused(f"The function cannot have environment variables. Function: {arn}")
    if function.layers:
        raise _refused(f"The function cannot have layers. Function: {arn}")
    if (function.vpc_config or {}).get("subnet_ids") or (function.vpc_config or {}).get("SubnetIds"):
        raise _refused(f"The function cannot be in a VPC. Function: {arn}")
    if not (function.run_time or "").startswith(("python", "nodejs")):
        raise _refused(f"The function must be written for Node.js or Python. Function: {arn}")


def _check_sizes(function: LambdaFunction, arn: str, side: str) -> None:
    kind, ends = "functions that are triggered by a CloudFront event:", f"Function: {arn}"
    seconds, megabytes, code = _LIMITS[side]
    if int(function.timeout) > seconds:
        text = "The function timeout is larger than the maximum allowed for"
        raise _refused(f"{text} {kind} {function.timeout} Max allowed: {seconds} {ends}")
    if int(function.memory_size) > megabytes:
        text = "The function memory size is larger than the maximum allowed size for"
        raise _refused(f"{text} {kind} {function.memory_size} Max allowed: {megabytes} {ends}")
    if function.code_size > code:
        text = "The function code size is larger than the maximum allowed size for"
        raise _refused(f"{text} {kind} {function.code_size} Max allowed: {code} {ends}")


def _refused(message: str) -> AWSError:
    return AWSError("InvalidLambdaFunctionAssociation", message, 400)


@dataclass(frozen=True)
class Replica(Target):
    """A version of a function at the edge: its name there is that of its Region and its own."""

    @property
    def name(self) -> str:
        """The function's name at the edge."""
        return f"{REGION}.{self.function.function_name}"


def run(functions: LambdaPlane, arn: str, event: Mapping[str, Any], request_id: str) -> Any:
    """Run a function and return its result.

    Raises
    ------
    EdgeError
        503: it failed, took too long, or was throttled.
    """
    try:
        target = functions.functions.find(arn)
        replica = Replica(target.function, target.version, arn)
        outcome = functions.invoker.run(replica, Request(json.dumps(event).encode(), "cloudfront", request_id))
    except AWSError as error:
        throttled = error.status == 429
        raise EdgeError(
            503, _THROTTLED if throttled else _FAILED, "LambdaLimitExceeded" if throttled else "LambdaExecutionError"
        ) from None
    if outcome.function_error:
        raise EdgeError(503, _FAILED, "LambdaExecutionError")
    return json.loads(outcome.payload)


def as_event(headers: Headers) -> dict[str, list[dict[str, str]]]:
    """Return headers as a function sees them; those that it may not see are left out."""
    shown: dict[str, list[dict[str, str]]] = {}
    for name, value in edge_headers.visible(headers):
        shown.setdefault(name.lower(), []).append({"key": name, "value": value})
    return shown


def read_headers(given: Any, before: Headers, event: str) -> Headers:
    """Return the headers that a function wants, with those that it did not see.

    Raises
    ------
    EdgeError
        502: a header that it may not add or change.
    """
    try:
        entries = [(name, entry) for name, found in (given or {}).items() for entry in found]
        pairs = [(str(entry.get("key") or name.title()), str(entry["value"])) for name, entry in entries]
    except (AttributeError, TypeError, KeyError):
        raise invalid("An entry in the headers object is invalid.") from None
    try:
        return edge_headers.changed(pairs, before, event)
    except ValueError as error:
        raise invalid(str(error)) from None


def read_response(given: Mapping[str, Any], before: HttpResponse, event: str) -> HttpResponse:
    """Return the response that a function made or changed; ``before`` is what there was.

    Raises
    ------
    EdgeError
        502: it is no response, too large, or changes what it may not.
    """
    status, body = _status(given), given.get("body", "")
    if event == "viewer-response":
        if "body" in given:
            raise EdgeError(501, not_built("a body from a viewer-response function").message)
        if status != before.status:
            raise invalid("The function tried to change the status in a viewer response.")
    if not isinstance(body, str) or len(json.dumps(given)) > _RESPONSE_BYTES[event.partition("-")[0]]:
        raise invalid(_TOO_LARGE)
    if status == 204 and body:
        raise invalid("A response with the status 204 cannot have a body.")
    headers = read_headers(given.get("headers"), before.headers, event)
    return HttpResponse(status, headers, _body(body, given) if "body" in given else before.body)


def _status(given: Mapping[str, Any]) -> int:
    try:
        status = int(given["status"])
    except (TypeError, ValueError):
        status = 0
    if not 200 <= status <= 599:
        raise invalid("The status must be a number from 200 to 599.")
    return status


def _body(body: str, given: Mapping[str, Any]) -> bytes:
    encoding = given.get("bodyEncoding", "text")
    try:
        return base64.b64decode(body, validate=True) if encoding == "base64" else body.encode()
    except ValueError:
        raise invalid("The body is not valid base64.") from None


def invalid(why: str) -> EdgeError:
    """Return the error for a result that CloudFront cannot use."""
    return EdgeError(502, f"The Lambda function result failed validation: {why}", "LambdaValidationError")
