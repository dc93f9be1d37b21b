"""Which route takes a message.

AWS: the API's route selection expression is evaluated against the message; the route whose key is exactly the result
takes it, else ``$default``, if there is one. A message that is no JSON goes to ``$default`` too ("Create routes for
WebSocket APIs in API Gateway", API Gateway Developer Guide). Here an expression is text in which
``$request.body.a.b`` or ``${request.body.a.b}`` stands for the value at that path, or for nothing where there is none;
other JSONPath is refused when the API is created.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container
from typing import Any

_VARIABLE = re.compile(r"\$\{request\.body((?:\.[\w-]+)+)\}|\$request\.body((?:\.[\w-]+)+)")
_STATIC = re.compile(r"\\\$")


def is_expression(text: str) -> bool:
    """Return whether this can be evaluated here."""
    return not set("$[]{}") & set(_STATIC.sub("", _VARIABLE.sub("", text)))


def select(expression: str, body: str, keys: Container[str]) -> str | None:
    """Return the key of the route that takes a message, out of ``keys``; None when there is none."""
    try:
        message = json.loads(body)
    except ValueError:
        message = None
    if isinstance(message, dict):
        wanted = _evaluated(expression, message)
        if wanted in keys and wanted not in ("$connect", "$disconnect"):
            return wanted
    return "$default" if "$default" in keys else None


def _evaluated(expression: str, message: dict[str, Any]) -> str:
    return _STATIC.sub("$", _VARIABLE.sub(lambda found: _value(message, (found[1] or found[2])[1:]), expression))


def _value(message: Any, path: str) -> str:
    for name in path.split("."):
        if not isinstance(message, dict) or name not in message:
            return ""
        message = message[name]
    return message if isinstance(message, str) else json.dumps(message)
