"""Filter expressions: which traces, services and edges a question is about.

AWS: "Use filter expressions" (X-Ray Developer Guide, there also "Using filter expressions to search for traces in the
console"). Keywords of boolean, number and string type, ``annotation.KEY``, ``service(...) { }``, ``edge(...) { }``,
``id(...)``, ``group.name``; ``AND`` (also left out), ``OR``, ``!``. Simple keywords look at the trace: its root
segment's outcome and HTTP fields, the users and resources of any segment. Keywords may be written in capitals.

Not built, and said so: root causes with their keywords (index, coverage, first, last, remote, message, json), ``name``
and ``type`` outside of ``service() { }``. Refused as the guide says: annotations inside of service or edge.

Unsourced: a comparison with something that is not there is false, ``!=`` too, and of several values one suffices; AND
binds more tightly than OR; ``annotation[KEY]`` is taken to mean ``annotation.KEY``; the words of the messages.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from helpers.dataplane.call import AWSError, not_built
from helpers.dataplane.xray import documents
from helpers.dataplane.xray.documents import Reading, Service, inner, outcome

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

Test = Callable[[Any], bool]
Field = tuple[str, Callable[[Any], Iterable[Any]]]
_GRAMMAR = r"""
?start: any
?any: all (_OR all)*
?all: one (_AND? one)*
?one: "!" one -> no
    | "(" any ")"
    | KEYWORD -> alone
    | KEYWORD OPERATOR (STRING | NUMBER | KEYWORD | JSON) -> compared
    | KEYWORD "{" any "}" -> rootcause
    | SERVICE "(" [node] ")" ["{" any "}"] -> service
    | EDGE "(" node "," node ")" ["{" any "}"] -> edge
node: STRING | _ID "(" KEYWORD ":" STRING ("," KEYWORD ":" STRING)* ")"
_OR.2: /or\b/i
_AND.2: /and\b/i
SERVICE.2: /service(?=\s*\()/i
EDGE.2: /edge(?=\s*\()/i
_ID.2: /id(?=\s*\()/i
OPERATOR.2: "=" | "!=" | "<=" | ">=" | "<" | ">" | /contains\b/i | /beginswith\b/i | /endswith\b/i
KEYWORD: /[a-z_][\w.]*(\[[^\]\s]+\])?/i
STRING: /"(?:[^"\\]|\\.)*"/
NUMBER: /-?\d+(\.\d+)?/
JSON: /#[\[{].*[\]}]/s
%ignore /\s+/
"""
_SAME: dict[str, Callable[[Any, Any], bool]] = {"=": operator.eq, "!=": operator.ne}
_OPERATORS: dict[str, dict[str, Callable[[Any, Any], bool]]] = {
    "boolean": _SAME,
    "number": {**_SAME, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge},
    "string": {**_SAME, "CONTAINS": operator.contains, "BEGINSWITH": str.startswith, "ENDSWITH": str.endswith},
}
_ANNOTATION = re.compile(r"annotation(?:\.(\w+)|\[([^\]]+)\])", re.IGNORECASE)


def _at(*path: str) -> Callable[[documents.Document], Iterable[Any]]:
    return lambda document: _there(inner(document, *path))


def _there(value: Any) -> list[Any]:
    return [] if value is None else [value]


_OF_A_REQUEST: dict[str, Field] = {
    "ok": ("boolean", lambda document: [outcome(document).ok]),
    "error": ("boolean", lambda document: [outcome(document).error]),
    "throttle": ("boolean", lambda document: [outcome(document).throttle]),
    "fault": ("boolean", lambda document: [outcome(document).fault]),
    "partial": ("boolean", lambda document: [documents.end_of(document) is None]),
    "responsetime": ("number", lambda document: _there(documents.response_time(document))),
    "duration": ("number", lambda document: _there(documents.duration(document))),
    "http.status": ("number", _at("http", "response", "status")),
    "http.url": ("string", _at("http", "request", "url")),
    "http.method": ("string", _at("http", "request", "method")),
    "http.useragent": ("string", _at("http", "request", "user_agent")),
    "http.clientip": ("string", _at("http", "request", "client_ip")),
}
_OF_A_SEGMENT: dict[str, Field] = {
    "user": ("string", _at("user")),
    "availabilityzone": ("string", _at("aws", "ec2", "availability_zone")),
    "instance.id": ("string", _at("aws", "ec2", "instance_id")),
    "resource.arn": ("string", _at("resource_arn")),
}


def _of_document(kind: str, get: Callable[[Any], Iterable[Any]]) -> Field:
    return kind, lambda subject: get(subject.document)


def _of_root(kind: str, get: Callable[[Any], Iterable[Any]]) -> Field:
    return kind, lambda reading: get(reading.root)


def _of_any(kind: str, get: Callable[[Any], Iterable[Any]]) -> Field:
    return kind, lambda reading: [value for entity in reading.entities for value in get(entity.document)]


def any_throttled(reading: Reading) -> bool:
    """Return whether one or more of a trace's segments were throttled."""
    return any(outcome(entity.document).throttle for entity in reading.entities)


