"""Mapping templates: what ``$input``, ``$util``, ``$context`` and ``$stageVariables`` are.

AWS: "Variables for data transformations for API Gateway" (API Gateway Developer Guide). The body is JSON, read by
JSONPath; a path that names one place gives the value there, one with a wildcard or a filter gives a list. A body that
is not JSON is one string, which ``$input.json('$')`` gives quoted: this is how templates pass XML or a form on, and why
no template can look into XML. No body counts as ``{}``. ``#set($context.responseOverride.status = 404)`` and
``.header`` override the response, ``requestOverride`` the request to the backend ("Override your API's request and
response parameters and status codes").

Not sourced: a missing path gives an empty string, and ``$input.json`` of it a quoted empty one; a template that fails
or is larger than 300 KB is an API_CONFIGURATION_ERROR, 500; names of headers are found in any case.
"""

from __future__ import annotations

import base64
import functools
import json
import re
from typing import Any
from urllib.parse import parse_qsl, quote_plus, unquote_plus

from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.ext import parse

from helpers.dataplane.apigateway import velocity
from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange

_PLAIN_MEMBER = re.compile(r"(?<!\.)\.([^\W\d][\w-]*)(?=[.\[]|$)")
_MANY = re.compile(r"\*|\.\.|\[\s*\?|\[[^\]'\"]*[:,]")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_ESCAPES = {
    "\b": "\\b",
    "\n": "\\n",
    "\t": "\\t",
    "\f": "\\f",
    "\r": "\\r",
    "'": "\\'",
    '"': '\\"',
    "\\": "\\\\",
    "/": "\\/",
}
_UNSAFE = re.compile(r"[\x00-\x1f'\"\\/]|[^\x00-\x7f]")


def render(template: str, exchange: Exchange, body: str) -> str:
    """Return ``template`` applied to ``body``, the request's or the backend's.

    Raises
    ------
    GatewayError
        API_CONFIGURATION_ERROR: the template is too large, is not VTL, or failed.
    """
    variables = {
        "input": Input(body, _params(exchange)),
        "util": Util(),
        "context": exchange.variables(),
        "stageVariables": exchange.stage_variables,
    }
    try:
        return velocity.merge(template, variables)
    except velocity.TemplateError as error:
        exchange.failed(f"Execution failed due to configuration error: Unable to transform: {error}")
        raise GatewayError("API_CONFIGURATION_ERROR") from None


def _params(exchange: Exchange) -> dict[str, dict[str, str]]:
    return {
        "path": dict(exchange.path_parameters),
        "querystring": dict(parse_qsl(exchange.request.query, keep_blank_values=True)),
        "header": dict(exchange.request.headers.items()),
    }


class Input(velocity.Scripted):
    """``$input``: a body, and the request's parameters by place (path, querystring, header) and name."""

    def __init__(self, body: str, params: dict[str, dict[str, str]]) -> None:
        self.body = body or "{}"
        self._params = params

    def path(self, path: str) -> Any:
        """Return what JSONPath ``path`` finds: text, number, list or map."""
        places = [match.value for match in _path(path).find(self._parsed)]
        return places if _MANY.search(_QUOTED.sub("", path)) else places[0] if places else ""

    def json(self, path: str) -> str:
        """Return the same as JSON."""
        return velocity.as_json(self.path(path))

    def params(self, name: str = "") -> Any:
        """Return all parameters, or that of a name: of the path, else the query string, else a header."""
        if not name:
            return self._params
        for place in ("path", "querystring", "header"):
            if name in self._params[place]:
                return self._params[place][name]
        return {key.lower(): value for key, value in self._params["header"].items()}.get(name.lower(), "")

    @functools.cached_property
    def _parsed(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return self.body


@functools.lru_cache(maxsize=256)
def _path(path: str) -> Any:
    try:
        return parse(_PLAIN_MEMBER.sub(r"['\1']", path))  # quoted, a name may be a word of JSONPath or not English
    except (JSONPathError, ValueError) as error:
        raise ValueError(f"not a JSONPath: {path}: {error}") from None


class Util(velocity.Scripted):
    """``$util``."""

    def escapeJavaScript(self, text: Any) -> str:
        r"""Escape as JavaScript does: ``'`` becomes ``\'``, which JSON does not know."""
        return _UNSAFE.sub(lambda match: _escaped(match[0]), velocity.as_text(text))

    def parseJson(self, text: Any) -> Any:
        """Return the object that JSON in a string stands for."""
        return json.loads(velocity.as_text(text))

    def urlEncode(self, text: Any) -> str:
        """Return ``text`` as application/x-www-form-urlencoded."""
        return quote_plus(velocity.as_text(text), safe="*").replace("~", "%7E")

    def urlDecode(self, text: Any) -> str:
        """Return what ``text`` was before ``urlEncode``."""
        return unquote_plus(velocity.as_text(text))

    def base64Encode(self, text: Any) -> str:
        """Return ``text`` in base64."""
        return base64.b64encode(velocity.as_text(text).encode()).decode()

    def base64Decode(self, text: Any) -> str:
        """Return what ``text`` was before ``base64Encode``."""
        return base64.b64decode(velocity.as_text(text)).decode("utf-8", "replace")


def _escaped(character: str) -> str:
    return _ESCAPES.get(character) or "".join(
        f"\\u{int.from_bytes(pair, 'big'):04X}" for pair in _pairs(character.encode("utf-16-be", "surrogatepass"))
    )


def _pairs(code: bytes) -> list[bytes]:
    return [code[start : start + 2] for start in range(0, len(code), 2)]
