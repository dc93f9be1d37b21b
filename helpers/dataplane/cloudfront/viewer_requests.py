"""A viewer's request at the edge: from the behaviour that its path chooses to the answer.

AWS: "How CloudFront delivers content", "Understand the cache key", "Specify a default root object", "Generate custom
error responses" and "How CloudFront processes requests for objects in your origin" (CloudFront Developer Guide). The
header X-Cache says where an answer comes from, Age for how many seconds it has been in the cache. Each request is for
the primary origin of a group first; at the group's statuses the secondary is asked ("Optimize high availability with
CloudFront origin failover").

Differs: a function at the origin's events is not asked again for a secondary origin; HEAD is cached apart from GET;
OPTIONS is never cached; Range is ignored. What becomes of a request to a disabled distribution, or to one that is its
own origin, AWS does not publish; here it is 403, or 502. The name of the edge location in X-Amz-Cf-Pop is invented.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Hashable, Mapping
from typing import Any

from werkzeug.datastructures import Headers

from helpers.dataplane.call import AWSError
from helpers.dataplane.cloudfront import distribution as distributions
from helpers.dataplane.cloudfront import private_content
from helpers.dataplane.cloudfront.cache import ERROR_SECONDS, EdgeCache, Entry, error_lifetime, lifetime
from helpers.dataplane.cloudfront.distribution import Distribution, items
from helpers.dataplane.cloudfront.edge_functions import EdgeFunctions, Visit
from helpers.dataplane.cloudfront.errors import EdgeError
from helpers.dataplane.cloudfront.origins import Origins
from helpers.dataplane.cloudfront.request_policies import CachePolicy, RequestPolicies, Values
from helpers.dataplane.context import Context
from helpers.dataplane.metrics import measure
from helpers.dataplane.web import HttpRequest, HttpResponse

POP = "LOCAL50-P1"
METRICS_REGION = "us-east-1"
"""CloudFront is global; its metrics are in this Region ("Monitor CloudFront metrics with Amazon CloudWatch")."""
_RATES = {"4xxErrorRate": 4, "5xxErrorRate": 5}
_CACHED_METHODS = ("GET", "HEAD")
_CACHED_IF_TOLD = (307, 308)
"""Redirects that are cached only with a Cache-Control header ("How CloudFront processes HTTP 3xx status codes")."""
_WITH_THE_BODY = ("content-type", "content-length")
_NEVER_SENT = frozenset({"cookie", "connection", "keep-alive", "transfer-encoding", "upgrade", "expect"})
"""What is of the viewer's connection; cookies are sent apart."""
_NOT_ALLOWED = "This distribution is not configured to allow the HTTP request method that was used for this request."
_ONLY_CACHABLE = " The distribution supports only cachable requests."


