"""Event patterns, compared with a plain restatement of what they mean."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.event_patterns import check, matches

words = st.text("abAB*", max_size=4)
numbers = st.integers(-3, 3)
scalars = st.none() | st.booleans() | numbers | words
events = st.dictionaries(
    st.sampled_from("pqr"),
    scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.sampled_from("xy"), scalars, max_size=2),
    max_size=3,
)
rules = st.one_of(
    scalars,
    words.map(lambda word: {"prefix": word}),
    words.map(lambda word: {"suffix": word}),
    words.map(lambda word: {"equals-ignore-case": word}),
    st.booleans().map(lambda there: {"exists": there}),
    st.lists(words | numbers, min_size=1, max_size=2).map(lambda unwanted: {"anything-but": unwanted}),
    st.tuples(st.sampled_from(["<", "<=", "=", ">=", ">"]), numbers).map(lambda both: {"numeric": list(both)}),
)
listed = st.lists(rules, min_size=1, max_size=3)
inner = st.dictionaries(st.sampled_from("xy"), listed, min_size=1)
patterns = st.dictionaries(st.sampled_from("pqr"), listed | inner, max_size=2)


def plainly(rule: Any, values: list[Any]) -> bool:
    """Return whether one of a field's values is what one rule wants."""
    if not isinstance(rule, dict):
        return any(type(value) is type(rule) and value == rule for value in values)
    ((kind, wanted),) = rule.items()
    if kind == "exists":
        return bool(values) == wanted
    texts = [value for value in values if isinstance(value, str)]
    counts = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
    if kind == "prefix":
        return any(text[: len(wanted)] == wanted for text in texts)
    if kind == "suffix":
        return any(text[len(text) - len(wanted) :] == wanted for text in texts if len(text) >= len(wanted))
    if kind == "equals-ignore-case":
        return any(text.upper() == wanted.upper() for text in texts)
    if kind == "anything-but":
        return any(all(type(value) is not type(one) or value != one for one in wanted) for value in values)
    sign, limit = wanted
    return any(
        {"<": count < limit, "<=": count <= limit, "=": count == limit, ">=": count >= limit, ">": count > limit}[sign]
        for count in counts
    )


def wanted_plainly(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Return whether an event fits: every field of the pattern, in one of the ways that are listed."""
    for name, wanted in pattern.items():
        value = event.get(name, [])
        if isinstance(wanted, dict):
            if not wanted_plainly(wanted, value if isinstance(value, dict) else {}):
                return False
        else:
            values = [] if isinstance(value, dict) else value if isinstance(value, list) else [value]
            if not any(plainly(rule, values) for rule in wanted):
                return False
    return True


@given(patterns, events)
def test_as_stated(pattern: dict[str, Any], event: dict[str, Any]) -> None:
    check(pattern)
    assert matches(pattern, event) is wanted_plainly(pattern, event)


@given(patterns, patterns, events)
def test_or(one: dict[str, Any], other: dict[str, Any], event: dict[str, Any]) -> None:
    assert matches({"$or": [one, other]}, event) is (matches(one, event) or matches(other, event))


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*.jpg", "cat.jpg", True),
        ("cat*", "cat", True),
        ("c*t*g", "cat.png", True),
        ("*.jpg", "cat.jpg.txt", False),
        ("a[b]?", "a[b]?", True),
        ("a?c", "abc", False),
        ("a\\*c", "a*c", True),
        ("a\\*c", "abc", False),
    ],
)
def test_wildcards(pattern: str, text: str, fits: bool) -> None:
    assert matches({"key": [{"wildcard": pattern}]}, {"key": text}) is fits


@pytest.mark.parametrize(
    ("pattern", "event", "fits"),
    [
        ({"a": [1]}, {"a": 1.0}, False),
        ({"a": [{"numeric": ["=", 1]}]}, {"a": 1.0}, True),
        ({"a": [True]}, {"a": 1}, False),
        ({"a": [None]}, {}, False),
        ({"a": {"b": [1], "c": [2]}}, {"a": [{"b": 1, "c": 9}, {"b": 9, "c": 2}]}, False),
        ({"a": {"b": [1]}}, {"a": [{"b": 9}, {"b": 1}]}, True),
        ({"a": {"b": [{"exists": False}]}}, {}, True),
        ({"a": [{"exists": True}]}, {"a": {"b": 1}}, False),
        ({"a": [{"anything-but": {"suffix": ["x", "y"]}}]}, {"a": "ay"}, False),
        ({"a": [{"cidr": "10.0.0.0/8"}]}, {"a": "10.1.2.3"}, True),
        ({"a": [{"cidr": "10.0.0.0/8"}]}, {"a": "not an address"}, False),
    ],
)
def test_examples(pattern: dict[str, Any], event: dict[str, Any], fits: bool) -> None:
    assert matches(pattern, event) is fits


@pytest.mark.parametrize(
    "pattern",
    [
        [],
        {"a": "b"},
        {"a": []},
        {"a": [{"like": "b"}]},
        {"a": [{"exists": 1}]},
        {"a": [{"numeric": ["<"]}]},
        {"a": [["b"]]},
        {"a": [{"prefix": 1}]},
        {"a": [{"prefix": "x", "suffix": "y"}]},
        {"a": [{"anything-but": []}]},
        {"a": [{"anything-but": {"prefix": 1}}]},
        {"a": [{"anything-but": [True]}]},
        {"a": [{"numeric": [["<"], 1]}]},
    ],
)
def test_no_patterns(pattern: Any) -> None:
    with pytest.raises(ValueError):
        check(pattern)
