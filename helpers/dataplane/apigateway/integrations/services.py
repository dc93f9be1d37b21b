"""AWS services behind a method, without a function between: SQS, DynamoDB, Step Functions and others.

AWS: ``arn:aws:apigateway:REGION:SERVICE:action/ACTION`` or ``:path/PATH``; the request is what the template and the
mapped parameters make, signed with the credentials of the integration's role, which must trust
``apigateway.amazonaws.com`` and may do the action ("Set up an integration request in API Gateway" and the tutorials
"Create a REST API as an Amazon S3 proxy" and "... with an AWS integration", API Gateway Developer Guide). SQS answers
as JSON, ``{"SendMessageResponse": {...}}``, since API Gateway asks for that.
"""

from __future__ import annotations

import functools
import json
import threading
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.loaders import Loader
from werkzeug.datastructures import Headers

from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.apigateway.integrations import mapping
from helpers.dataplane.apigateway.integrations.waiting import patience
from helpers.dataplane.context import Context
from helpers.dataplane.web import HttpResponse

_MODELS = {"states": "stepfunctions"}


class Services:
    """Calls AWS services through the front door, as a role."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pool = urllib3.PoolManager(maxsize=20, retries=False)
        self._sessions: dict[str, Credentials] = {}
        self._lock = threading.Lock()

    def answer(self, exchange: Exchange, integration: dict[str, Any]) -> HttpResponse:
        """Return what the integration's templates make of the service's answer."""
        body = mapping.request_body(exchange, integration)
        mapped = mapping.parameters(exchange, integration)
        uri = mapped.uri(integration["uri"], exchange.stage_variables)
        _, _, _, region, service, rest = uri.split(":", 5)
        kind, _, what = rest.partition("/")
        headers = {"Accept": "application/json", "Content-Type": _content_type(service), **mapped.header}
        query, path = dict(mapped.querystring), "/" + what
        if kind == "action":
            path, target = "/", _target(service)
            if target:
                headers["X-Amz-Target"] = f"{target}.{what}"
            else:
                query["Action"] = what
        url = f"{self._context.endpoint}{path}" + (f"?{urlencode(query)}" if query else "")
        request = AWSRequest(integration.get("httpMethod") or "POST", url, headers, body.encode())
        SigV4Auth(self._role(exchange, integration), service, region).add_auth(request)
        backend = self._send(request, patience(integration))
        return mapping.answer(exchange, integration, str(backend.status), backend)

    def _send(self, request: AWSRequest, seconds: float) -> mapping.Backend:
        headers = {name: str(value) for name, value in request.headers.items()}
        try:
            answer = self._pool.urlopen(
                request.method, request.url, body=request.body, headers=headers, timeout=seconds
            )
        except urllib3.exceptions.TimeoutError:
            raise GatewayError("INTEGRATION_TIMEOUT") from None
        body = answer.data.decode("utf-8", "replace")
        if "xml" in answer.headers.get("Content-Type", "") and "json" in headers["Accept"]:
            body = json.dumps(_as_json(ElementTree.fromstring(body)))
        return mapping.Backend(answer.status, body, Headers(list(answer.headers.items())))

    def _role(self, exchange: Exchange, integration: dict[str, Any]) -> Credentials:
        arn = mapping.filled(integration.get("credentials") or "", exchange.stage_variables)
        if not self._context.identities.lets_assume(arn, "apigateway"):
            exchange.failed("API Gateway does not have permission to assume the provided role")
            raise GatewayError("API_CONFIGURATION_ERROR")
        with self._lock:
            if arn not in self._sessions:
                keys = self._context.identities.assume(arn, "BackplaneAssumeRoleSession", "apigateway")
                self._sessions[arn] = Credentials(*keys.values())
            return self._sessions[arn]


@functools.cache
def _metadata(service: str) -> dict[str, Any]:
    return dict(Loader().load_service_model(_MODELS.get(service, service), "service-2")["metadata"])


def _target(service: str) -> str:
    """Return the prefix of a service's ``X-Amz-Target``; SQS is asked in its older protocol, which has none."""
    return "" if service == "sqs" else str(_metadata(service).get("targetPrefix", ""))


def _content_type(service: str) -> str:
    if not _target(service):
        return "application/x-www-form-urlencoded"
    return f"application/x-amz-json-{_metadata(service)['jsonVersion']}"


def _as_json(element: ElementTree.Element) -> dict[str, Any]:
    name = element.tag.rpartition("}")[2]
    inner: dict[str, Any] = {}
    for child in element:
        inner |= _as_json(child)
    return {name: inner or element.text or ""}
