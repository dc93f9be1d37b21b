"""Which route of an HTTP API answers a request.

AWS: the best match for method and path wins: a full match, then one with a greedy path variable (``{proxy+}``), then
``$default``; ``ANY`` takes the methods that are not defined ("Create routes for HTTP APIs in API Gateway", API Gateway
Developer Guide). ``GET /pets/dog/1`` goes before ``GET /pets/dog/{id}``, that before ``GET /pets/{proxy+}``.
"""

from __future__ import annotations

from collections.abc import Iterable

from helpers.dataplane.apigateway import routing
from helpers.dataplane.apigateway.snapshot import Resource


def find(keys: Iterable[str], method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """Return the key of the route that answers ``method`` at ``path`` (percent-encoded), and its path parameters."""
    known = set(keys)
    by_path: dict[str, dict[str, dict[str, str]]] = {}
    for key in known - {"$default"}:
        verb, _, template = key.partition(" ")
        by_path.setdefault(template, {})[verb] = {}
    found = routing.find([Resource("", template, verbs) for template, verbs in by_path.items()], method, path)
    if found is None:
        return ("$default", {}) if "$default" in known else None
    resource, parameters = found
    return f"{method if method in resource.methods else 'ANY'} {resource.path}", parameters
