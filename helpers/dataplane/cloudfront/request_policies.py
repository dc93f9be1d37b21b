"""Cache policies and origin request policies: what makes two requests the same, and what goes to the origin.

AWS: a cache policy names the headers, cookies and query strings of the cache key, which also go to the origin, and
the bounds of the time to live; an origin request policy names more that only the origin gets ("Control the cache key
with a policy", "Control origin requests with a policy", "Use managed cache policies", "Use managed origin request
policies", CloudFront Developer Guide). Older distributions say the same with ForwardedValues.

moto has none of it. Accept-Encoding never counts here, because nothing is compressed. Of the managed policies those
of ``_MANAGED`` are built.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from werkzeug.datastructures import Headers

from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.context import Context
from helpers.dataplane.frontdoor import Operation
from helpers.dataplane.web import HttpRequest, HttpResponse

DAY, YEAR = 86_400, 31_536_000
_KINDS = {"CachePolicy": "CachePolicies", "OriginRequestPolicy": "OriginRequestPolicies"}


@dataclass(frozen=True)
class Choice:
    """Which of a request's headers, cookies or query strings."""

    behavior: str = "none"
    names: frozenset[str] = frozenset()

    def takes(self, name: str) -> bool:
        """Return whether the value of that name is chosen."""
        if self.behavior in ("none", "all", "allViewer"):
            return self.behavior != "none"
        return (name in self.names) is (self.behavior != "allExcept")


@dataclass(frozen=True)
class Values:
    """What a policy chooses of a request."""

    headers: Choice = Choice()
    cookies: Choice = Choice()
    queries: Choice = Choice()

    def of(self, request: HttpRequest) -> tuple[tuple[tuple[str, str], ...], ...]:
        """Return the chosen headers, cookies and query strings, which together are a part of a cache key."""
        headers = [(name.lower(), value) for name, value in request.headers if self.headers.takes(name.lower())]
        cookies = [pair for pair in cookies_of(request.headers) if self.cookies.takes(pair[0])]
        return tuple(sorted(headers)), tuple(sorted(cookies)), tuple(pairs_of(self.query(request)))

    def query(self, request: HttpRequest) -> str:
        """Return what is left of the query string."""
        parts = [part for part in request.query.split("&") if part]
        return "&".join(part for part in parts if self.queries.takes(unquote_plus(part.partition("=")[0])))


@dataclass(frozen=True)
class CachePolicy(Values):
    """A cache policy; times in seconds."""

    min_ttl: int = 0
    default_ttl: int = DAY
    max_ttl: int = YEAR


def cookies_of(headers: Headers) -> list[tuple[str, str]]:
    """Return the cookies of a request, as pairs of name and value."""
    parts = [part.strip() for line in headers.getlist("Cookie") for part in line.split(";")]
    return [(name, value) for name, _, value in (part.partition("=") for part in parts if part)]


def pairs_of(query: str) -> list[tuple[str, str]]:
    """Return the parameters of a query string in their order."""
    return parse_qsl(query, keep_blank_values=True)


_ALL = Choice("all")
_MANAGED: dict[str, tuple[str, str, Values]] = {
    "658327ea-f89d-4fab-a63d-7e88639e58f6": ("CachePolicy", "Managed-CachingOptimized", CachePolicy(min_ttl=1)),
    "4135ea2d-6df8-44a3-9df3-4b5a84be39ad": (
        "CachePolicy",
        "Managed-CachingDisabled",
        CachePolicy(default_ttl=0, max_ttl=0),
    ),
    "216adef6-5c7f-47e4-b989-5492eafa07d3": ("OriginRequestPolicy", "Managed-AllViewer", Values(_ALL, _ALL, _ALL)),
    "b689b0a8-53d0-40ab-baf2-68738e2966ac": (
        "OriginRequestPolicy",
        "Managed-AllViewerExceptHostHeader",
        Values(Choice("allExcept", frozenset({"host"})), _ALL, _ALL),
    ),
}


@dataclass(frozen=True)
class _Kept:
    """A policy that somebody created."""

    kind: str
    config: Mapping[str, Any]
    etag: str
    values: Values


