"""The cache: which requests share an entry, what is kept and for how long, and who may ask for a new answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.apigateway.models import Stage
from werkzeug.datastructures import Headers

from helpers.dataplane.apigateway.caching import LARGEST, Cache, key_of
from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.apigateway.snapshot import Resource, Snapshot
from helpers.dataplane.call import Caller
from helpers.dataplane.policies import Asked, Verdict
from helpers.dataplane.web import HttpRequest, HttpResponse

NAMES = ["a", "b", "c"]
PLACES = {"querystring": "query", "header": "headers", "path": "path"}
PARAMETERS = [f"method.request.{place}.{name}" for place in PLACES for name in NAMES]
VALUES = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["", "1", "2", "1,2", "ä"]))
REQUESTS = st.fixed_dictionaries(dict.fromkeys(PLACES.values(), VALUES))
SNAPSHOT = Snapshot((), {}, {}, {}, {}, "", (), "HEADER")


def exchange(
    request: dict[str, dict[str, str]] | None = None, chosen: list[str] | None = None, **settings: Any
) -> Exchange:
    """Return a GET request with its parameters, to a method whose cache key has the ``chosen`` ones."""
    given = {"query": {}, "headers": {}, "path": {}, **(request or {})}
    stage = Stage("prod", cacheClusterEnabled=True)
    stage.method_settings = {"*/*": {"cachingEnabled": True, **settings}}
    method = {"httpMethod": "GET", "methodIntegration": {"type": "MOCK", "cacheKeyParameters": chosen or []}}
    query = urlencode(given["query"])
    return Exchange(
        HttpRequest("GET", "/", query, Headers(given["headers"])), SimpleNamespace(id="api", name="shop"),  # type: ignore[arg-type]
        stage, SNAPSHOT, Resource("r1", "/tea", {}), method, "/tea", given["path"], {}, "id", "1", "us-east-1",
    )  # fmt: skip


def value(request: dict[str, dict[str, str]], parameter: str) -> str | None:
    """Return a request's parameter, as the test made it."""
    _, _, place, name = parameter.split(".")
    return request[PLACES[place]].get(name)


@given(REQUESTS, REQUESTS, st.lists(st.sampled_from(PARAMETERS), unique=True))
def test_requests_share_an_entry_iff_their_chosen_parameters_are_equal(
    one: dict[str, dict[str, str]], other: dict[str, dict[str, str]], chosen: list[str]
) -> None:
    same = all(value(one, parameter) == value(other, parameter) for parameter in chosen)
    assert (key_of(exchange(one, chosen)) == key_of(exchange(other, chosen))) is same


def test_a_parameter_of_the_integration_is_what_the_method_maps_to_it() -> None:
    name, source = "integration.request.querystring.p", "method.request.querystring.a"
    keys = set()
    for query in ({"a": "1"}, {"a": "2"}, {"a": "1", "b": "3"}):
        asked = exchange({"query": query}, [name])
        asked.method["methodIntegration"]["requestParameters"] = {name: source}
        keys.add(key_of(asked))
    assert len(keys) == 2


@pytest.mark.parametrize(("shares", "same"), [(False, False), (True, True)])
def test_a_canary_shares_the_cache_only_if_it_is_told_to(shares: bool, same: bool) -> None:
    usual, of_canary = exchange(), exchange()
    for one, is_canary in ((usual, "false"), (of_canary, "true")):
        one.extra["isCanaryRequest"] = is_canary
        setattr(one.stage, "canary", {"useStageCache": shares})
    assert (key_of(usual) == key_of(of_canary)) is same
    assert key_of(usual) == key_of(exchange())


class Backend:
    """Counts how often it is asked."""

    def __init__(self, size: int = 0) -> None:
        self.asked, self.size = 0, size

    def __call__(self) -> HttpResponse:
        """Answer a text that is new each time."""
        self.asked += 1
        return HttpResponse(200, Headers({"X-Number": str(self.asked)}), b"x" * self.size)


class Policies:
    """Who may invalidate: a user called allowed."""

    def secret(self, access_key: str) -> str | None:
        return "s" if access_key in ("root", "allowed", "other") else None

    def caller(self, access_key: str) -> Caller:
        return Caller(access_key, "", access_key, user="" if access_key == "root" else access_key)

    def verdict(self, asked: Asked) -> Verdict:
        assert asked.action == "execute-api:InvalidateCache"
        assert asked.resource == "arn:aws:execute-api:us-east-1:1:api/prod/GET/tea"
        assert asked.caller is not None
        return Verdict.ALLOW if asked.caller.user in ("", "allowed") else Verdict.SILENT


@pytest.fixture
def clock() -> SimpleNamespace:
    return SimpleNamespace(seconds=0.0)


@pytest.fixture
def cache(clock: SimpleNamespace) -> Cache:
    context: Any = SimpleNamespace(clock=SimpleNamespace(now=lambda: clock.seconds), identities=Policies())
    return Cache(context)


def test_an_entry_lives_as_long_as_its_ttl(cache: Cache, clock: SimpleNamespace) -> None:
    backend, states = Backend(), []
    for clock.seconds in (0.0, 9.9, 10.1, 20.0, 20.2):
        asked = exchange(cacheTtlInSeconds=10)
        cache.answer(asked, backend)
        states.append(asked.cache)
    assert states == ["miss", "hit", "miss", "hit", "miss"]
    assert backend.asked == 3


@pytest.mark.parametrize(("size", "asked"), [(LARGEST, 1), (LARGEST + 1, 2)])
def test_a_response_of_more_than_a_megabyte_is_not_kept(cache: Cache, size: int, asked: int) -> None:
    backend = Backend(size)
    for _ in range(2):
        assert len(cache.answer(exchange(), backend).body) == size
    assert backend.asked == asked


def test_what_a_caller_does_to_an_answer_does_not_change_the_kept_one(cache: Cache) -> None:
    backend = Backend()
    for _ in range(3):
        response = cache.answer(exchange(), backend)
        assert response.headers["X-Number"] == "1" and "X-Mine" not in response.headers
        response.headers["X-Mine"] = "yes"


def test_what_the_gateway_itself_answers_is_not_kept(cache: Cache) -> None:
    def broken() -> HttpResponse:
        raise GatewayError("INTEGRATION_TIMEOUT")

    for _ in range(2):
        with pytest.raises(GatewayError):
            cache.answer(exchange(), broken)
    assert cache.answer(exchange(), Backend()).headers["X-Number"] == "1"


@pytest.mark.parametrize(
    ("signer", "renewed"), [("root", True), ("allowed", True), ("other", False), ("nobody", False)]
)
def test_who_signed_and_may_invalidate_gets_a_new_answer(cache: Cache, signer: str, renewed: bool) -> None:
    backend = Backend()
    cache.answer(exchange(), backend)
    asked = exchange({"headers": {"Cache-Control": "no-transform, max-age=0"}})
    asked.identity["accessKey"] = signer
    response = cache.answer(asked, backend)
    assert response.headers["X-Number"] == ("2" if renewed else "1")
    assert ("Warning" in response.headers) is not renewed


def test_requests_at_once_leave_whole_entries(cache: Cache) -> None:
    def ask(act: Callable[[], HttpResponse]) -> None:
        for number in range(200):
            cache.answer(exchange({"query": {"a": str(number % 5)}}, PARAMETERS[:1]), act)
            if number % 50 == 0:
                cache.flush("api", "prod")

    backend = Backend(10)
    threads = [threading.Thread(target=ask, args=(backend,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert backend.asked < 4 * 200
    assert isinstance(cache.answer(exchange(), backend).body, bytes)
