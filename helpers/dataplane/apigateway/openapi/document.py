"""An OpenAPI document, 2.0 or 3.0, read in the same way.

AWS: "Develop REST APIs using OpenAPI in API Gateway" and "OpenAPI extensions for API Gateway" (API Gateway Developer
Guide). Problems that do not keep the rest from being imported, such as a reference to a model that is not there, are
warnings. Here: the extensions of the course; a document with another one of API Gateway's is refused with its name.
Not sourced: the name of the model that an inline schema becomes, and that a document without a title is invalid.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from helpers.dataplane.call import AWSError, not_built

LARGEST = 6 * 1024 * 1024
EXTENSION = "x-amazon-apigateway-"
ANY = f"{EXTENSION}any-method"
_VERBS = ("get", "put", "post", "delete", "options", "head", "patch", ANY)
_BUILT = frozenset(
    "any-method api-key-source auth authorizer authtype binary-media-types gateway-responses integration integrations "
    "policy request-validator request-validators".split()
)
_OF_HTTP_APIS = frozenset(("cors", "importexport-version"))
_PLACES = {"query": "querystring", "header": "header", "path": "path"}


@dataclass(frozen=True)
class Operation:
    """A method of a path, as the document has it; models are names by media type."""

    path: str
    verb: str
    name: str
    parameters: dict[str, bool]
    models: dict[str, str]
    responses: dict[str, dict[str, Any]]
    integration: dict[str, Any]
    security: list[dict[str, list[str]]]
    auth: str
    """The type in ``x-amazon-apigateway-auth``, or an empty string."""
    validator: str


class Document:
    """What an OpenAPI document says.

    Raises
    ------
    AWSError
        ``BadRequestException``: this is no such document; ``NotImplementedException``: an extension that is not built.
    """

    def __init__(self, body: bytes) -> None:
        self._whole = _read(body)
        for name in sorted(_extensions(self._whole) - _BUILT - _OF_HTTP_APIS):
            raise not_built(f"{EXTENSION}{name}")
        self.warnings: list[str] = []
        self.title = str(self._whole["info"]["title"])
        self.version = str(self._whole["info"].get("version") or "")
        self.description = self._whole["info"].get("description")
        self._three = "openapi" in self._whole
        components = (self._whole.get("components") or {}) if self._three else self._whole
        self.models: dict[str, Any] = dict(components.get("schemas" if self._three else "definitions") or {})
        self.schemes: dict[str, Any] = components.get("securitySchemes" if self._three else "securityDefinitions") or {}
        self.operations = list(self._operations())

    def extension(self, name: str) -> Any:
        """Return an extension of the whole document, such as ``policy``, or None."""
        return self._whole.get(EXTENSION + name)

    def _operations(self) -> Iterator[Operation]:
        if not isinstance(self._whole.get("paths"), dict):
            self.warnings.append("Parse issue: attribute paths is missing")
        for path, item in (self._whole.get("paths") or {}).items():
            for verb in _VERBS:
                if verb in item:
                    yield self._operation(path, verb, item[verb] or {}, item.get("parameters") or [])

    def _operation(self, path: str, verb: str, said: dict[str, Any], shared: list[Any]) -> Operation:
        where = f"paths.'{path}'({verb})"
        parameters = [self._resolved(one, where) for one in [*shared, *(said.get("parameters") or [])]]
        return Operation(
            path,
            "ANY" if verb == ANY else verb.upper(),
            said.get("operationId") or "",
            {
                f"method.request.{_PLACES[one['in']]}.{one['name']}": bool(one.get("required"))
                for one in parameters
                if one.get("in") in _PLACES
            },
            self._request_models(said, parameters, where),
            {str(code): self._response(one, f"{where}.responses.{code}", said)
             for code, one in (said.get("responses") or {}).items() if str(code).isdecimal()},
            self._resolved(said.get(f"{EXTENSION}integration") or {}, where),
            said.get("security", self._whole.get("security")) or [],
            (said.get(f"{EXTENSION}auth") or {}).get("type", ""),
            said.get(f"{EXTENSION}request-validator") or self.extension("request-validator") or "",
        )  # fmt: skip

    def _request_models(self, said: dict[str, Any], parameters: list[dict[str, Any]], where: str) -> dict[str, str]:
        if self._three:
            return self._content(self._resolved(said.get("requestBody") or {}, where), f"{where}.requestBody")
        schemas = [one["schema"] for one in parameters if one.get("in") == "body" and "schema" in one]
        kinds = said.get("consumes") or self._whole.get("consumes") or ["application/json"]
        return {kind: self._model(schemas[0], where) for kind in kinds} if schemas else {}

    def _response(self, response: Any, where: str, said: dict[str, Any]) -> dict[str, Any]:
        response = self._resolved(response, where)
        models = self._content(response, where)
        if "schema" in response:
            kinds = said.get("produces") or self._whole.get("produces") or ["application/json"]
            models = {kind: self._model(response["schema"], where) for kind in kinds}
        headers = {f"method.response.header.{name}": False for name in response.get("headers") or {}}
        return {"responseModels": models, "responseParameters": headers}

    def _content(self, node: dict[str, Any], where: str) -> dict[str, str]:
        found = {}
        for media, said in (node.get("content") or {}).items():
            if said and said.get("schema"):
                found[media] = self._model(said["schema"], f"{where}.content.schema")
        return found

    def _model(self, schema: dict[str, Any], where: str) -> str:
        """Return the name of the model that a schema refers to; one that stands there itself becomes a model."""
        if "$ref" in schema:
            self._resolved(schema, where)
            return str(schema["$ref"].rpartition("/")[2])
        text = json.dumps(schema, sort_keys=True, default=str)
        name = f"MODEL{hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:6]}"
        self.models[name] = schema
        return name

    def _resolved(self, node: Any, where: str) -> Any:
        """Return what ``node`` refers to, if it does, within the document."""
        if "$ref" not in node:
            return node
        found: Any = self._whole
        for part in str(node["$ref"]).removeprefix("#/").split("/"):
            found = found.get(part.replace("~1", "/")) if isinstance(found, dict) else None
        if found is None:
            self.warnings.append(f"Parse issue: attribute {where}.{node['$ref']} is missing")
        return found or {}


def _read(body: bytes) -> dict[str, Any]:
    if len(body) > LARGEST:
        raise AWSError("BadRequestException", "Invalid OpenAPI input.", 400)
    found: Any = None
    try:
        found = json.loads(body)
    except ValueError:
        with contextlib.suppress(yaml.YAMLError, UnicodeDecodeError):
            found = yaml.safe_load(body)
    if (
        not isinstance(found, dict)
        or not (str(found.get("swagger", "")) == "2.0" or str(found.get("openapi", "")).startswith("3.0"))
        or not isinstance(found.get("info"), dict)
        or not found["info"].get("title")
    ):
        raise AWSError("BadRequestException", "Invalid OpenAPI input.", 400)
    return found


def _extensions(node: Any) -> set[str]:
    """Return the names of API Gateway's extensions anywhere below ``node``."""
    if isinstance(node, list):
        return set().union(*map(_extensions, node))
    if not isinstance(node, dict):
        return set()
    mine = {str(key).removeprefix(EXTENSION) for key in node if str(key).startswith(EXTENSION)}
    return mine.union(*map(_extensions, node.values()))
