"""moto, the control plane: it remembers every resource, and answers what no data plane here has taken over.

moto finds a service by the host of the request's address, as AWS does. A local address has no such host, so it is put
back. This is moto's own in-process entrance (its botocore stubber does the same), with the look-ups cached.
"""

from __future__ import annotations

import functools
import json
import logging
import re
import sys
import warnings
from collections.abc import Callable
from datetime import datetime
from typing import Any

from moto import backends
from moto.backend_index import backend_url_patterns
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.base_backend import BackendDict
from moto.core.model import ServiceModel
from moto.core.model_instances import reset_model_data
from moto.core.request import Request
from moto.core.utils import get_service_model
from moto.iam import aws_managed_policies
from moto.iam import models as iam_models
from moto.moto_api._internal import mock_random
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException

from helpers.dataplane import models
from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.web import HttpRequest, HttpResponse

# jsonschema, which API Gateway needs, would compile a grammar for a format that nobody here asks for: a second, 15 MB.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

Method = Callable[..., tuple[int, dict[str, Any], Any]]

_MANAGED_POLICY = re.compile(
    "(AWSLambda|AmazonDynamoDB|AmazonS3|AmazonSQS|AmazonSNS|AmazonAPIGateway|AWSStepFunctions|AmazonEventBridge|AWSX[Rr]ay"
    "|AmazonKinesis|AmazonCognito|CloudWatch|CloudFront|AWSCodeDeploy|SecretsManager).*"
    "|AdministratorAccess|PowerUserAccess|ReadOnlyAccess"
)
_ENTRY = re.compile(r'[\s,]*"([^"]+)":\s*')


def start(seed: int) -> None:
    """Empty the account and seed moto's identifiers, so that the same calls give the same ids."""
    logging.getLogger("moto").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module="moto")
    models.share_with_moto()
    setattr(iam_models.IAMBackend, "_init_aws_policies", _managed_policies)
    iam_models.iam_backends.clear()  # a reset would first make its policies again, and then drop them
    BackendDict.reset()
    reset_model_data()
    mock_random.seed(seed)


def _managed_policies(iam: iam_models.IAMBackend) -> list[Any]:
    """Return AWS's managed policies for the services of the course, as moto's IAM of one partition wants them."""
    made: Any = iam_models.AWSManagedPolicy
    return [
        made(name, account_id=iam.account_id, region=iam.region_name, **settings)
        for name, settings in _chosen_policies().items()
    ]


@functools.cache
def _chosen_policies() -> dict[str, dict[str, Any]]:
    """Return AWS's managed policies for the services of the course by name: all 1,582 take long to make.

    They are read one by one, and moto's text of 5 MB is dropped.
    """
    text, decoder, chosen = aws_managed_policies.aws_managed_policies_data, json.JSONDecoder(), {}
    entry = _ENTRY.match(text, text.index("{") + 1)
    while entry:
        policy, end = decoder.raw_decode(text, entry.end())
        if _MANAGED_POLICY.match(entry[1]):
            chosen[entry[1]] = {
                "default_version_id": policy["DefaultVersionId"],
                "path": policy["Path"],
                "document": json.dumps(policy["Document"]),
                "create_date": datetime.fromisoformat(policy["CreateDate"]),
                "update_date": datetime.fromisoformat(policy["UpdateDate"]),
            }
        entry = _ENTRY.match(text, end)
    for module in (aws_managed_policies, iam_models):
        setattr(module, "aws_managed_policies_data", "{}")
    return chosen


def new_id() -> str:
    """Return a new UUID from the seeded source."""
    return str(mock_random.uuid4())


def new_request(request: HttpRequest) -> Request:
    """Return the request as moto's parsers and routers want it."""
    return Request.from_primitives(request.method, request.url, request.headers, request.body)


def forward(call: Call) -> HttpResponse:
    """Let moto answer.

    Raises
    ------
    AWSError
        ``NotImplementedException``: moto does not know the operation either.
    """
    address = f"http://{_host(call.operation.service_model, call.region)}{call.request.path or '/'}"
    method = _method(address)
    if method is None:
        raise _missing(call)
    query = f"?{call.request.query}" if call.request.query else ""
    request = Request.from_primitives(call.request.method, address + query, call.request.headers, call.request.body)
    try:
        status, headers, body = method(request, request.raw_url, request.headers)
    except HTTPException as error:
        status, headers, body = error.code or 500, dict(error.get_headers()), error.get_body()
    except NotImplementedError:
        raise _missing(call) from None
    return HttpResponse(status, Headers(list(headers.items())), body.encode() if isinstance(body, str) else body or b"")


def refuse(call: Call) -> HttpResponse:
    """Answer an operation that nobody has built, where moto's own would be a false success.

    Raises
    ------
    AWSError
        ``NotImplementedException``.
    """
    raise _missing(call)


def _missing(call: Call) -> AWSError:
    return not_built(f"{call.service} {call.name}")


def _host(model: ServiceModel, region: str) -> str:
    prefix = model.metadata["endpointPrefix"]
    return f"{prefix}.amazonaws.com" if model.metadata.get("globalEndpoint") else f"{prefix}.{region}.amazonaws.com"


def _method(address: str) -> Method | None:
    clean = address.partition("?")[0]
    host = clean[: clean.index("/", len("http://"))]
    for pattern, method in _methods(host):
        if pattern.match(clean):
            return method
    return None


@functools.cache
def _methods(host: str) -> list[tuple[re.Pattern[str], Method]]:
    found = []
    for service, pattern in backend_url_patterns:
        if pattern.match(host + "/"):
            account = backends.get_backend(service)[DEFAULT_ACCOUNT_ID]  # type: ignore[call-overload]
            backend = account["us-east-1" if "us-east-1" in account else "aws"]
            found += [(re.compile(url), method) for url, method in backend.urls.items()]
    return found


@functools.cache
def model_of(service: str) -> ServiceModel:
    """Return the API model of a service, by botocore's name."""
    return get_service_model(service)
