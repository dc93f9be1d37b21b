"""Policies about calling an API: what a resource policy, an identity's policy or an authorizer's policy says.

AWS: a statement counts when its action, resource, principal and conditions all match; an explicit deny wins, and
without an allow the answer is no ("Policy evaluation logic", IAM User Guide; "Control access to a REST API with API
Gateway resource policies", API Gateway Developer Guide). A resource may be written short:
``execute-api:/STAGE/METHOD/path``.

Here: Allow and Deny; Action, Resource and their Not forms, with ``*`` and ``?``; the operators of ``_OPERATORS``, each
with IfExists, on the keys of ``_KEYS``. Any other operator, key or NotPrincipal is not built, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import Any

from helpers.dataplane.call import AWSError, Caller

ACTION = "execute-api:Invoke"


class Verdict(Enum):
    """What policies say; SILENT is neither allow nor deny."""

    ALLOW = "allow"
    DENY = "deny"
    SILENT = "silent"


@dataclass(frozen=True)
class Asked:
    """Somebody asks to invoke a method."""

    method_arn: str
    caller: Caller | None = None
    """Who signed the request, if anybody did."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What is known for conditions, by the key in lower case; absent keys are left out."""


def decide(documents: Iterable[Any], asked: Asked, *, of_resource: bool = False) -> Verdict:
    """Return what policy documents say together; those of a resource must name the principal.

    Raises
    ------
    AWSError
        ``NotImplementedException``: a document uses what is not built.
    """
    found = set()
    for document in documents:
        for statement in _many(document["Statement"]):
            if _covers(statement, asked) and (not of_resource or _names(statement, asked.caller)):
                found.add(statement["Effect"])
    return Verdict.DENY if "Deny" in found else Verdict.ALLOW if "Allow" in found else Verdict.SILENT


def together(identity: Verdict, resource: Verdict) -> Verdict:
    """Return the outcome when caller and API are of one account (table A of "Policy evaluation outcome tables")."""
    for decisive in (Verdict.DENY, Verdict.ALLOW):
        if decisive in (identity, resource):
            return decisive
    return Verdict.SILENT


def _covers(statement: Mapping[str, Any], asked: Asked) -> bool:
    return (
        _element(statement, "Action", lambda pattern: like(ACTION.lower(), pattern.lower()))
        and _element(statement, "Resource", lambda pattern: like(asked.method_arn, _long(pattern, asked.method_arn)))
        and all(
            _holds(operator, key, wanted, asked.values)
            for operator, pairs in (statement.get("Condition") or {}).items()
            for key, wanted in pairs.items()
        )
    )


def _element(statement: Mapping[str, Any], name: str, matches: Callable[[str], bool]) -> bool:
    if f"Not{name}" in statement:
        return not any(matches(pattern) for pattern in _many(statement[f"Not{name}"]))
    return any(matches(pattern) for pattern in _many(statement.get(name)))


def like(value: str, pattern: str) -> bool:
    """Return whether a pattern with ``*`` (any text, slashes too) and ``?`` (one letter) matches all of ``value``."""
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _long(resource: str, method_arn: str) -> str:
    """Return the ARN that a short resource (``execute-api:/prod/GET/*``) stands for."""
    return resource.replace("execute-api:/", method_arn.partition("/")[0] + "/", 1) if _is_short(resource) else resource


def _is_short(resource: str) -> bool:
    return resource.startswith("execute-api:/")


def _names(statement: Mapping[str, Any], caller: Caller | None) -> bool:
    """Return whether a statement names the caller.

    An account as the principal only lets the account's own policies decide, but a deny of it is for all who are in it.
    """
    if "NotPrincipal" in statement:
        raise _not_built("NotPrincipal")
    principal = statement.get("Principal")
    named = _many(principal.get("AWS") if isinstance(principal, Mapping) else principal)
    if "*" in named:
        return True
    if caller is None:
        return False
    account = caller.arn.split(":")[4]
    known = {caller.arn, f"arn:aws:iam::{account}:role/{caller.role}"}
    if statement["Effect"] == "Deny" or not (caller.role or caller.user):
        known |= {account, f"arn:aws:iam::{account}:root"}
    return not known.isdisjoint(named)


def _in_network(value: str, network: str) -> bool:
    return ip_address(value) in ip_network(network, strict=False)


_OPERATORS: dict[str, tuple[Callable[[str, str], bool], bool]] = {
    "StringEquals": (str.__eq__, True),
    "StringNotEquals": (str.__eq__, False),
    "StringLike": (like, True),
    "StringNotLike": (like, False),
    "ArnEquals": (like, True),
    "ArnNotEquals": (like, False),
    "ArnLike": (like, True),
    "ArnNotLike": (like, False),
    "IpAddress": (_in_network, True),
    "NotIpAddress": (_in_network, False),
}
"""How a value is compared, and whether it must or must not match."""
_KEYS = frozenset(
    {"aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:useragent", "aws:username", "aws:principalarn",
     "aws:principalaccount"}
)  # fmt: skip


def _holds(operator: str, key: str, wanted: Any, values: Mapping[str, str]) -> bool:
    name = operator.removesuffix("IfExists")
    if name not in _OPERATORS or key.lower() not in _KEYS:
        raise _not_built(f"the condition {operator} on {key}")
    matches, positive = _OPERATORS[name]
    value = values.get(key.lower())
    if value is None:
        return not positive or name != operator
    return any(matches(value, one) for one in _many(wanted)) is positive


def _not_built(what: str) -> AWSError:
    return AWSError("NotImplementedException", f"{what} is not built in this local cloud; AWS has it", 501)


def _many(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]