class RequestPolicies:
    """The cache policies and origin request policies of one account."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._kept: dict[str, _Kept] = {}

    def operations(self) -> Mapping[str, Operation]:
        """Return what is answered, by operation."""
        made: dict[str, Operation] = {}
        for kind, kinds in _KINDS.items():
            made[f"Create{kind}"] = functools.partial(self._create, kind)
            made[f"Get{kind}"] = functools.partial(self._get, kind)
            made[f"Delete{kind}"] = functools.partial(self._delete, kind)
            made[f"List{kinds}"] = functools.partial(self._list, kind)
        return made

    def find(self, kind: str, identifier: str) -> Values:
        """Return what a policy chooses.

        Raises
        ------
        AWSError
            ``NoSuchCachePolicy`` or ``NoSuchOriginRequestPolicy``.
        """
        if identifier in _MANAGED and _MANAGED[identifier][0] == kind:
            return _MANAGED[identifier][2]
        return self._find(kind, identifier).values

    def cache_policy(self, behavior: Mapping[str, Any]) -> CachePolicy:
        """Return the cache policy of a behaviour, or what its older settings amount to."""
        identifier = behavior.get("CachePolicyId")
        found = self.find("CachePolicy", identifier) if identifier else _forwarded_values(behavior)
        assert isinstance(found, CachePolicy)
        return found

    def origin_policy(self, behavior: Mapping[str, Any]) -> Values:
        """Return what the origin gets besides the cache key's values."""
        identifier = behavior.get("OriginRequestPolicyId")
        return self.find("OriginRequestPolicy", identifier) if identifier else Values()

    def _find(self, kind: str, identifier: str) -> _Kept:
        kept = self._kept.get(identifier)
        if kept is None or kept.kind != kind:
            noun = "cache" if kind == "CachePolicy" else "origin request"
            raise AWSError(f"NoSuch{kind}", f"The specified {noun} policy does not exist.", 404)
        return kept

    def _create(self, kind: str, call: Call) -> HttpResponse:
        config = call.params[f"{kind}Config"]
        if any(kept.kind == kind and kept.config["Name"] == config["Name"] for kept in self._kept.values()):
            raise AWSError(f"{kind}AlreadyExists", f"A policy with the name {config['Name']} already exists.", 409)
        values = read_cache_policy(config) if kind == "CachePolicy" else _values(config)
        identifier = self._context.new_id()
        self._kept[identifier] = _Kept(kind, config, f"E{identifier[:12].replace('-', '').upper()}", values)
        return self._reply(call, kind, identifier, 201)

    def _get(self, kind: str, call: Call) -> HttpResponse:
        self._find(kind, call.params["Id"])
        return self._reply(call, kind, call.params["Id"], 200)

    def _reply(self, call: Call, kind: str, identifier: str, status: int) -> HttpResponse:
        kept = self._kept[identifier]
        policy = {"Id": identifier, "LastModifiedTime": self._context.clock.time(), f"{kind}Config": kept.config}
        return call.reply({kind: policy, "ETag": kept.etag}, status)

    def _delete(self, kind: str, call: Call) -> HttpResponse:
        kept = self._find(kind, call.params["Id"])
        check_version(call.params.get("IfMatch"), kept.etag)
        del self._kept[call.params["Id"]]
        return call.reply({}, 204)

    def _list(self, kind: str, call: Call) -> HttpResponse:
        moment = self._context.clock.time()
        items = [
            {"Type": "custom", kind: {"Id": one, "LastModifiedTime": moment, f"{kind}Config": kept.config}}
            for one, kept in self._kept.items()
            if kept.kind == kind
        ]
        return call.reply({f"{kind}List": {"MaxItems": 100, "Quantity": len(items), "Items": items}})


def check_version(given: str | None, current: str) -> None:
    """Check an If-Match.

    Raises
    ------
    AWSError
        ``InvalidIfMatchVersion`` (400) without one, ``PreconditionFailed`` (412) for an old one.
    """
    if not given:
        message = "The If-Match version is missing or not valid for the resource."
        raise AWSError("InvalidIfMatchVersion", message, 400)
    if given != current:
        message = "The precondition in one or more of the request fields evaluated to false."
        raise AWSError("PreconditionFailed", message, 412)


def read_cache_policy(config: Mapping[str, Any]) -> CachePolicy:
    """Return a cache policy from its API form."""
    least = int(config.get("MinTTL") or 0)
    usual, most = config.get("DefaultTTL"), config.get("MaxTTL")
    usual = max(least, DAY) if usual is None else int(usual)
    most = max(usual, YEAR) if most is None else int(most)
    check_order(least, usual, most)
    values = _values(config.get("ParametersInCacheKeyAndForwardedToOrigin") or {})
    return CachePolicy(values.headers, values.cookies, values.queries, least, usual, most)


def check_order(least: int, usual: int, most: int) -> None:
    """Check that the times to live are in order; CloudFront's documents name the error and not its words."""
    if not least <= usual <= most:
        raise AWSError("InvalidTTLOrder", "MinTTL must not exceed DefaultTTL, and DefaultTTL not MaxTTL.", 400)


def _values(given: Mapping[str, Any]) -> Values:
    headers, cookies = given.get("HeadersConfig") or {}, given.get("CookiesConfig") or {}
    queries = given.get("QueryStringsConfig") or {}
    return Values(
        Choice(headers.get("HeaderBehavior") or "none", _names(headers.get("Headers"), str.lower)),
        Choice(cookies.get("CookieBehavior") or "none", _names(cookies.get("Cookies"))),
        Choice(queries.get("QueryStringBehavior") or "none", _names(queries.get("QueryStrings"))),
    )


def _names(given: Mapping[str, Any] | None, form: Any = str) -> frozenset[str]:
    items: Iterable[str] = (given or {}).get("Items") or []
    return frozenset(form(name) for name in items)


def _forwarded_values(behavior: Mapping[str, Any]) -> CachePolicy:
    """Return the cache policy that a behaviour's ForwardedValues and TTLs amount to."""
    given = behavior["ForwardedValues"]
    headers, cookies = _names(given.get("Headers"), str.lower), given.get("Cookies") or {}
    keys = _names(given.get("QueryStringCacheKeys"))
    queries = Choice("whitelist", keys) if keys else _ALL if given.get("QueryString") else Choice()
    ttls = read_cache_policy({name: behavior.get(name) for name in ("MinTTL", "DefaultTTL", "MaxTTL")})
    forwards_all = "*" in headers
    return CachePolicy(
        _ALL if forwards_all else Choice("whitelist", headers),
        Choice(cookies.get("Forward") or "none", _names(cookies.get("WhitelistedNames"))),
        queries,
        0 if forwards_all else ttls.min_ttl,
        0 if forwards_all else ttls.default_ttl,
        0 if forwards_all else ttls.max_ttl,
    )
