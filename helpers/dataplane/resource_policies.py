"""Resource-based policies: may this AWS service do that to this queue, topic or function?

AWS: a service that acts on its own behalf needs a statement in the policy of what it acts on, with its name as the
principal; the conditions ``aws:SourceArn`` and ``aws:SourceAccount`` keep other customers' resources from using it
("The confused deputy problem", IAM User Guide). Here: Allow and Deny, wildcards, and the conditions StringEquals,
StringLike, ArnEquals and ArnLike on those two keys; a statement with any other condition allows nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True)
class Asker:
    """The service that asks, such as ``s3``, and the resource for which it does, such as a bucket's ARN."""

    service: str
    source_arn: str
    account_id: str


def allows(statements: Iterable[Mapping[str, Any]], asker: Asker, action: str, resource: str) -> bool:
    """Return whether a policy's statements let the service do ``action`` to ``resource``; a deny wins."""
    found = {one.get("Effect") for one in statements if _covers(one, asker, action, resource)}
    return found == {"Allow"}


def _covers(statement: Mapping[str, Any], asker: Asker, action: str, resource: str) -> bool:
    return (
        any(_like(action.lower(), pattern.lower()) for pattern in _many(statement.get("Action")))
        and any(_like(resource, pattern) for pattern in _many(statement.get("Resource") or "*"))
        and _names(statement.get("Principal"), asker.service)
        and all(_holds(operator, wanted, asker) for operator, wanted in (statement.get("Condition") or {}).items())
    )


def _names(principal: Any, service: str) -> bool:
    """Return whether a principal is the service, by its name or by that of its Region (``logs.us-east-1...``)."""
    if isinstance(principal, Mapping):
        if "*" in _many(principal.get("AWS")):
            return True
        principal = principal.get("Service")
    name = re.compile(rf"{service}(\.[a-z0-9-]+)?\.amazonaws\.com|\*")
    return any(name.fullmatch(one) for one in _many(principal))


def _holds(operator: str, wanted: Mapping[str, Any], asker: Asker) -> bool:
    known = {"aws:sourcearn": asker.source_arn, "aws:sourceaccount": asker.account_id}
    if operator not in ("StringEquals", "StringLike", "ArnEquals", "ArnLike"):
        return False
    return all(
        any(_like(known.get(key.lower(), ""), pattern) for pattern in _many(patterns))
        for key, patterns in wanted.items()
    )


def _like(value: str, pattern: str) -> bool:
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _many(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
