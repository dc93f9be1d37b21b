"""API Gateway: REST, HTTP and WebSocket APIs that answer. One idea a module; ``plane`` joins them."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


def _import_moto() -> None:
    """Import moto's part without the validator of OpenAPI documents, which takes a second and brings pydantic along.

    moto validates in its import operations only, and those are ours. Whoever imports the validator later gets the real
    one.
    """
    validator = "openapi_spec_validator"
    if "moto.apigateway.models" in sys.modules or validator in sys.modules:
        return
    empty: Any = ModuleType(validator)
    empty.validate, empty.OpenAPIValidationError = None, ValueError
    names = (validator, f"{validator}.validation", f"{validator}.validation.exceptions")
    sys.modules.update(dict.fromkeys(names, empty))
    try:
        importlib.import_module("moto.apigateway.models")
    finally:
        for name in names:
            del sys.modules[name]


_import_moto()
