"""Velocity, the language of mapping templates, as Java's Velocity reads it.

AWS: mapping templates are written in the Velocity Template Language ("Mapping template transformations for REST APIs",
API Gateway Developer Guide) and run in Java, so that strings, lists and maps have Java's methods, and a ``#foreach``
over a map goes over its values (Apache Velocity 1.7 user guide). At most 1,000 iterations of a ``#foreach``
("Quotas for configuring and running a REST API").

Here: the library airspeed, in a copy of its own, with the parts replaced in which it thinks in Python: names with
hyphens, ``#set`` with brackets, strings without escapes, Java's methods instead of Python's, and API Gateway's habit of
writing nothing where Velocity would leave an unknown reference as it stands. No source says which of Velocity's
versions runs on AWS; the newest one's rule that an empty string and zero count as false stands here.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

LARGEST_TEMPLATE = 300 * 1024
MOST_ITERATIONS = 1000

_NAME = re.compile(r"([_a-z][a-z0-9_-]*)", re.I)
_REPLACEMENT = re.compile(r"\\(.)|\$(\d)", re.S)


class TemplateError(Exception):
    """A template that cannot be read, or that failed."""


class Scripted:
    """An object whose public methods and attributes a template may use, such as ``$util``."""


def merge(template: str, variables: dict[str, Any]) -> str:
    """Return ``template`` filled in with ``variables``, by name without the dollar sign.

    Raises
    ------
    TemplateError
        The template is larger than 300 KB, is not VTL, or failed.
    """
    if len(template.encode()) > LARGEST_TEMPLATE:
        raise TemplateError("the template is larger than 300 KB")
    try:
        return str(_compiled(template).merge(dict(variables)))
    except _airspeed.TemplateError as error:
        raise TemplateError(str(error)) from error


@functools.lru_cache(maxsize=256)
def _compiled(template: str) -> Any:
    compiled = _airspeed.Template(template)
    compiled.ensure_compiled()
    return compiled


def as_text(value: Any) -> str:
    """Return what a reference to ``value`` writes: a map in Java's way, a list as JSON, nothing for nothing."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={as_text(one)}" for key, one in value.items()) + "}"
    return value if isinstance(value, str) else as_json(value)


def as_json(value: Any) -> str:
    """Return ``value`` as JSON without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


def _replace_all(text: str, pattern: str, replacement: str, count: int = 0) -> str:
    """Java's ``replaceAll``, whose replacement knows ``$1`` and backslashes."""

    def replaced(match: re.Match[str]) -> str:
        return _REPLACEMENT.sub(lambda sign: sign[1] or match[int(sign[2])] or "", replacement)

    return re.sub(pattern, replaced, text, count=count)


def _split(text: str, pattern: str) -> list[str]:
    """Java's ``split``, which drops empty strings at the end."""
    parts = re.split(pattern, text)
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts


def _put(target: dict[str, Any], key: str, value: Any) -> Any:
    before = target.get(key)
    target[key] = value
    return before


def _add(target: list[Any], value: Any) -> bool:
    target.append(value)
    return True


_OF_ALL: dict[str, Callable[..., Any]] = {"toString": as_text, "equals": lambda one, other: one == other}
_METHODS: dict[type, dict[str, Callable[..., Any]]] = {
    str: {
        "length": len,
        "isEmpty": lambda text: not text,
        "contains": lambda text, part: part in text,
        "startsWith": lambda text, part: text.startswith(part),
        "endsWith": lambda text, part: text.endswith(part),
        "indexOf": lambda text, part: text.find(part),
        "equalsIgnoreCase": lambda text, other: text.lower() == as_text(other).lower(),
        "matches": lambda text, pattern: re.fullmatch(pattern, text) is not None,
        "replace": lambda text, old, new: text.replace(old, new),
        "replaceAll": _replace_all,
        "replaceFirst": lambda text, pattern, replacement: _replace_all(text, pattern, replacement, 1),
        "split": _split,
        "substring": lambda text, start, end=None: text[start:end],
        "toLowerCase": lambda text: text.lower(),
        "toUpperCase": lambda text: text.upper(),
        "trim": lambda text: text.strip(),
    },
    list: {
        "size": len,
        "isEmpty": lambda items: not items,
        "get": lambda items, index: items[index],
        "contains": lambda items, item: item in items,
        "add": _add,
    },
    dict: {
        "size": len,
        "isEmpty": lambda items: not items,
        "get": lambda items, key: items.get(key),
        "put": _put,
        "remove": lambda items, key: items.pop(key, None),
        "containsKey": lambda items, key: key in items,
        "keySet": list,
        "values": lambda items: list(items.values()),
        "entrySet": lambda items: [{"key": key, "value": value} for key, value in items.items()],
    },
}


def _own_airspeed() -> ModuleType:
    """Return a copy of airspeed that may be changed without changing it for others."""
    spec = importlib.util.find_spec("airspeed")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_airspeed: Any = _own_airspeed()


