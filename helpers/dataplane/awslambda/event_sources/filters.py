"""Filter criteria: which records of a source are worth an invocation.

AWS: up to five patterns; a record passes if one of them matches. A pattern is JSON: every field that it names must
match one of the listed values or comparisons (``prefix``, ``suffix``, ``anything-but``, ``exists``, ``numeric``,
``equals-ignore-case``, ``null``, ``$or``). The body of an SQS message and the data of a Kinesis record are matched as
JSON when the pattern wants an object ("Control which events Lambda sends to your function", Lambda Developer Guide).
"""

from __future__ import annotations

import base64
import json
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MOST_FILTERS = 5
_MISSING = object()
_NUMERIC: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_COMPARISONS = frozenset({"prefix", "suffix", "anything-but", "exists", "numeric", "equals-ignore-case"})


class InvalidPattern(ValueError):
    """A pattern that AWS would refuse."""


def parse(text: str) -> dict[str, Any]:
    """Return a pattern read and checked.

    Raises
    ------
    InvalidPattern
        It is not a JSON object of fields whose values are objects or lists of values and comparisons.
    """
    try:
        pattern = json.loads(text)
    except ValueError:
        raise InvalidPattern(text) from None
    _check(pattern)
    return dict(pattern)


def passes(patterns: Sequence[Mapping[str, Any]], record: Mapping[str, Any]) -> bool:
    """Return whether a record of any source passes the filters; without filters every record does."""
    return not patterns or any(matches(pattern, _seen(record, pattern)) for pattern in patterns)


def matches(pattern: Mapping[str, Any], value: Any) -> bool:
    """Return whether ``value`` has, for every field of the pattern, one of the wanted values."""
    return all(_field_matches(name, wanted, value) for name, wanted in pattern.items())


def _field_matches(name: str, wanted: Any, value: Any) -> bool:
    if name == "$or":
        return any(matches(choice, value) for choice in wanted)
    found = value.get(name, _MISSING) if isinstance(value, Mapping) else _MISSING
    if isinstance(wanted, Mapping):
        members = found if isinstance(found, list) else [found]
        return any(matches(wanted, member) for member in members)
    return any(_rule_matches(rule, found) for rule in wanted)


def _rule_matches(rule: Any, found: Any) -> bool:
    if isinstance(rule, Mapping):
        kind, operand = next(iter(rule.items()))
        if kind == "exists":
            return (found is not _MISSING and not isinstance(found, Mapping)) is operand
        if kind == "anything-but" and isinstance(found, list):
            return all(_compare(kind, operand, member) for member in found)
    members = found if isinstance(found, list) else [found]
    if isinstance(rule, Mapping):
        return any(_compare(kind, operand, member) for member in members)
    return any(_equal(rule, member) for member in members)


def _compare(kind: str, operand: Any, value: Any) -> bool:
    if kind == "anything-but":
        if isinstance(operand, Mapping):
            inner, text = next(iter(operand.items()))
            texts = text if isinstance(text, list) else [text]
            return isinstance(value, str) and not any(_compare(inner, one, value) for one in texts)
        unwanted = operand if isinstance(operand, list) else [operand]
        known = value is not _MISSING and not isinstance(value, Mapping)
        return known and not any(_equal(one, value) for one in unwanted)
    if kind == "numeric":
        return _is_number(value) and all(
            _NUMERIC[sign](value, limit) for sign, limit in zip(operand[::2], operand[1::2], strict=True)
        )
    if not isinstance(value, str):
        return False
    if kind == "prefix":
        return value.startswith(operand)
    if kind == "suffix":
        return value.endswith(operand)
    return value.lower() == operand.lower()


def _equal(wanted: Any, value: Any) -> bool:
    """Return whether two JSON values are the same: 1 is 1.0 but not true."""
    if _is_number(wanted) and _is_number(value):
        return bool(wanted == value)
    return type(wanted) is type(value) and wanted == value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _seen(record: Mapping[str, Any], pattern: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record as the filter sees it: Kinesis records flat and decoded, JSON in a body or in data read."""
    seen = dict(record)
    if "kinesis" in seen:
        seen |= seen.pop("kinesis")
        seen["data"] = base64.b64decode(seen["data"]).decode("utf-8", "replace")
    for name in ("body", "data"):
        if isinstance(seen.get(name), str) and isinstance(pattern.get(name), Mapping):
            try:
                seen[name] = json.loads(seen[name])
            except ValueError:
                seen[name] = None
        elif isinstance(seen.get(name), str) and name in pattern and _is_object(seen[name]):
            del seen[name]
    return seen


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _check(pattern: Any) -> None:
    if not isinstance(pattern, dict) or not pattern:
        raise InvalidPattern(pattern)
    for name, wanted in pattern.items():
        if isinstance(wanted, dict):
            _check(wanted)
        elif not isinstance(wanted, list) or not wanted:
            raise InvalidPattern(wanted)
        elif name == "$or":
            for choice in wanted:
                _check(choice)
        else:
            for rule in wanted:
                _check_rule(rule)


def _check_rule(rule: Any) -> None:
    if isinstance(rule, list):
        raise InvalidPattern(rule)
    if not isinstance(rule, dict):
        return
    if len(rule) != 1:
        raise InvalidPattern(rule)
    kind, operand = next(iter(rule.items()))
    fits = {
        "exists": isinstance(operand, bool),
        "numeric": _is_numeric_rule(operand),
        "anything-but": _is_anything_but(operand),
    }.get(kind, isinstance(operand, str))
    if kind not in _COMPARISONS or not fits:
        raise InvalidPattern(rule)


def _is_anything_but(operand: Any) -> bool:
    if isinstance(operand, dict):
        kind, text = next(iter(operand.items()), ("", None))
        texts = text if isinstance(text, list) else [text]
        known = kind in ("prefix", "suffix", "equals-ignore-case")
        return len(operand) == 1 and known and bool(texts) and all(isinstance(one, str) for one in texts)
    values = operand if isinstance(operand, list) else [operand]
    return bool(values) and all(isinstance(value, str) or _is_number(value) for value in values)


def _is_numeric_rule(operand: Any) -> bool:
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        return False
    return all(sign in _NUMERIC for sign in operand[::2]) and all(_is_number(limit) for limit in operand[1::2])
