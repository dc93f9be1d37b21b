"""What policies say: those of users, roles, queues, topics, functions and APIs, and the answers of authorizers.

AWS: a statement counts when its action, resource, principal and conditions all match; an explicit deny wins, and
without an allow the answer is no ("Policy evaluation logic" and "IAM JSON policy elements", IAM User Guide).

Here: Allow and Deny; Action, Resource and their Not forms, with ``*`` and ``?``; the operators of ``_OPERATORS``, each
with IfExists, and ForAnyValue for keys of several values, on the keys that the asker knows; variables such as
``${aws:username}`` for the same keys. ARNs are compared as one text, on AWS part by part. Anything else (operators,
keys, a variable's default, NotPrincipal) is not built: an identity's Allow that needs it counts as none; a Deny, and
any statement of a resource's policy, says so by name. Boundaries, session policies and service control policies are not
evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import Any

from helpers.dataplane.call import AWSError, Caller, not_built

Known = Mapping[str, str | tuple[str, ...] | None]
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_WILD = frozenset("*?[")


class Verdict(Enum):
    """What policies say; SILENT is neither allow nor deny."""

    ALLOW = "allow"
    DENY = "deny"
    SILENT = "silent"


@dataclass(frozen=True)
class Asked:
    """Somebody asks to do ``action`` to the resource of an ARN."""

    action: str
    resource: str
    caller: Caller | None = None
    """Who signed the request, if anybody did."""
    service: str = ""
    """The AWS service that asks on its own behalf, such as ``s3``."""
    values: Known = field(default_factory=dict)
    """What is known for conditions besides the caller, by the key in lower case; None where AWS has no value, too."""
    provider: str = ""
    """The identity provider that vouches for whoever asks, such as ``cognito-identity.amazonaws.com``."""

    def known(self) -> dict[str, str | tuple[str, ...] | None]:
        """Return what conditions may be about."""
        arn, caller = self.caller_arn(), self.caller
        return {
            "aws:principalarn": arn,
            "aws:principalaccount": arn.split(":")[4] if arn else None,
            "aws:username": (caller.user or None) if caller else None,
            **(caller.claims if caller else {}),
            **self.values,
        }

    def caller_arn(self) -> str | None:
        """Return the ARN of the user, or of the role behind a session."""
        if self.caller is None:
            return None
        return re.sub(r":sts:(.*):assumed-role/([^/]+)/.*", r":iam:\1:role/\2", self.caller.arn)


def decide(documents: Iterable[Any], asked: Asked, *, of_resource: bool = False) -> Verdict:
    """Return what policy documents say together; those of a resource must name the principal.

    Raises
    ------
    AWSError
        ``NotImplementedException``: a document uses what is not built.
    """
    found = set()
    for document in documents:
        for statement in _many(document.get("Statement")):
            if _counts(statement, asked, of_resource):
                found.add(statement["Effect"])
    return Verdict.DENY if "Deny" in found else Verdict.ALLOW if "Allow" in found else Verdict.SILENT


def together(identity: Verdict, resource: Verdict) -> Verdict:
    """Return the outcome when both are of one account (table A of "Policy evaluation outcome tables")."""
    for decisive in (Verdict.DENY, Verdict.ALLOW):
        if decisive in (identity, resource):
            return decisive
    return Verdict.SILENT


def _counts(statement: Mapping[str, Any], asked: Asked, of_resource: bool) -> bool:
    try:
        return (
            _element(statement, "Action", asked.action.lower(), str.lower)
            and _on_resource(statement, asked, of_resource)
            and (not of_resource or _names(statement, asked))
            and _conditions_hold(statement.get("Condition") or {}, asked.known())
        )
    except AWSError:
        if of_resource or statement["Effect"] == "Deny":
            raise
        return False


def _on_resource(statement: Mapping[str, Any], asked: Asked, of_resource: bool) -> bool:
    if of_resource and statement.keys().isdisjoint({"Resource", "NotResource"}):  # such as a role's trust policy
        return True
    known = asked.known()
    return _element(statement, "Resource", asked.resource, lambda pattern: _filled(pattern, known))


def _element(statement: Mapping[str, Any], name: str, value: str, read: Callable[[str], str]) -> bool:
    if f"Not{name}" in statement:
        return not any(like(value, read(pattern)) for pattern in _many(statement[f"Not{name}"]))
    return any(like(value, read(pattern)) for pattern in _many(statement.get(name)))


def like(value: str, pattern: str) -> bool:
    """Return whether a pattern with ``*`` (any text, slashes too) and ``?`` (one letter) matches all of ``value``."""
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _filled(pattern: str, known: Known) -> str:
    """Return a pattern of a resource or a condition with the values of its variables, which have no wildcards."""

    def value(variable: re.Match[str]) -> str:
        found = known.get(variable[1].lower())
        if not isinstance(found, str) or not _WILD.isdisjoint(found):
            raise not_built(f"the policy variable in {pattern}")
        return found

    return _VARIABLE.sub(value, pattern)


def _names(statement: Mapping[str, Any], asked: Asked) -> bool:
    """Return whether a statement names who asks; a service by its name or that of its Region (``logs.us-east-1...``).

    An account as the principal only lets the account's own policies decide, but a deny of it is for all who are in it.
    """
    if "NotPrincipal" in statement:
        raise not_built("NotPrincipal in a policy")
    principal = statement.get("Principal")
    named = principal if isinstance(principal, Mapping) else {"AWS": principal}
    arns, caller = _many(named.get("AWS")), asked.caller
    if "*" in arns:
        return True
    if asked.service:
        name = re.compile(rf"{asked.service}(\.[a-z0-9-]+)?\.amazonaws\.com")
        return any(name.fullmatch(one) for one in _many(named.get("Service")))
    if asked.provider:
        return asked.provider in _many(named.get("Federated"))
    if caller is None:
        return False
    account = caller.arn.split(":")[4]
    known = {caller.arn, asked.caller_arn()}
    if statement["Effect"] == "Deny" or not (caller.role or caller.user):
        known |= {account, f"arn:aws:iam::{account}:root"}
    return not known.isdisjoint(arns)


def _same(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


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
    "Bool": (_same, True),
    "IpAddress": (_in_network, True),
    "NotIpAddress": (_in_network, False),
}
"""How a value is compared, and whether it must or must not match."""


def _conditions_hold(conditions: Mapping[str, Mapping[str, Any]], known: Known) -> bool:
    return all(
        _holds(operator, key, wanted, known) for operator, pairs in conditions.items() for key, wanted in pairs.items()
    )


def _holds(operator: str, key: str, wanted: Any, known: Known) -> bool:
    name = operator.removeprefix("ForAnyValue:").removesuffix("IfExists")
    value = known.get(key.lower())
    several = operator.startswith("ForAnyValue:")
    if name not in _OPERATORS or key.lower() not in known or isinstance(value, tuple) is not several:
        raise not_built(f"the condition {operator} on {key} in a policy")
    matches, positive = _OPERATORS[name]
    if value is None:
        return not positive or name != operator
    patterns = [_filled(one if isinstance(one, str) else str(one), known) for one in _many(wanted)]
    values = value if isinstance(value, tuple) else (value,)
    return any(any(matches(one, pattern) for pattern in patterns) is positive for one in values)


def _many(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]
