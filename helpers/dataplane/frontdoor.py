"""The front door: every request enters here. A data plane answers, or moto does.

``answer`` takes an HTTP request, from the socket or from this process, and does what AWS's front ends do, in their
order: read it, verify the signature, check it against the API model, check permissions, let the service answer, keep
a record.
"""

from __future__ import annotations

import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Protocol

from werkzeug.datastructures import Headers

from helpers.dataplane import control_plane, limits, metering, reader, regions, tracing
from helpers.dataplane.call import AWSError, Call, Caller
from helpers.dataplane.context import Context
from helpers.dataplane.resources import subject_of
from helpers.dataplane.signature import Signature, verify
from helpers.dataplane.web import HttpRequest, HttpResponse

Operation = Callable[[Call], HttpResponse]
Address = Callable[[HttpRequest, str], HttpResponse]
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost"})
ANONYMOUS = Caller("anonymous", "", "")
POLLER = "event source mapping"
"""Who polls queues and streams for Lambda. It asks again and again: its calls are not recorded, and their request ids
are not drawn from the seeded source, so that they change nothing of what the learner sees."""
_ERROR_CODE = re.compile(rb'"__type"\s*:\s*"([^"]+)"|<Code>([^<]+)</Code>')
_SIGNATURE_CODES = {
    ("InvalidClientTokenId", "json"): "UnrecognizedClientException",
    ("InvalidClientTokenId", "rest-json"): "UnrecognizedClientException",
    ("InvalidClientTokenId", "rest-xml"): "InvalidAccessKeyId",
    ("SignatureDoesNotMatch", "json"): "InvalidSignatureException",
    ("SignatureDoesNotMatch", "rest-json"): "InvalidSignatureException",
    ("ExpiredToken", "json"): "ExpiredTokenException",
    ("ExpiredToken", "rest-json"): "ExpiredTokenException",
}
"""JSON services and S3 name the failures of a signature in their own ways."""


class DataPlane(Protocol):
    """A service's data plane: the operations and the addresses that it takes over."""

    service: str

    def operations(self) -> Mapping[str, Operation]:
        """Return what it does for which operation, by name; the rest goes to moto."""

    def addresses(self) -> Mapping[str, Address]:
        """Return what answers below ``/_aws/{name}/``; it gets the request and the rest of the path."""

    def stop(self) -> None:
        """End what it runs."""


