"""Filter criteria: which records of a source are worth an invocation.

AWS: up to five event patterns; a record passes if one of them matches. The body of an SQS message and the data of a
Kinesis record are matched as JSON when the pattern wants an object; a record whose format is not the pattern's is
dropped ("Control which events Lambda sends to your function", Lambda Developer Guide).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from helpers.dataplane import event_patterns

MOST_FILTERS = 5


def parse(text: str) -> dict[str, Any]:
    """Return a pattern read and checked.

    Raises
    ------
    ValueError
        It is not JSON, or not an event pattern.
    """
    pattern = json.loads(text)
    event_patterns.check(pattern)
    if not pattern:
        raise ValueError("Empty patterns are not allowed")
    return dict(pattern)


def passes(patterns: Sequence[Mapping[str, Any]], record: Mapping[str, Any]) -> bool:
    """Return whether a record of any source passes the filters; without filters every record does."""
    return not patterns or any(_passes(pattern, record) for pattern in patterns)


def _passes(pattern: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    seen = dict(record)
    if "kinesis" in seen:
        seen |= seen.pop("kinesis")
        seen["data"] = base64.b64decode(seen["data"]).decode("utf-8", "replace")
    for name in ("body", "data"):
        if isinstance(seen.get(name), str) and name in pattern:
            value = _object(seen[name])
            if isinstance(pattern[name], Mapping) != (value is not None):
                return False
            seen[name] = seen[name] if value is None else value
    return event_patterns.matches(pattern, seen)


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
