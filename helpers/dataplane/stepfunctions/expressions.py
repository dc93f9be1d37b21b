"""JSONata for moto's interpreter, evaluated by ``jsonata-python`` in place of a Java machine.

AWS: "Transforming data with JSONata in Step Functions", Step Functions Developer Guide. Here: the same language; the
interpreter puts the values of ``$states`` and of the variables before the expression as assignments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from moto.stepfunctions.parser.asl.jsonata.jsonata import JSONataException

_NOT_BUILT = ("$hash", "$uuid")
"""moto declares them, if an expression names them, as functions that return a text which says so."""


def evaluate(expression: str) -> Any:
    """Return the value of a JSONata expression as JSON data, None if it is undefined.

    Raises
    ------
    JSONataException
        The expression is wrong, or fails.
    """
    for name in _NOT_BUILT:
        if f"{name} is currently not supported" in expression:
            raise JSONataException("States.Runtime", f"{name} is not built in this local cloud; AWS has it")
    try:
        return json.loads(json.dumps(Jsonata(expression).evaluate(None)))
    except (JException, TypeError, ValueError, RecursionError) as error:
        raise JSONataException("States.QueryEvaluationError", str(error)) from None


def declarations(bindings: Mapping[str, Any]) -> str:
    """Return assignments of ``bindings`` in JSONata, whose literals are those of JSON."""
    return "".join(f"{name}:={json.dumps(value, default=str)};" for name, value in bindings.items())
