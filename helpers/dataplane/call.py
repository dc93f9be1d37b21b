"""An AWS API call: which operation of which service, with what, by whom; and the answers to it.

The protocols (query, json, rest-json, rest-xml) are moto's parsers and serializers, which read botocore's service
models: what a client of AWS may send and will understand. Specification: https://smithy.io/2.0/aws/protocols/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel, ServiceModel
from moto.core.request import determine_request_protocol
from moto.core.serialize import get_serializer_class
from werkzeug.datastructures import Headers

from helpers.dataplane.web import HttpRequest, HttpResponse


@dataclass(frozen=True)
class Caller:
    """Who signed the call: ``name`` is for people (``you``, ``function hello``), ``arn`` is AWS's."""

    name: str
    arn: str
    access_key_id: str
    role: str = ""
    """The name of the assumed role; empty for the account's own key, which may do everything."""
    user: str = ""
    """The name of the IAM user, likewise."""
    claims: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict, compare=False)
    """What a session's identity provider said of its owner, as policies name it, such as
    ``cognito-identity.amazonaws.com:sub``."""


@dataclass
class Call:
    """One API call, read and verified. ``params`` are as boto3's caller wrote them, in botocore's names."""

    request: HttpRequest
    service: str
    operation: OperationModel
    params: dict[str, Any]
    region: str
    account_id: str
    caller: Caller
    request_id: str
    subject: str = field(default="")

    @property
    def name(self) -> str:
        """The operation's name, such as ``CreateFunction``."""
        return str(self.operation.name)

    @cached_property
    def protocol(self) -> str:
        """The protocol that the client chose."""
        return protocol_of(self.operation.service_model, self.request)

    def reply(self, result: Mapping[str, Any] | None = None, status: int = 0, **headers: str) -> HttpResponse:
        """Answer with ``result`` in the call's protocol; a header is given as ``x_amz_log_result="..."``."""
        response = self._serialize(dict(result or {}))
        response.status = status or response.status
        for name, value in headers.items():
            response.headers[name.replace("_", "-")] = value
        return response

    def refuse(self, error: AWSError) -> HttpResponse:
        """Answer with an error in the call's protocol."""
        failure = _Failure(error.code, error.message)
        for name, value in error.members.items():
            setattr(failure, name, value)
        response = self._serialize(failure)
        response.status = error.status or response.status
        response.headers.update(error.headers)
        return response

    def _serialize(self, result: Any) -> HttpResponse:
        serializer = get_serializer_class(self.service, self.protocol)(self.operation)
        answer = serializer.serialize(result)
        body = answer["body"]
        headers = Headers(list(answer["headers"].items()))
        headers["x-amzn-RequestId"] = self.request_id
        return HttpResponse(answer["status_code"], headers, body.encode() if isinstance(body, str) else body)


class _Failure(ServiceException):
    """What moto's serializers take for an error; one of this project, so that only the call's own service is asked."""


class AWSError(Exception):
    """An error as an AWS service answers it.

    Parameters
    ----------
    code:
        The error's name in the service's model, such as ``ResourceNotFoundException``.
    message:
        What AWS says.
    status:
        The HTTP status; 0 takes the model's, which for an error that the model lacks is 400.
    members:
        Further members of the error's shape, such as ``Reason``.
    """

    def __init__(
        self, code: str, message: str, status: int = 0, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status
        self.headers, self.members = dict(headers or {}), members


def not_built(what: str, **members: Any) -> AWSError:
    """Return the error for what AWS has and this cloud has not; ``members`` as for ``AWSError``."""
    return AWSError("NotImplementedException", f"{what} is not built in this local cloud; AWS has it", 501, **members)


def protocol_of(model: ServiceModel, request: HttpRequest) -> str:
    """Return the protocol in which ``request`` is written, or the model's first if moto cannot read that one."""
    try:
        return str(determine_request_protocol(model, request.headers.get("Content-Type")))
    except NotImplementedError:
        return str(model.protocol)
