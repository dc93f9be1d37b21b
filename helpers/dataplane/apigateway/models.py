"""Models: JSON schemas that bodies are checked against.

AWS: JSON schema, draft 4; a model refers to another of the same API as
``{"$ref": "https://apigateway.amazonaws.com/restapis/API/models/NAME"}`` ("Data models for REST APIs", API Gateway
Developer Guide). Here: the library jsonschema. The words for missing properties and unreadable bodies are recorded on
AWS, those for a minimum and a pattern stand in code of the same validators; the others are not sourced.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import jsonschema
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT4

_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


def problems_of(body: bytes, model: str, models: dict[str, str]) -> list[str]:
    """Return what is wrong with ``body`` by the schema of ``model``, which may refer to other ``models``."""
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return ["Unknown error parsing request body"]
    try:
        found = _validator(model, tuple(sorted(models.items()))).iter_errors(value)
        return list(dict.fromkeys(_worded(finding) for finding in found))  # jsonschema tells of each missing property
    except (Unresolvable, ValueError, jsonschema.exceptions.SchemaError):
        return ["Unable to read the model"]


@functools.lru_cache(maxsize=64)
def _validator(model: str, models: tuple[tuple[str, str], ...]) -> Any:
    schemas = {name: json.loads(text) for name, text in models}

    def retrieve(address: str) -> Any:
        name = address.rpartition("/models/")[2]
        if name not in schemas:
            raise KeyError(address)
        return DRAFT4.create_resource(schemas[name])

    registry: Any = Registry(retrieve=retrieve)  # type: ignore[call-arg]
    return jsonschema.Draft4Validator(schemas.get(model, {}), registry=registry)


def _worded(finding: Any) -> str:
    words = _WORDS.get(finding.validator)
    return words(finding) if words else str(finding.message)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _missing(finding: Any) -> str:
    missing = sorted(set(finding.validator_value) - set(finding.instance))
    return f"object has missing required properties ({_json(missing)})"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


_WORDS: dict[str, Callable[[Any], str]] = {
    "required": _missing,
    "enum": lambda found: (
        f"instance value ({_json(found.instance)}) not found in enum (possible values: {_json(found.validator_value)})"
    ),
    "type": lambda found: (
        f"instance type ({_TYPES.get(type(found.instance), 'null')}) does not match any allowed primitive type "
        f"(allowed: {_json(_listed(found.validator_value))})"
    ),
    "minimum": lambda found: (
        f"numeric instance is lower than the required minimum (minimum: {found.validator_value}, "
        f"found: {found.instance})"
    ),
    "maximum": lambda found: (
        f"numeric instance is greater than the required maximum (maximum: {found.validator_value}, "
        f"found: {found.instance})"
    ),
    "minLength": lambda found: (
        f"string {_json(found.instance)} is too short (length: {len(found.instance)}, "
        f"required minimum: {found.validator_value})"
    ),
    "maxLength": lambda found: (
        f"string {_json(found.instance)} is too long (length: {len(found.instance)}, "
        f"maximum allowed: {found.validator_value})"
    ),
    "pattern": lambda found: (
        f"ECMA 262 regex {_json(found.validator_value)} does not match input string {_json(found.instance)}"
    ),
}
