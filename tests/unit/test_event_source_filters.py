"""Filter criteria against a plain restatement of AWS's rules."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.awslambda.event_sources.filters import InvalidPattern, matches, parse, passes

TEXTS = st.text("abAB", max_size=3)
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, 1.0, 2.5])
SCALARS = TEXTS | NUMBERS | st.booleans() | st.none()
NAMES = st.sampled_from(["x", "y", "z"])
EVENTS = st.recursive(
    st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=3), max_size=3),
    lambda inner: st.dictionaries(NAMES, inner | SCALARS, max_size=3),
    max_leaves=4,
)
LIMITS = st.tuples(st.sampled_from(["<", "<=", ">", ">=", "="]), NUMBERS).map(list)
RULES = st.one_of(
    SCALARS,
    TEXTS.map(lambda text: {"prefix": text}),
    TEXTS.map(lambda text: {"suffix": text}),
    TEXTS.map(lambda text: {"equals-ignore-case": text}),
    st.booleans().map(lambda wanted: {"exists": wanted}),
    st.lists(TEXTS | NUMBERS, min_size=1, max_size=2).map(lambda values: {"anything-but": values}),
    TEXTS.map(lambda text: {"anything-but": {"prefix": text}}),
    LIMITS.map(lambda limit: {"numeric": limit}),
    st.tuples(LIMITS, LIMITS).map(lambda pair: {"numeric": pair[0] + pair[1]}),
)
LEAVES = st.dictionaries(NAMES, st.lists(RULES, min_size=1, max_size=3), min_size=1, max_size=2)
PATTERNS = st.recursive(
    LEAVES,
    lambda inner: (
        st.dictionaries(NAMES, inner, min_size=1, max_size=2)
        | st.lists(inner, min_size=1, max_size=2).map(lambda choices: {"$or": choices})
    ),
    max_leaves=3,
)


def same(one: Any, other: Any) -> bool:
    """JSON: 1 and 1.0 are one number, true is none."""
    numbers = [isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other)]
    return bool(one == other) if all(numbers) else json.dumps(one) == json.dumps(other)


def one_value_fits(rule: Any, value: Any) -> bool:
    """AWS's table of comparison operators, one line each, for one value that is there."""
    if not isinstance(rule, dict):
        return same(rule, value)
    ((kind, operand),) = rule.items()
    text, number = isinstance(value, str), isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "prefix":
        return text and value[: len(operand)] == operand
    if kind == "suffix":
        return text and (value[-len(operand) :] == operand if operand else True)
    if kind == "equals-ignore-case":
        return text and value.casefold() == operand.casefold()
    if kind == "anything-but":
        if isinstance(operand, dict):
            return text and not one_value_fits(operand, value)
        return not any(same(unwanted, value) for unwanted in operand)
    assert kind == "numeric"
    signs = {"<": -1, ">": 1}
    return number and all(
        (sign[0] in signs and (value > limit) - (value < limit) == signs[sign[0]]) or ("=" in sign and value == limit)
        for sign, limit in zip(operand[::2], operand[1::2], strict=True)
    )


def fits(pattern: dict[str, Any], event: Any) -> bool:
    """A pattern fits when each of its fields does; a list of an event fits by any member (anything-but: by all)."""
    for name, wanted in pattern.items():
        if name == "$or":
            if not any(fits(choice, event) for choice in wanted):
                return False
            continue
        there = isinstance(event, dict) and name in event
        value = event[name] if there else None
        if isinstance(wanted, dict):
            members = value if isinstance(value, list) else [value]
            if not any(fits(wanted, member) for member in members):
                return False
        elif not any(rule_fits(rule, there, value) for rule in wanted):
            return False
    return True


def rule_fits(rule: Any, there: bool, value: Any) -> bool:
    """One rule of a leaf."""
    is_leaf = there and not isinstance(value, dict)
    if isinstance(rule, dict) and "exists" in rule:
        return bool(rule["exists"]) == is_leaf
    if not is_leaf:
        return False
    members = value if isinstance(value, list) else [value]
    every = isinstance(rule, dict) and "anything-but" in rule and isinstance(value, list)
    return (all if every else any)(one_value_fits(rule, member) for member in members)


@given(PATTERNS, EVENTS)
def test_matches_as_documented(pattern: dict[str, Any], event: dict[str, Any]) -> None:
    assert matches(parse(json.dumps(pattern)), event) == fits(pattern, event)


@given(st.lists(LEAVES, max_size=3), EVENTS)
def test_one_of_several_patterns_is_enough(patterns: list[dict[str, Any]], event: dict[str, Any]) -> None:
    assert passes(patterns, event) == (not patterns or any(fits(pattern, event) for pattern in patterns))


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_json_is_a_pattern_or_refused(value: Any) -> None:
    try:
        pattern = parse(json.dumps(value))
    except InvalidPattern:
        return
    matches(pattern, {"x": 1})


@pytest.mark.parametrize(
    "text",
    ["", "plain", "[]", "{}", '"text"', '{"a": 1}', '{"a": []}', '{"a": {}}', '{"a": [["b"]]}',
     '{"a": [{"like": "b"}]}', '{"a": [{"numeric": ["<"]}]}', '{"a": [{"exists": "yes"}]}',
     '{"a": [{"prefix": 1}]}', '{"$or": [1]}'],
)  # fmt: skip
def test_invalid_patterns(text: str) -> None:
    with pytest.raises(InvalidPattern):
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
