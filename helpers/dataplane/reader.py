"""Reads a request: which operation of which service is it, and with which parameters?

AWS tells services apart by the host. A local cloud has one host, so the signature's scope tells (each SDK writes the
service's signing name into it), and where several services share a signing name, the target header or the path does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.s3.models import s3_backends
from werkzeug.exceptions import NotFound

from helpers.dataplane.call import AWSError, protocol_of
from helpers.dataplane.control_plane import model_of, new_request
from helpers.dataplane.web import HttpRequest

Params = Callable[[], dict[str, Any]]
_BY_SIGNING_NAME = {
    "cloudcontrolapi": "cloudcontrol",
    "states": "stepfunctions",
    "monitoring": "cloudwatch",
    "execute-api": "apigatewaymanagementapi",
    "tagging": "resourcegroupstaggingapi",
    "elasticloadbalancing": "elbv2",
}
_BY_TARGET = {
    "DynamoDBStreams_20120810": "dynamodbstreams",
    "AWSCognitoIdentityProviderService": "cognito-idp",
    "AWSCognitoIdentityService": "cognito-identity",
}
_BY_PATH = {("apigateway", "/v2/"): "apigatewayv2", ("ses", "/v2/"): "sesv2"}
_UNSIGNED_STS = ("Action=AssumeRoleWithWebIdentity", "Action=AssumeRoleWithSAML")


def service_of(request: HttpRequest, signing_name: str) -> str:
    """Return botocore's name of the service that the request is for.

    Raises
    ------
    AWSError
        ``MissingAuthenticationToken``: unsigned, and for no service that takes unsigned calls; ``AccessDenied``: the
        same, for a bucket, unless it only reads; ``UnknownService``.
    """
    target = request.headers.get("X-Amz-Target", "").partition(".")[0]
    if target in _BY_TARGET:
        return _BY_TARGET[target]
    if not signing_name:
        if any(action in request.body[:4096].decode("latin-1") for action in _UNSIGNED_STS):
            return "sts"
        if _names_a_bucket(request):
            if request.method in ("GET", "HEAD"):
                return "s3"
            raise AWSError("AccessDenied", "Access Denied", 403)
        raise AWSError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    for (name, prefix), service in _BY_PATH.items():
        if signing_name == name and request.path.startswith(prefix):
            return service
    service = _BY_SIGNING_NAME.get(signing_name, signing_name)
    if service not in _services():
        raise AWSError("UnknownService", f"no AWS service signs as {signing_name!r}", 404)
    return service


def _names_a_bucket(request: HttpRequest) -> bool:
    return request.path[1:].partition("/")[0] in s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets


def operation_of(request: HttpRequest, service: str) -> tuple[OperationModel, Params]:
    """Return the operation that the request is for, and what reads its parameters.

    Calling the second reads the body, which a stranger may have written: verify the signature first.

    Raises
    ------
    AWSError
        ``UnknownOperationException``; from the second ``SerializationException``.
    """
    try:
        model = model_of(service)
        parsed = new_request(request)
        operation, in_path = get_service_router(service).match(parsed)
    except (NotFound, NotImplementedError, UnknownServiceError):
        raise AWSError("UnknownOperationException", f"{service} has no operation for {request.path}", 404) from None
    return operation, lambda: _params(operation, parsed, in_path, protocol_of(model, request))


def _params(operation: OperationModel, parsed: Request, in_path: Any, protocol: str) -> dict[str, Any]:
    parser = PROTOCOL_PARSERS[protocol](operation)
    try:
        return dict(
            parser.parse(
                {
                    "method": parsed.method,
                    "values": parsed.values,
                    "headers": parsed.headers,
                    "body": parsed.data,
                    "url_path": parsed.path,
                    "url_params": in_path,
                }
            )
        )
    except (RequestParserError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise AWSError("SerializationException", f"the request cannot be read: {error}", 400) from None


@functools.cache
def _services() -> frozenset[str]:
    return frozenset(Loader().list_available_services("service-2"))