_FIELDS: dict[str, dict[str, Field]] = {
    "trace": {
        **{name: _of_root(*field) for name, field in _OF_A_REQUEST.items()},
        **{name: _of_any(*field) for name, field in _OF_A_SEGMENT.items()},
        "throttle": ("boolean", lambda reading: [any_throttled(reading)]),
        "partial": ("boolean", lambda reading: [reading.partial]),
        "inferred": ("boolean", lambda reading: [any(entity.inferred for entity in reading.entities)]),
        "duration": ("number", lambda reading: [reading.end - reading.start]),
    },
    "service": {
        **{name: _of_document(*field) for name, field in {**_OF_A_REQUEST, **_OF_A_SEGMENT}.items()},
        "inferred": ("boolean", lambda entity: [entity.inferred]),
        "root": ("boolean", lambda entity: [entity.root]),
        "name": ("string", lambda entity: [entity.service.name]),
        "type": ("string", lambda entity: _there(entity.service.type or None)),
    },
    "edge": {name: _of_document(*field) for name, field in _OF_A_REQUEST.items()},
}
_ELSEWHERE = {
    *_OF_A_SEGMENT, "inferred", "root", "name", "type", "message", "index", "coverage", "first", "last", "remote",
    "json",
}  # fmt: skip
"""Keywords of AWS that are not built, or not at every place."""


def compiled(expression: str, groups: Mapping[str, str] | None = None) -> Callable[[Reading], bool]:
    """Return what says whether an expression takes a trace.

    Parameters
    ----------
    expression:
        A filter expression; an empty one takes every trace.
    groups:
        The expressions of groups, by name and by ARN.

    Raises
    ------
    AWSError
        ``InvalidRequestException`` with the place that is wrong; ``NotImplementedException`` for what is not built.
    """
    try:
        return _compiled(expression, groups or {}, frozenset())
    except RecursionError:
        raise _wrong(0, "it is nested too deeply") from None


def _compiled(expression: str, groups: Mapping[str, str], entered: frozenset[str]) -> Test:
    if not expression.strip():
        return lambda _: True
    from lark import UnexpectedInput, UnexpectedToken

    try:
        tree = _parser().parse(expression)
    except UnexpectedInput as error:
        ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        place = len(expression) if ended else error.pos_in_stream or 0
        rest = expression[place : place + 20]
        raise _wrong(place, f"{rest!r} is not expected here" if rest else "it ends too early") from None
    return _Compiler(groups, entered).test(tree, "trace")


@functools.cache
def _parser() -> Lark:
    from lark import Lark  # only who filters needs it

    return Lark(_GRAMMAR, parser="lalr", maybe_placeholders=True)


def _wrong(place: int, what: str) -> AWSError:
    return AWSError("InvalidRequestException", f"The filter expression is wrong at character {place + 1}: {what}", 400)


