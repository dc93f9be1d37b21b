"""Proxy events and responses: what goes in comes out, whatever it is."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.apigateway.models import RestAPI, Stage
from werkzeug.datastructures import Headers

from helpers.dataplane.apigateway import expressions, proxy_event
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.apigateway.snapshot import Resource, Snapshot
from helpers.dataplane.web import HttpRequest

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8)
NAMES = st.text(alphabet="abcXYZ-", min_size=1, max_size=6)
PAIRS = st.lists(st.tuples(NAMES, TEXT), max_size=6)


def exchange(query: str = "", headers: list[tuple[str, str]] | None = None, body: bytes = b"") -> Exchange:
    api: Any = SimpleNamespace(id="abc", name="todos")
    snapshot = Snapshot((), {}, {}, {}, {}, "", ("image/png",), "HEADER")
    request = HttpRequest("POST", "/", query, Headers(headers or []), body)
    return Exchange(
        request, api, Stage("prod", "d1", {}), snapshot, Resource("r1", "/{id}", {}), {"httpMethod": "ANY"}, "/7",
        {"id": "7"}, {}, "request-1", "123456789012", "us-east-1",
    )  # fmt: skip


def test_moto_still_has_what_the_exchange_reads() -> None:
    assert {"id", "name", "stages", "deployments"} <= set(vars(RestAPI("abc", "1", "us-east-1", "n", "")))


@given(PAIRS)
def test_the_query_comes_back_pair_by_pair(pairs: list[tuple[str, str]]) -> None:
    event = proxy_event.event_of(exchange(urlencode(pairs)))
    assert (event["queryStringParameters"] or {}) == dict(pairs)
    many = event["multiValueQueryStringParameters"] or {}
    assert sorted((name, value) for name, values in many.items() for value in values) == sorted(pairs)


@given(st.binary(max_size=50), st.sampled_from(["image/png", "IMAGE/PNG; q=1", "text/plain", ""]))
def test_the_body_survives_if_it_is_text_or_said_to_be_binary(body: bytes, kind: str) -> None:
    import base64

    event = proxy_event.event_of(exchange(headers=[("Content-Type", kind)], body=body))
    assert event["isBase64Encoded"] is (bool(body) and kind.lower().startswith("image/png"))
    text = event["body"] or ""
    assert (base64.b64decode(text) if event["isBase64Encoded"] else text) in (body, body.decode("utf-8", "replace"))
    json.dumps(event)


RESULTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"]) | NAMES,
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(RESULTS)
def test_any_result_is_a_response_or_malformed(result: Any) -> None:
    try:
        response = proxy_event.response_of(json.dumps(result).encode(), exchange(headers=[("Accept", "image/png")]))
    except proxy_event.Malformed:
        return
    assert isinstance(result, dict) and 100 <= response.status <= 599


@pytest.mark.parametrize("payload", [b"", b"\xff", b"{", b'{"statusCode": 1e999}', b'{"headers": {"a\\nb": "c"}}'])
def test_what_is_no_json_or_no_header_is_malformed(payload: bytes) -> None:
    with pytest.raises(proxy_event.Malformed):
        proxy_event.response_of(payload, exchange())


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'it''s'", "it''s"),
        ("method.request.path.id", "7"),
        ("method.request.querystring.a", "2"),
        ("method.request.multivaluequerystring.a", "1,2"),
        ("method.request.header.x-shop", "Bakery"),
        ("method.request.body", '{"a": {"b": [1, 2]}}'),
        ("method.request.body.a.b[1]", "2"),
        ("context.identity", "{}"),
        ("context.stage", "prod"),
        ("context.identity.sourceIp", None),
        ("stageVariables.nobody", None),
        ("nonsense", None),
    ],
)
def test_expressions(expression: str, value: str | None) -> None:
    asked = exchange("a=1&a=2", [("X-Shop", "Bakery")], b'{"a": {"b": [1, 2]}}')
    assert expressions.of_request(expression, asked) == value
