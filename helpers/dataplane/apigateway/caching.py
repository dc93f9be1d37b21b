"""The cache of a stage: answers that are given again without asking the backend.

AWS: a stage may have a cache cluster. It keeps the responses of GET methods, and of others whose own settings say so,
for ``cacheTtlInSeconds`` (300 by default, at most 3,600, 0 is off), up to 1,048,576 bytes each. Only the parameters
that the integration names as ``cacheKeyParameters`` tell requests apart: "the same cached value will be returned" for
another path parameter that is not among them. A client may ask for a new answer with ``Cache-Control: max-age=0``; if
the stage wants a permission for that, it is ``execute-api:InvalidateCache``, and who lacks it is answered by one of
three strategies ("Cache settings for REST APIs in API Gateway", API Gateway Developer Guide; the parameters:
hashicorp/terraform-provider-aws issue 856).

A canary has a cache of its own unless its ``useStageCache`` is set. Errors that a backend answers are kept like any
response (as users report); what API Gateway says itself is not. Here the cluster is there at once; on AWS it takes
about four minutes to make, and the cache is best effort. Not sourced: the words of the ``Warning`` header and of the
403, and that a deployment leaves the cache as it is.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from moto.apigateway.models import apigateway_backends

from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.apigateway.stages import canary
from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.policies import Asked, Verdict
from helpers.dataplane.web import HttpResponse

LARGEST = 1_048_576
DEFAULT_TTL = 300
_WARNING = '199 - "Cache-Control ignored: not authorized to invalidate the cache"'
Key = tuple[str | None, ...]


@dataclass(frozen=True)
class Entry:
    """A kept response, and until when (AWS's seconds)."""

    response: HttpResponse
    until: float


class Cache:
    """The caches of all stages."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stages: dict[tuple[str, str], dict[Key, Entry]] = {}
        self._lock = threading.Lock()

    def answer(self, exchange: Exchange, backend: Callable[[], HttpResponse]) -> HttpResponse:
        """Return a kept response, or the backend's, which is kept if the method's settings say so.

        Raises
        ------
        GatewayError
            The client wants a new answer, may not, and the stage fails such requests.
        """
        stage = (exchange.api.id, str(exchange.stage.name))
        if not exchange.stage.cache_cluster_enabled:
            self.flush(*stage)
            return backend()
        ttl = exchange.setting("cacheTtlInSeconds")
        ttl = DEFAULT_TTL if ttl is None else int(ttl)
        if not ttl or not _wanted(exchange):
            return backend()
        key = key_of(exchange)
        refresh, warning = self._refresh(exchange)
        entry = None if refresh else self._stages.get(stage, {}).get(key)
        if entry is not None and entry.until > self._context.clock.now():
            exchange.cache, response = "hit", copy.deepcopy(entry.response)
        else:
            exchange.cache, response = "miss", backend()
            if len(response.body) <= LARGEST:
                until = self._context.clock.now() + ttl
                with self._lock:
                    self._stages.setdefault(stage, {})[key] = Entry(copy.deepcopy(response), until)
        if warning:
            response.headers["Warning"] = _WARNING
        return response

    def flush(self, api_id: str, stage: str) -> None:
        """Forget what a stage's cache holds."""
        with self._lock:
            self._stages.pop((api_id, stage), None)

    def _refresh(self, exchange: Exchange) -> tuple[bool, bool]:
        """Return whether the request gets a new answer, and whether it gets a warning that it does not."""
        asked = exchange.request.headers.get("Cache-Control", "").replace(" ", "").lower()
        if "max-age=0" not in asked.split(","):
            return False, False
        required = exchange.setting("requireAuthorizationForCacheControl")
        if required is False or self._may_invalidate(exchange):
            return True, False
        strategy = exchange.setting("unauthorizedCacheControlHeaderStrategy")
        if strategy == "FAIL_WITH_403":
            raise GatewayError("ACCESS_DENIED")
        return False, strategy != "SUCCEED_WITHOUT_RESPONSE_HEADER"

    def _may_invalidate(self, exchange: Exchange) -> bool:
        """Whether who signed the request, if anybody did, is allowed to."""
        identities = self._context.identities
        access_key = str(exchange.identity.get("accessKey") or "")
        if not access_key or identities.secret(access_key) is None:
            return False
        caller = identities.caller(access_key)
        return identities.verdict(Asked("execute-api:InvalidateCache", exchange.method_arn, caller)) is Verdict.ALLOW

    def flush_stage(self, call: Call) -> HttpResponse:
        """FlushStageCache."""
        self._api(call).get_stage(call.params["restApiId"], call.params["stageName"])
        self.flush(call.params["restApiId"], call.params["stageName"])
        return call.reply(status=202)

    def put_integration(self, call: Call) -> HttpResponse:
        """PutIntegration: moto's, which forgets the parameters that tell cached responses apart."""
        given = call.params
        chosen = given.get("cacheKeyParameters") or []
        method = self._api(call).get_method(given["restApiId"], given["resourceId"], given["httpMethod"])
        known = {*(method.request_parameters or {}), *(given.get("requestParameters") or {})}
        if not set(chosen) <= known:
            raise AWSError("BadRequestException", "Invalid cache key parameter specified", 400)
        response = forward(call)
        if not chosen or response.status >= 400 or method.method_integration is None:
            return response
        method.method_integration.cache_key_parameters = chosen
        shown = method.method_integration.to_json()
        return call.reply({name: value for name, value in shown.items() if value is not None}, status=201)

    def _api(self, call: Call) -> Any:
        return apigateway_backends[call.account_id][call.region]


def _wanted(exchange: Exchange) -> bool:
    """Whether the settings say that responses of this method are kept."""
    if "cachingEnabled" in exchange.own_settings:
        return bool(exchange.own_settings["cachingEnabled"])
    return exchange.request.method == "GET" and bool(exchange.setting("cachingEnabled"))


def key_of(exchange: Exchange) -> Key:
    """Return what tells the exchange's response apart: where it was asked, and the values of the chosen parameters."""
    integration: dict[str, Any] = exchange.method.get("methodIntegration") or {}
    mapped = integration.get("requestParameters") or {}
    place = integration.get("cacheNamespace") or exchange.resource.id
    chosen = sorted(integration.get("cacheKeyParameters") or [])
    values = [parameter(exchange, mapped.get(name, "") if name.startswith("integration.") else name) for name in chosen]
    size = exchange.stage.cache_cluster_size or "0.5"
    own = exchange.extra.get("isCanaryRequest") == "true" and not canary(exchange.stage).get("useStageCache")
    whose = "canary" if own else "stage"
    return (size, whose, place, exchange.request.method, *values)


def parameter(exchange: Exchange, name: str) -> str | None:
    """Return the value of ``method.request.querystring.page`` and the like, or None if the request has none."""
    place, _, last = name.removeprefix("method.request.").partition(".")
    if place == "header":
        found = exchange.request.headers.getlist(last)
        return ",".join(found) if found else None
    if place in ("querystring", "multivaluequerystring"):
        values = parse_qs(exchange.request.query, keep_blank_values=True).get(last)
        return "\0".join(values if place.startswith("multi") else values[-1:]) if values else None
    return exchange.path_parameters.get(last) if place == "path" else None