class _Compiler:
    """Makes tests of parsed expressions; ``scope`` is what a test looks at: a trace, a service, an edge."""

    def __init__(self, groups: Mapping[str, str], entered: frozenset[str]) -> None:
        self._groups, self._entered = groups, entered

    def test(self, tree: Tree[Token], scope: str) -> Test:
        return getattr(self, f"_{tree.data}")(tree.children, scope)  # type: ignore[no-any-return]

    def _any(self, children: list[Any], scope: str) -> Test:
        tests = [self.test(child, scope) for child in children]
        return lambda subject: any(test(subject) for test in tests)

    def _all(self, children: list[Any], scope: str) -> Test:
        tests = [self.test(child, scope) for child in children]
        return lambda subject: all(test(subject) for test in tests)

    def _no(self, children: list[Any], scope: str) -> Test:
        test = self.test(children[0], scope)
        return lambda subject: not test(subject)

    def _rootcause(self, children: list[Any], scope: str) -> Test:
        raise _unknown(children[0])

    def _service(self, children: list[Any], scope: str) -> Test:
        _only_in_a_trace(children[0], scope)
        wanted, inside = _node(children[1]), self._block(children[2], "service")
        return lambda reading: any(wanted(each.service) and inside(each) for each in reading.entities)

    def _edge(self, children: list[Any], scope: str) -> Test:
        _only_in_a_trace(children[0], scope)
        source, target, inside = _node(children[1]), _node(children[2]), self._block(children[3], "edge")
        return lambda reading: any(
            source(each.source) and target(each.target) and inside(each) for each in reading.links
        )

    def _block(self, tree: Tree[Token] | None, scope: str) -> Test:
        return (lambda _: True) if tree is None else self.test(tree, scope)

    def _alone(self, children: list[Any], scope: str) -> Test:
        _, get = self._field(children[0], scope)
        return lambda subject: any(value is not False for value in get(subject))

    def _compared(self, children: list[Any], scope: str) -> Test:
        keyword, sign, literal = children
        if keyword.lower() in ("group.name", "group.arn"):
            return self._group(keyword, sign, literal, scope)
        kind, get = self._field(keyword, scope)
        value = _value(literal)
        given = _kind(value)
        if kind not in (given, "annotation"):
            raise _wrong(literal.start_pos, f"{keyword} is compared with a {kind}")
        compare = _OPERATORS[given].get(sign.upper())
        if compare is None:
            raise _wrong(sign.start_pos, f"{sign} does not compare a {given}")
        return lambda subject: any(_kind(each) == given and compare(each, value) for each in get(subject))

    def _group(self, keyword: Token, sign: Token, literal: Token, scope: str) -> Test:
        _only_in_a_trace(keyword, scope)
        name = _value(literal)
        if not isinstance(name, str) or name not in self._groups:
            raise _wrong(literal.start_pos or 0, f"there is no group {literal}")
        if sign not in _SAME or name in self._entered:
            raise _wrong(sign.start_pos or 0, f"{keyword} is compared by = and !=, and no group contains itself")
        test = _compiled(self._groups[name], self._groups, self._entered | {name})
        return test if sign == "=" else lambda reading: not test(reading)

    def _field(self, keyword: Token, scope: str) -> Field:
        annotation = _ANNOTATION.fullmatch(keyword)
        if annotation:
            _only_in_a_trace(keyword, scope)
            key = annotation[1] or annotation[2]
            return "annotation", lambda reading: [value for name, value, _ in reading.annotations if name == key]
        if keyword.lower() not in _FIELDS[scope]:
            raise _unknown(keyword)
        return _FIELDS[scope][keyword.lower()]


def _only_in_a_trace(keyword: Token, scope: str) -> None:
    if scope != "trace":
        raise _wrong(keyword.start_pos or 0, f"{keyword} cannot stand inside of service() or edge()")


def _unknown(keyword: Token) -> AWSError:
    name = keyword.lower()
    if name in _ELSEWHERE or name.startswith("rootcause."):
        return not_built(f"The keyword {keyword} at character {(keyword.start_pos or 0) + 1} of this filter expression")
    return _wrong(keyword.start_pos or 0, f"there is no keyword {keyword}")


def _node(tree: Tree[Token] | None) -> Callable[[Service], bool]:
    """Return what says whether a service is the one that a text or ``id(...)`` names, or any."""
    tokens: list[Any] = tree.children if tree is not None else []
    if len(tokens) == 1:
        return lambda service: service.name == _value(tokens[0])
    wanted: dict[str, Any] = {}
    for field, literal in zip(tokens[::2], tokens[1::2], strict=True):
        if field.lower() not in Service._fields:
            raise not_built(f"{field} in id() at character {field.start_pos + 1} of this filter expression")
        wanted[field.lower()] = _value(literal)
    return lambda service: all(getattr(service, field) == value for field, value in wanted.items())


def _value(literal: Token) -> str | float | bool:
    if literal.type == "STRING":
        return re.sub(r"\\(.)", r"\1", literal[1:-1])
    if literal.type == "NUMBER":
        return float(literal)
    if literal.lower() in ("true", "false"):
        return literal.lower() == "true"
    raise _wrong(literal.start_pos or 0, "expected a number, true, false, or a text in quotation marks")


def _kind(value: Any) -> str:
    kinds: dict[type, str] = {bool: "boolean", str: "string", int: "number", float: "number"}
    return kinds.get(type(value), "")
