"""Event patterns: which events does a rule, a filter or a subscription want?

AWS: a pattern has the shape of the event; each field lists what it may be, as values or as comparisons ("Creating
Amazon EventBridge event patterns" and "Comparison operators", EventBridge User Guide). Of an array in the event, one
member that fits is enough ("Arrays in Amazon EventBridge event patterns"). SNS filter policies ("Amazon SNS
subscription filter policies", SNS Developer Guide) and Lambda's event filters are written in the same way.
"""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

_NUMERIC = {"<": operator.lt, "<=": operator.le, "=": operator.eq, ">=": operator.ge, ">": operator.gt}


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return whether an event fits a pattern: all fields, and in each one of what is listed."""
    return all(_field(name, wanted, event) for name, wanted in pattern.items())


def _field(name: str, wanted: Any, event: Mapping[str, Any]) -> bool:
    if name == "$or" and all(isinstance(one, Mapping) for one in wanted):
        return any(matches(one, event) for one in wanted)
    found = list(_values(event[name])) if name in event else []
    if isinstance(wanted, Mapping):
        inner = [value for value in found if isinstance(value, Mapping)]
        return any(matches(wanted, value) for value in inner or [{}])
    leaves = [value for value in found if not isinstance(value, Mapping)]
    return any(_one_of(rule, leaves) for rule in wanted)


def _values(value: Any) -> Iterator[Any]:
    """Yield the members of an array, of arrays in it too; what is no array is its own only member."""
    if isinstance(value, list):
        for member in value:
            yield from _values(member)
    else:
        yield value


def _one_of(rule: Any, leaves: list[Any]) -> bool:
    if isinstance(rule, Mapping) and "exists" in rule:
        return bool(leaves) == rule["exists"]
    return any(_fits(rule, leaf) for leaf in leaves)


def _fits(rule: Any, value: Any) -> bool:
    if not isinstance(rule, Mapping):
        return _same(rule, value)
    return all(_COMPARISONS[name](argument, value) for name, argument in rule.items())


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are equal as AWS compares them: 1, 1.0 and true are three different things."""
    return type(one) is type(other) and bool(one == other)


def _text(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    """Return a comparison of strings; its argument may be a list, or say ``equals-ignore-case``."""

    def fits(argument: Any, value: Any) -> bool:
        if not isinstance(value, str):
            return False
        if isinstance(argument, list):
            return any(fits(one, value) for one in argument)
        if isinstance(argument, Mapping):
            return compare(value.casefold(), str(argument["equals-ignore-case"]).casefold())
        return compare(value, argument)

    return fits


def _anything_but(argument: Any, value: Any) -> bool:
    if isinstance(argument, Mapping):
        return not _fits(argument, value)
    return not any(_same(one, value) for one in (argument if isinstance(argument, list) else [argument]))


def _numeric(argument: list[Any], value: Any) -> bool:
    return _is_number(value) and all(
        _NUMERIC[sign](value, limit) for sign, limit in zip(argument[::2], argument[1::2], strict=True)
    )


def _cidr(argument: str, value: Any) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(argument, strict=False)
    except ValueError:
        return False


def _wildcard(value: str, pattern: str) -> bool:
    """Compare with ``*`` alone as a wildcard; a backslash takes its meaning away."""
    parts = pattern.replace("\\\\", "\0").replace("\\*", "\1").split("*")
    literal = [part.replace("\0", "\\").replace("\1", "*") for part in parts]
    return fnmatchcase(
        value, "*".join(part.replace("[", "[[]").replace("?", "[?]").replace("*", "[*]") for part in literal)
    )


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "prefix": _text(str.startswith),
    "suffix": _text(str.endswith),
    "equals-ignore-case": _text(lambda value, wanted: value.casefold() == wanted.casefold()),
    "wildcard": _text(_wildcard),
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _cidr,
}


def check(pattern: Any, path: str = "") -> None:
    """Check that a pattern is one.

    Raises
    ------
    ValueError
        What is wrong with it.
    """
    if not isinstance(pattern, Mapping):
        raise ValueError("Filter is not an object")
    for name, wanted in pattern.items():
        if name == "$or" and isinstance(wanted, list):
            for one in wanted:
                check(one, path)
        elif isinstance(wanted, Mapping):
            if not wanted:
                raise ValueError("Empty objects are not allowed")
            check(wanted, f"{path}{name}.")
        elif not isinstance(wanted, list):
            raise ValueError(f'"{path}{name}" must be an object or an array')
        elif not wanted:
            raise ValueError("Empty arrays are not allowed")
        else:
            for rule in wanted:
                _check_rule(rule)


def _check_rule(rule: Any) -> None:
    if isinstance(rule, list):
        raise ValueError("Match value must be String, number, true, false, or null")
    if not isinstance(rule, Mapping):
        return
    if len(rule) != 1:
        raise ValueError("Only one key allowed in match expression")
    ((name, argument),) = rule.items()
    if name == "exists":
        if not isinstance(argument, bool):
            raise ValueError("exists match pattern must be either true or false.")
    elif name not in _COMPARISONS:
        raise ValueError(f"Unrecognized match type {name}")
    elif name == "numeric":
        if not _is_numeric(argument):
            raise ValueError("Bad numeric range operator")
    elif name == "anything-but":
        _check_unwanted(argument)
    elif not _is_text(argument):
        raise ValueError(f"{name} match pattern must be a string")


def _check_unwanted(argument: Any) -> None:
    if isinstance(argument, Mapping):
        _check_rule({name: one for name, values in argument.items() for one in _values(values)} or argument)
    elif not list(_values(argument)) or not all(isinstance(one, str) or _is_number(one) for one in _values(argument)):
        raise ValueError("anything-but match pattern must be strings or numbers")


def _is_text(argument: Any) -> bool:
    if isinstance(argument, Mapping):
        return list(argument) == ["equals-ignore-case"] and isinstance(argument["equals-ignore-case"], str)
    return isinstance(argument, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_numeric(argument: Any) -> bool:
    return (
        isinstance(argument, list)
        and len(argument) in (2, 4)
        and all(isinstance(sign, str) and sign in _NUMERIC for sign in argument[::2])
        and all(_is_number(limit) for limit in argument[1::2])
    )
