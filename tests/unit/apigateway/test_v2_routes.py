"""The choice of a route, against plain restatements of AWS's rules."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.apigateway.v2 import http_routes
from helpers.dataplane.apigateway.websocket import routes

NAMES = st.sampled_from(["action", "kind", "join", "$default", "$connect", "$disconnect", "chat", "7", ""])
BODIES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 9), NAMES),
    lambda inner: st.dictionaries(st.sampled_from(["action", "kind"]), inner, max_size=2) | st.lists(inner, max_size=2),
    max_leaves=5,
)


@given(BODIES, st.sets(NAMES), st.sampled_from(["$request.body.action", "${request.body.action}"]))
def test_one_variable(body: Any, keys: set[str], expression: str) -> None:
    value = body.get("action") if isinstance(body, dict) else None
    said = value if isinstance(value, str) else json.dumps(value) if isinstance(body, dict) and "action" in body else ""
    matches = isinstance(body, dict) and said in keys - {"$connect", "$disconnect"}
    expected = said if matches else "$default" if "$default" in keys else None
    assert routes.select(expression, json.dumps(body), keys) == expected


@given(st.text(), st.sets(NAMES))
def test_any_text_finds_a_known_route_or_none(text: str, keys: set[str]) -> None:
    assert routes.select("$request.body.action", text, keys) in keys | {None}


@pytest.mark.parametrize(
    ("expression", "key"),
    [
        ("$request.body.action", "join"),
        ("${request.body.action}", "join"),
        ("${request.body.service}/${request.body.action}", "chat/join"),
        ("$request.body.data.room", "room1234"),
        ("$request.body.nothing", ""),
        ("action", "action"),
        (r"\$default", "$default"),
    ],
)
def test_the_examples_of_the_guide(expression: str, key: str) -> None:
    message = '{"service": "chat", "action": "join", "data": {"room": "room1234"}}'
    assert routes.is_expression(expression)
    assert routes.select(expression, message, {key}) == key


@pytest.mark.parametrize(
    "expression", ["$request.body.items[0]", "$request.header.x", "${request.body..x}", "$context.x"]
)
def test_other_expressions_are_not_built(expression: str) -> None:
    assert not routes.is_expression(expression)


SEGMENTS = ["a", "b"]
TEMPLATES = st.lists(st.sampled_from([*SEGMENTS, "{x}", "{y}"]), max_size=3).flatmap(
    lambda parts: st.sampled_from(["/" + "/".join(parts), "/" + "/".join([*parts, "{rest+}"])])
)
KEYS = st.sets(
    st.one_of(st.just("$default"), st.tuples(st.sampled_from(["GET", "POST", "ANY"]), TEMPLATES).map(" ".join)),
    max_size=6,
)
PATHS = st.lists(st.sampled_from([*SEGMENTS, "c"]), max_size=4).map(lambda parts: "/" + "/".join(parts))


def _pattern(template: str) -> str:
    return re.sub(r"\{\w+\}", "[^/]+", re.sub(r"\{\w+\+\}", ".+", template))


def _rank(key: str) -> tuple[Any, ...]:
    """Return how particular a route is: literals before variables before the rest, a method before ANY."""
    method, _, template = key.partition(" ")
    parts = [part for part in template.split("/") if part]
    return [2 if part.endswith("+}") else int(part.startswith("{")) for part in parts], method == "ANY"


@given(KEYS, st.sampled_from(["GET", "POST", "DELETE"]), PATHS)
def test_the_most_particular_http_route_answers(keys: set[str], method: str, path: str) -> None:
    fitting = [
        key
        for key in keys - {"$default"}
        if key.partition(" ")[0] in (method, "ANY") and re.fullmatch(_pattern(key.partition(" ")[2]), path)
    ]
    found = http_routes.find(keys, method, path)
    if fitting:
        assert found is not None and _rank(found[0]) == min(map(_rank, fitting))
        filled = re.sub(r"\{(\w+)\+?\}", lambda name: found[1][name[1]], found[0].partition(" ")[2])
        assert filled == path or len(found[1]) < found[0].count("{")  # a name may stand twice
    else:
        assert (found[0] if found else None) == ("$default" if "$default" in keys else None)
