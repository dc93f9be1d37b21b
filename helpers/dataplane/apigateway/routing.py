"""Which resource answers a path.

AWS: a path segment is a literal, ``{parameter}`` for any one segment, or, as the last, ``{proxy+}`` for one or more; a
literal goes before a parameter, a parameter before the rest ("REST API proxy resources", API Gateway Developer Guide).
A slash at the end does not count, and parameters stay percent-encoded, as recorded on AWS.

Not sourced: that an empty segment matches nothing, and that a resource without the method leaves the path to another.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from helpers.dataplane.apigateway.snapshot import Resource

Match = tuple[Resource, dict[str, str]]


def find(resources: Iterable[Resource], method: str, path: str) -> Match | None:
    """Return the resource that answers ``method`` at ``path`` (percent-encoded) and its path parameters, or None.

    A resource that lacks the method, and ``ANY``, leaves the path to the next less particular one.
    """
    asked = path.strip("/").split("/") if path.strip("/") else []
    found: list[tuple[tuple[int, ...], Resource, dict[str, str]]] = []
    for resource in resources:
        if method in resource.methods or "ANY" in resource.methods:
            template = resource.path.strip("/").split("/") if resource.path != "/" else []
            parameters = _parameters(template, asked)
            if parameters is not None:
                found.append((tuple(_rank(one) for one in template), resource, parameters))
    if not found:
        return None
    _, resource, parameters = min(found, key=lambda one: one[0])
    return resource, parameters


def _rank(segment: str) -> int:
    return 0 if not segment.startswith("{") else 2 if segment.endswith("+}") else 1


def _parameters(template: list[str], asked: list[str]) -> dict[str, str] | None:
    """Return what the parameters of ``template`` stand for in the segments ``asked``, or None if they do not fit."""
    greedy = bool(template) and _rank(template[-1]) == 2
    if len(asked) < len(template) or (len(asked) > len(template) and not greedy):
        return None
    found: dict[str, str] = {}
    for position, segment in enumerate(template):
        name = segment.strip("{}")
        if _rank(segment) == 2:
            found[name.removesuffix("+")] = "/".join(asked[position:])
        elif not asked[position] or (_rank(segment) == 0 and unquote(asked[position]) != segment):
            return None
        elif _rank(segment) == 1:
            found[name] = asked[position]
    return found
