"""$input and $util: JSONPath, what is no JSON, and escapes that can be undone."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helpers.dataplane.apigateway.templates import Input, Util
from helpers.dataplane.apigateway.velocity import merge

texts = st.text(st.characters(exclude_categories=["Cs"]))
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
BODY = {"pets": [{"name": "Rex", "age": 3}, {"name": "Tom", "age": 7}], "where": "shop", "a-b": 1, "ü": 2, "none": None}


def given_body(body: str) -> Input:
    """Return ``$input`` for a body."""
    return Input(body, {"path": {"id": "1"}, "querystring": {"id": "2", "q": "3"}, "header": {"Q": "4", "Origin": "5"}})


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.where", "shop"), ("$['where']", "shop"), ("$.a-b", 1), ("$.ü", 2), ("$.none", None),
        ("$.pets[1].name", "Tom"),
        ("$.pets[*].age", [3, 7]), ("$..name", ["Rex", "Tom"]), ("$.pets[?(@.age>5)].name", ["Tom"]),
        ("$.pets[0:1].age", [3]), ("$.nobody", ""), ("$.nobody.more", ""), ("$.pets[7]", ""), ("$.nobody[*]", []),
    ],
)  # fmt: skip
def test_path(path: str, found: Any) -> None:
    wanted = given_body(json.dumps(BODY))
    assert wanted.path(path) == found
    assert json.loads(wanted.json(path)) == found


@given(values)
def test_json_is_what_was_sent(value: Any) -> None:
    assert json.loads(given_body(json.dumps(value)).json("$")) == value


@given(st.dictionaries(names, values, min_size=1, max_size=3))
@example({"..": None, "[?(@)]": 1, "a:b": [2]})
def test_each_member_is_found_by_its_name(value: dict[str, Any]) -> None:
    wanted = given_body(json.dumps(value))
    for name in value:
        if not set(name) & set("'\\*"):
            assert wanted.path(f"$['{name}']") == value[name]


@given(texts.filter(lambda text: text.strip() and not text.strip()[0].isdigit()))
def test_what_is_no_json_is_one_string(text: str) -> None:
    xml = f"<note>{text}</note>"
    wanted = given_body(xml)
    assert (wanted.body, json.loads(wanted.json("$")), wanted.path("$.note")) == (xml, xml, "")


def test_no_body_is_an_empty_object() -> None:
    assert (given_body("").body, given_body("").json("$")) == ("{}", "{}")


def test_params() -> None:
    wanted = given_body("")
    assert [wanted.params(name) for name in ("id", "q", "Q", "origin", "nobody")] == ["1", "3", "4", "5", ""]
    assert list(wanted.params()) == ["path", "querystring", "header"]


@given(texts)
def test_escaped_text_is_read_back_by_json(text: str) -> None:
    template = """{"text": "$util.escapeJavaScript($text).replaceAll("\\\\'", "'")"}"""
    assert json.loads(merge(template, {"util": Util(), "text": text})) == {"text": text}


@given(texts)
def test_encodings_can_be_undone(text: str) -> None:
    util = Util()
    assert util.urlDecode(util.urlEncode(text)) == text
    assert util.base64Decode(util.base64Encode(text)) == text
    assert base64.b64decode(util.base64Encode(text)).decode() == text
    assert util.urlDecode(quote_plus(text)) == text


@given(values)
def test_parse_json(value: Any) -> None:
    assert Util().parseJson(json.dumps(value)) == value


def test_escapes_are_javascripts() -> None:
    assert Util().escapeJavaScript('it\'s "1/2"\\ü😀\n\x01') == 'it\\\'s \\"1\\/2\\"\\\\\\u00FC\\uD83D\\uDE00\\n\\u0001'
    assert Util().escapeJavaScript({"a": True}) == "{a=true}"