class ViewerRequests:
    """Answers at the addresses of distributions."""

    def __init__(
        self, context: Context, policies: RequestPolicies, cache: EdgeCache, origins: Origins, functions: EdgeFunctions
    ) -> None:
        self._context, self._policies, self._cache = context, policies, cache
        self._origins, self._functions = origins, functions

    def answer(self, request: HttpRequest, path: str) -> HttpResponse:
        """Answer a request; ``path`` is ``ID/path``."""
        started, (identifier, _, rest) = time.time(), path.partition("/")
        found = distributions.find(self._context.account_id, identifier)
        if found is None:
            return HttpResponse(404, Headers({"Content-Type": "text/plain"}), b"there is no such distribution here\n")
        request_id = _request_id(self._context.new_id())
        asked = HttpRequest(request.method, f"/{rest}", request.query, Headers(request.headers), request.body)
        url = request.url.partition("?")[0]
        try:
            response, result = self._serve(found, asked, url, request_id)
        except EdgeError as error:
            response, result = error.response(request_id), error.result
        except AWSError as error:
            response, result = EdgeError(error.status or 500, error.message).response(request_id), "Error"
        response.headers["X-Cache"] = f"{result} from cloudfront"
        response.headers["Via"] = f"1.1 {_via(found)}.cloudfront.net (CloudFront)"
        response.headers["X-Amz-Cf-Pop"], response.headers["X-Amz-Cf-Id"] = POP, request_id
        self._context.record.add(
            "call", "viewer", "cloudfront", f"{request.method} /{rest}",
            outcome="ok" if response.status < 400 else str(response.status),
            started=started, milliseconds=(time.time() - started) * 1000, request_id=request_id,
        )  # fmt: skip
        dimensions = {"DistributionId": identifier, "Region": "Global"}
        measure(self._context.account_id, METRICS_REGION, "AWS/CloudFront", {"Requests": 1}, dimensions, "None")
        rates = {name: 100 * float(first == response.status // 100) for name, first in _RATES.items()}
        rates["TotalErrorRate"] = 100 * float(response.status >= 400)
        measure(self._context.account_id, METRICS_REGION, "AWS/CloudFront", rates, dimensions, "Percent")
        return response

    def _serve(
        self, distribution: Distribution, request: HttpRequest, url: str, request_id: str
    ) -> tuple[HttpResponse, str]:
        behavior = distribution.behavior(request.path)
        if _via(distribution) in request.headers.get("Via", ""):
            raise EdgeError(502, "The origin of the distribution is the distribution itself.")
        if not distribution.config["Enabled"]:
            raise EdgeError(403, "The distribution is disabled.")
        allowed = items(behavior.get("AllowedMethods")) or list(_CACHED_METHODS)
        if request.method not in allowed:
            raise EdgeError(403, _NOT_ALLOWED + ("" if len(allowed) > 3 else _ONLY_CACHABLE))
        request.headers["Host"] = distribution.domain
        private_content.check(behavior, request, url, self._context.account_id)
        visit = Visit(distribution, behavior, request, request_id, distribution.origin(behavior))
        response = self._functions.viewer_request(visit)
        if response is None:
            response = self._delivered(visit)
            if visit.passing:
                response = self._functions.viewer_response(visit, response)
            response = _not_modified(request, response)
        return response, visit.result

    def _delivered(self, visit: Visit) -> HttpResponse:
        """Return the answer of the cache or of the origin, a copy that viewer-response may change."""
        root = visit.distribution.config.get("DefaultRootObject")
        if visit.request.path == "/" and root:
            visit.request.path = f"/{root}"
        policy = self._policies.cache_policy(visit.behavior)
        key, now = self._key(visit, policy), self._context.clock.now()
        entry = self._cache.get(key) if visit.request.method in _CACHED_METHODS else None
        if entry is not None and now < entry.expires:
            visit.result = "Error" if entry.error else "Hit"
            age = {"Age": str(int(now - entry.stored))}
        else:
            entry, age = self._from_origin(visit, policy, key, entry), {}
        kept = entry.response
        visit.passing = not entry.error
        return HttpResponse(kept.status, Headers([*kept.headers, *age.items()]), kept.body)

    def _key(self, visit: Visit, policy: CachePolicy) -> Hashable:
        request = visit.request
        return visit.distribution.id, request.method, request.path, policy.of(request)

    def _from_origin(self, visit: Visit, policy: CachePolicy, key: Hashable, stale: Entry | None) -> Entry:
        request = self._to_origin(visit, policy, stale)
        response = generated = self._functions.origin_request(visit, request)
        if response is None:
            response = self._fetched(visit, request)
            if response.status == 304 and stale is not None:
                response, visit.result = stale.response, "RefreshHit"
            response = self._functions.origin_response(visit, request, response)
        error = response.status >= 400 and generated is None
        told = visit.distribution.error_response(response.status) if error else {}
        seconds = self._lasts(response, policy, float(told.get("ErrorCachingMinTTL", ERROR_SECONDS)))
        if error:
            visit.result = "Error"
            response = self._custom_error(visit, response, told)
        now = self._context.clock.now()
        query = policy.query(visit.request)
        path = f"{visit.request.path}?{query}" if query else visit.request.path
        entry = Entry(response, path, now, now + seconds, error)
        if seconds > 0 and visit.request.method in _CACHED_METHODS:
            self._cache.put(key, entry)
        return entry

    def _fetched(self, visit: Visit, request: HttpRequest) -> HttpResponse:
        """Return what the origin answers, or the second of its group where that takes over."""
        response = self._asked(visit, visit.origin, request)
        other = visit.distribution.second_origin(visit.behavior, response.status)
        return self._asked(visit, other, request) if other else response

    def _asked(self, visit: Visit, origin: Mapping[str, Any], request: HttpRequest) -> HttpResponse:
        """Return what one origin answers; that it cannot be reached is cached as its own errors are."""
        headers = Headers(request.headers)
        if headers.get("Host") == visit.origin["DomainName"]:
            headers["Host"] = origin["DomainName"]
        request = HttpRequest(request.method, request.path, request.query, headers, request.body)
        try:
            return self._origins.fetch(visit.distribution, origin, request)
        except EdgeError as error:
            if error.status not in (502, 504):
                raise
            return error.response(visit.request_id)

    def _lasts(self, response: HttpResponse, policy: CachePolicy, least: float) -> float:
        if response.status >= 400:
            return error_lifetime(response.status, response.headers, least)
        if response.status in _CACHED_IF_TOLD and "Cache-Control" not in response.headers:
            return 0
        return lifetime(response.headers, policy, time.time())

    def _custom_error(self, visit: Visit, response: HttpResponse, told: Mapping[str, Any]) -> HttpResponse:
        """Return the page that is configured for an error, or the error."""
        page = told.get("ResponsePagePath")
        if not page:
            return response
        behavior = visit.distribution.behavior(page)
        request = HttpRequest("GET", page, "", Headers({"Host": visit.distribution.domain}))
        found = self._origins.fetch(visit.distribution, visit.distribution.origin(behavior), request)
        if found.status >= 400:
            return response
        return HttpResponse(int(told.get("ResponseCode") or response.status), found.headers, found.body)

    def _to_origin(self, visit: Visit, policy: CachePolicy, stale: Entry | None) -> HttpRequest:
        """Return the request for the origin: what the policies choose, and what CloudFront always sends."""
        viewer, more = visit.request, self._policies.origin_policy(visit.behavior)
        both = [policy, more]
        headers = Headers({"User-Agent": "Amazon CloudFront", "X-Forwarded-For": private_content.VIEWER})
        headers["Host"] = visit.origin["DomainName"]
        for name, value in viewer.headers:
            lower = name.lower()
            with_body = viewer.body and lower in _WITH_THE_BODY
            if lower not in _NEVER_SENT and (with_body or any(one.headers.takes(lower) for one in both)):
                headers[name] = value
        cookies = dict(pair for one in both for pair in one.of(viewer)[1])
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        headers["Via"], headers["X-Amz-Cf-Id"] = f"1.1 {_via(visit.distribution)}.cloudfront.net", visit.request_id
        if stale is not None and stale.response.headers.get("ETag"):
            headers["If-None-Match"] = stale.response.headers["ETag"]
        return HttpRequest(viewer.method, viewer.path, _query(viewer, both), headers, viewer.body)


def _query(request: HttpRequest, chosen: list[Values]) -> str:
    """Return the query string with what either policy chooses, in the viewer's order."""
    kept = {part for one in chosen for part in one.query(request).split("&") if part}
    return "&".join(part for part in request.query.split("&") if part in kept)


def _not_modified(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Answer 304 to a viewer who has this version already."""
    tag = response.headers.get("ETag")
    if response.status == 200 and tag and request.headers.get("If-None-Match") in (tag, "*"):
        kept = [(name, value) for name, value in response.headers if not name.lower().startswith("content-")]
        return HttpResponse(304, Headers(kept))
    return response


def _request_id(seed: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha384(seed.encode()).digest()[:40]).decode()


def _via(distribution: Distribution) -> str:
    return hashlib.md5(distribution.id.encode(), usedforsecurity=False).hexdigest()
