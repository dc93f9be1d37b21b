"""Filter criteria: formats of bodies and data, and what is refused; event patterns have tests of their own."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.awslambda.event_sources.filters import parse, passes

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text("abAB", max_size=3)


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_json_is_a_pattern_or_refused(value: Any) -> None:
    try:
        pattern = parse(json.dumps(value))
    except ValueError:
        return
    assert passes([pattern], {"x": 1}) in (True, False)


@pytest.mark.parametrize(
    "text",
    ["", "plain", "[]", "{}", '"text"', '{"a": 1}', '{"a": []}', '{"a": {}}', '{"a": [["b"]]}',
     '{"a": [{"like": "b"}]}', '{"a": [{"numeric": ["<"]}]}', '{"a": [{"exists": "yes"}]}',
     '{"a": [{"prefix": 1}]}', '{"$or": [1]}'],
)  # fmt: skip
def test_invalid_patterns(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


@pytest.mark.parametrize(
    ("body", "pattern", "expected"),
    [
        ('{"a": 1}', {"body": {"a": [1]}}, True),
        ('{"a": 1}', {"body": {"a": [2]}}, False),
        ("plain", {"body": {"a": [1]}}, False),
        ("plain", {"body": ["plain"]}, True),
        ("plain", {"body": ["other"]}, False),
        ('{"a": 1}', {"body": [{"prefix": ""}]}, False),
        ("plain", {"body": {"a": [{"exists": False}]}}, False),
        ('{"b": 1}', {"body": {"a": [{"exists": False}]}}, True),
        ("plain", {"awsRegion": ["us-east-1"]}, True),
        ('{"a": 1}', {"awsRegion": ["us-east-1"]}, True),
    ],
)
def test_body_formats(body: str, pattern: dict[str, Any], expected: bool) -> None:
    """The table "Properly filtering Amazon SQS messages" of the Lambda Developer Guide."""
    assert passes([pattern], {"body": body, "awsRegion": "us-east-1"}) is expected


def test_kinesis_records_are_flat_and_decoded() -> None:
    data = base64.b64encode(b'{"a": 1}').decode()
    record = {"eventName": "aws:kinesis:record", "kinesis": {"partitionKey": "k", "data": data}}
    assert passes([{"data": {"a": [1]}, "partitionKey": ["k"]}], record)
    assert not passes([{"data": {"a": [2]}}], record)


def test_one_of_several_patterns_is_enough() -> None:
    record = {"eventName": "INSERT"}

    assert passes([{"eventName": ["REMOVE"]}, {"eventName": ["INSERT"]}], record)
    assert not passes([{"eventName": ["REMOVE"]}, {"eventName": ["MODIFY"]}], record)
    assert passes([], record)