class FrontDoor:
    """Answers requests for one context."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._planes: list[DataPlane] = []
        self._operations: dict[tuple[str, str], Operation] = {}
        self._addresses: dict[str, Address] = {}
        self._later: dict[str, Callable[[], DataPlane]] = {}
        self._waking = threading.RLock()

    def add(self, plane: DataPlane) -> None:
        """Let ``plane`` answer for its service."""
        self._planes.append(plane)
        self._operations.update({(plane.service, name): do for name, do in plane.operations().items()})
        self._addresses.update(plane.addresses())

    def add_later(self, service: str, make: Callable[[], DataPlane]) -> None:
        """Let the plane that ``make`` makes answer for ``service`` from its first call on.

        This is for planes of services that few notebooks use and whose part of moto is slow to import or large.
        """
        self._later[service] = make

    def wake(self, service: str) -> None:
        """Make the plane of ``service`` now, if that is still to be done."""
        with self._waking:
            if service in self._later:
                self.add(self._later[service]())
                del self._later[service]

    def address(self, name: str) -> Address:
        """Return what answers below ``/_aws/{name}/`` so far."""
        return self._addresses[name]

    def stop(self) -> None:
        """Stop all data planes, the last one first."""
        while self._planes:
            self._planes.pop().stop()

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer a request; what goes wrong inside is a 500 with its reason, never an exception."""
        header = request.headers.get(tracing.HEADER)
        if header is None:  # a service that calls another one does so on behalf of the same request
            return self._answer(request)
        with tracing.carried(header):
            return self._answer(request)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        host = request.headers.get("Host", "").rpartition(":")[0] or request.headers.get("Host", "")
        if request.socket is not None and host not in LOCAL_NAMES and not _through_a_hub(request):
            return _plain(403, f"this cloud answers to 127.0.0.1 and localhost only, not to {host!r}")
        name, _, rest = request.path.removeprefix("/_aws/").partition("/")
        if request.path.startswith("/_aws/"):
            if name not in self._addresses:
                return _plain(404, f"nothing answers at /_aws/{name}/")
            try:
                response = self._addresses[name](request, rest)
                metering.count_answer(self._context.record, name, request, response)
                return response
            except Exception as error:
                return _plain(500, f"{type(error).__name__}: {error}")
        return self._api_call(request)

    def _api_call(self, request: HttpRequest) -> HttpResponse:
        started, clock = time.time(), time.perf_counter()
        call = None
        try:
            signature = Signature.read(request)
            call, params = self._read(request, signature)
            call.caller = self._verified(call, signature)
            call.params = params()
            call.subject = subject_of(call)
            regions.check(self._context, regions.region_of(call))
            response = self._serve(call)
            outcome = "ok" if response.status < 400 else error_code(response)
        except AWSError as error:
            outcome, response = error.code, call.refuse(error) if call else _refused(error)
        except Exception as error:
            failure = AWSError("InternalFailure", f"{type(error).__name__}: {error}", 500)
            outcome, response = failure.code, call.refuse(failure) if call else _refused(failure)
        took = (time.perf_counter() - clock) * 1000
        if call and call.service in self._context.listeners:
            self._context.listeners[call.service](call, response, took)
        if call and call.caller.name != POLLER:
            self._context.record.add(
                "call", call.caller.name, call.service, call.name, subject=call.subject, outcome=outcome,
                started=started, milliseconds=took, request_id=call.request_id,
            )  # fmt: skip
        return response

    def _read(self, request: HttpRequest, signature: Signature | None) -> tuple[Call, reader.Params]:
        service = reader.service_of(request, signature.service if signature else "")
        operation, params = reader.operation_of(request, service)
        region = signature.region if signature else self._context.region
        poller = signature is not None and signature.access_key_id == self._context.identities.of_service(POLLER)[0]
        identifier = str(uuid.uuid4()) if poller else self._context.new_id()
        return Call(request, service, operation, {}, region, self._context.account_id, ANONYMOUS, identifier), params

    def _verified(self, call: Call, signature: Signature | None) -> Caller:
        if signature is None:
            open_to_all = call.operation.auth_type == "none" or "smithy.api#noAuth" in (call.operation.auth or ())
            if not open_to_all and call.service != "s3":  # the policy of a bucket may let in strangers
                raise AWSError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
            return ANONYMOUS
        identities = self._context.identities
        try:
            verify(call.request, signature, identities.secret)
        except AWSError as error:
            error.code = _SIGNATURE_CODES.get((error.code, call.protocol), error.code)
            raise
        return identities.caller(signature.access_key_id)

    def _serve(self, call: Call) -> HttpResponse:
        limits.check(call)
        self._context.identities.authorize(call)
        if call.service in self._later:
            self.wake(call.service)
        self._context.standing.before_call()
        response = self._operations.get((call.service, call.name), control_plane.forward)(call)
        if response.status < 400:
            metering.count_call(self._context.record, call, response, call.caller.name == POLLER)
            self._context.standing.after_call(call.name)
        return response


def _through_a_hub(request: HttpRequest) -> bool:
    """Return whether the hub on which this kernel runs hands on a request of the learner's browser to an API.

    Elsewhere a web page could claim that too, once its own name leads to this machine; a hub's machine runs no browser.
    """
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "")
    mine = bool(prefix) and request.headers.get("X-ProxyContextPath", "").startswith(f"{prefix}proxy/")
    return mine and request.path.startswith(("/_aws/execute-api/", "/_aws/cloudfront/"))


def _plain(status: int, text: str) -> HttpResponse:
    return HttpResponse(status, Headers({"Content-Type": "text/plain; charset=utf-8"}), text.encode() + b"\n")


def _refused(error: AWSError) -> HttpResponse:
    """Answer before the protocol is known, in words that both the JSON and the XML SDKs find."""
    body = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{error.code}</Code>"
        f"<Message>{error.message}</Message></Error></ErrorResponse>"
    )
    headers = Headers({"Content-Type": "text/xml", "x-amzn-ErrorType": error.code})
    return HttpResponse(error.status or 400, headers, body.encode())


def error_code(response: HttpResponse) -> str:
    """Return the error's name from an answer in any protocol, or its status when it has none."""
    named = response.headers.get("x-amzn-ErrorType", "")
    if not named:
        found = _ERROR_CODE.search(response.body[:4096])
        named = (found[1] or found[2]).decode() if found else str(response.status)
    return named.partition(":")[0].rpartition("#")[2]
