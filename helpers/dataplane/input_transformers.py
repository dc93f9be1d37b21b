"""What a rule's target receives: the event, a part of it, a constant, or a text made from it.

AWS: "Amazon EventBridge input transformation" (EventBridge User Guide): ``Input``, ``InputPath`` or an
``InputTransformer``, whose template has ``<names>`` in the place of values. A name between quotes is written as text,
elsewhere as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['([^']+)'\]")
_NAME = re.compile(r"<([A-Za-z0-9._-]+)>")


def payload(target: Mapping[str, Any], event: Mapping[str, Any], rule_arn: str, ingested: str) -> str:
    """Return what a target of a rule receives of an event."""
    if target.get("Input"):
        return str(target["Input"])
    if target.get("InputPath"):
        return json.dumps(value_at(event, target["InputPath"]))
    transformer = target.get("InputTransformer")
    if not transformer:
        return json.dumps(event)
    paths = transformer.get("InputPathsMap") or {}
    values = {name: value_at(event, path) for name, path in paths.items()} | {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rpartition("/")[2],
        "aws.events.event.ingestion-time": ingested,
        "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
        "aws.events.event.json": event,
    }
    return fill(transformer["InputTemplate"], values)


def value_at(event: Any, path: str) -> Any:
    """Return what a path such as ``$.detail.items[0]`` leads to; None when it leads nowhere."""
    for name, index, quoted in _STEP.findall(path.removeprefix("$")):
        try:
            event = event[int(index)] if index else event[name or quoted]
        except (KeyError, IndexError, TypeError):
            return None
    return event


def fill(template: str, values: Mapping[str, Any]) -> str:
    """Return a template with its names replaced; a name that is not in ``values`` stays."""
    written, end = [], 0
    for found in _NAME.finditer(template):
        if found[1] in values:
            written.append(template[end : found.start()])
            quoted = len(re.findall(r'(?<!\\)"', template[: found.start()])) % 2 == 1
            written.append(_as_text(values[found[1]]) if quoted else _as_value(values[found[1]]))
            end = found.end()
    return "".join(written) + template[end:]


def _as_value(value: Any) -> str:
    return '""' if value is None else json.dumps(value)


def _as_text(value: Any) -> str:
    """Return ``value`` as it stands inside a JSON string."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return json.dumps(text)[1:-1]