class _Name(_airspeed.NameOrCall):  # type: ignore[misc]
    """``name``, ``name(...)`` or ``name[...]`` behind a dollar sign or a dot."""

    NAME = _NAME

    def calculate(self, owner: Any, loader: Any, namespace: Any) -> Any:
        if self.parameters is not None:
            return _call(owner, self.name, self.parameters.calculate(namespace, loader))
        value = _member(owner, self.name)
        if isinstance(value, _airspeed._FunctionDefinition):
            stream = _airspeed.StoppableStream()
            value.execute_function(stream, namespace, [], loader)
            return stream.getvalue()
        return value if self.index is None else _member(value, self.index.calculate(namespace, loader))


def _member(owner: Any, name: Any) -> Any:
    if isinstance(owner, Scripted):
        return getattr(owner, name, None) if not name.startswith("_") else None
    try:
        value = owner[name]
    except (KeyError, IndexError, TypeError):
        return ""
    return "" if value is None else value


def _call(owner: Any, name: str, given: list[Any]) -> Any:
    methods = _OF_ALL | _METHODS.get(type(owner), {})
    if isinstance(owner, Scripted) and not name.startswith("_"):
        method = getattr(owner, name, None)
        value = method(*given) if method else None
    else:
        value = methods[name](owner, *given) if name in methods else None
    return "" if value is None else value


class _Reference(_airspeed.FormalReference):  # type: ignore[misc]
    """``$name`` in the text."""

    def evaluate_raw(self, stream: Any, namespace: Any, loader: Any) -> None:
        if self.expression is None:
            stream.write(self.my_text())
            return
        value = self.expression.calculate(namespace, loader)
        if value == "" and self.alternate is not None:
            value = self.alternate.calculate(namespace, loader)
        stream.write(as_text(value))


class _Set(_airspeed.SetDirective):  # type: ignore[misc]
    """``#set($a.b["c"] = ...)``."""

    PLACE = re.compile(r"\s*\$([a-z_][a-z0-9_-]*)", re.I)
    DOT = re.compile(r"\.([a-z_][a-z0-9_-]*)", re.I)

    def parse(self) -> None:
        self.identity_match(self.START)
        self.terms: list[Any] = list(self.require_match(self.PLACE, "place"))
        while term := self._next_term():
            self.terms.append(term)
        self.require_match(self.EQUALS, "=")
        self.value = self.require_next_element(_airspeed.Expression, "expression")
        self.require_match(self.END, "closing paren")

    def _next_term(self) -> Any:
        if name := self.next_match(self.DOT):
            return name[0]
        try:
            return self.next_element(_airspeed.ArrayIndex)
        except _airspeed.NoMatch:
            return None

    def evaluate_raw(self, stream: Any, namespace: Any, loader: Any) -> None:
        value = self.value.calculate(namespace, loader)
        keys = [term if isinstance(term, str) else term.calculate(namespace, loader) for term in self.terms]
        if len(keys) == 1:
            (namespace.find_outermost(keys[0]) or namespace.top())[keys[0]] = value
            return
        target = namespace
        for key in keys[:-1]:
            target = target[key]
        target[keys[-1]] = value


class _Literal(_airspeed.StringLiteral):  # type: ignore[misc]
    """``'text'``: a backslash is a backslash."""

    STRING = re.compile(r"'((?:\\.|[^'\\])*)'", re.S)
    ESCAPED_CHAR = re.compile(r"(?!)")


class _Interpolated(_airspeed.InterpolatedStringLiteral):  # type: ignore[misc]
    """``"text with $references"``: likewise, but for a quotation mark."""

    STRING = re.compile(r'"((?:\\.|[^"\\])*)"', re.S)
    ESCAPED_CHAR = re.compile(r'\\(")')


class _Items:
    """What a ``#foreach`` goes over."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def calculate(self, namespace: Any, loader: Any) -> list[Any]:
        items = self._value.calculate(namespace, loader)
        found = list(items.values() if isinstance(items, dict) else () if isinstance(items, str) else items)
        if len(found) > MOST_ITERATIONS:
            raise ValueError(f"more than {MOST_ITERATIONS} iterations")
        return found


class _Foreach(_airspeed.ForeachDirective):  # type: ignore[misc]
    """``#foreach($item in $items) ... #end``."""

    def parse(self) -> None:
        super().parse()
        self.value: Any = _Items(vars(self)["value"])


def _plus(one: Any, other: Any) -> Any:
    return as_text(one) + as_text(other) if isinstance(one, str) or isinstance(other, str) else one + other


_airspeed.NameOrCall, _airspeed.FormalReference, _airspeed.SetDirective = _Name, _Reference, _Set
_airspeed.ForeachDirective, _airspeed.StringLiteral, _airspeed.InterpolatedStringLiteral = (
    _Foreach,
    _Literal,
    _Interpolated,
)
_airspeed.BinaryOperator.OPERATORS["+"] = _plus
# airspeed takes the dollar sign of "#${name}" for text
_airspeed.Text.PLAIN = re.compile(_airspeed.Text.PLAIN.pattern.replace(r"#\*]+", r"#\*\$]+"), re.S | re.I)
