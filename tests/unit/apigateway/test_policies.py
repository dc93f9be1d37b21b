"""Policies about calling an API, against plain restatements of the rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.apigateway.policies import Asked, Verdict, decide, like, together
from helpers.dataplane.call import AWSError, Caller

ARN = "arn:aws:execute-api:us-east-1:123456789012:club/prod/GET/staff"
BOB = Caller("user bob", "arn:aws:iam::123456789012:user/bob", "AKIA", user="bob")
DESK = Caller("role desk", "arn:aws:sts::123456789012:assumed-role/desk/ann", "ASIA", role="desk")
ROOT = Caller("you", "arn:aws:iam::123456789012:root", "AKIA")
ACTIONS = ["execute-api:Invoke", "EXECUTE-API:invoke", "execute-api:*", "*", "execute-api:ManageConnections", "s3:*"]
API = "arn:aws:execute-api:us-east-1:123456789012:club"
SHORT = ["execute-api:/prod/GET/*", "execute-api:/*", "execute-api:/beta/*"]
RESOURCES = [ARN, "*", "arn:aws:execute-api:*:*:club/*", *SHORT, f"{API}/prod/POST/*", f"{API}/"]
MATCHING = {"execute-api:Invoke", "EXECUTE-API:invoke", "execute-api:*", "*"}, set(RESOURCES[:5])
TEXTS = st.text("ab/*?[].!-^\n", max_size=8)


def glob(value: str, pattern: str) -> bool:
    """Match letter by letter."""
    if not pattern:
        return not value
    if pattern[0] == "*":
        return any(glob(value[at:], pattern[1:]) for at in range(len(value) + 1))
    return bool(value) and pattern[0] in ("?", value[0]) and glob(value[1:], pattern[1:])


@given(TEXTS, TEXTS)
def test_wildcards(value: str, pattern: str) -> None:
    assert like(value, pattern) == glob(value, pattern)


STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.sampled_from(ACTIONS) | st.lists(st.sampled_from(ACTIONS), min_size=1),
        "Resource": st.sampled_from(RESOURCES) | st.lists(st.sampled_from(RESOURCES), min_size=1),
    }
)


@given(st.lists(st.lists(STATEMENTS, max_size=3), max_size=3))
def test_a_deny_wins_and_silence_is_no_allow(documents: list[list[dict[str, Any]]]) -> None:
    def covers(statement: dict[str, Any]) -> bool:
        parts = ([part] if isinstance(part, str) else part for part in (statement["Action"], statement["Resource"]))
        return all(known & set(part) for known, part in zip(MATCHING, parts, strict=True))

    effects = [one["Effect"] for document in documents for one in document if covers(one)]
    expected = Verdict.SILENT if not effects else Verdict.DENY if "Deny" in effects else Verdict.ALLOW
    assert decide([{"Statement": document} for document in documents], Asked(ARN)) is expected


@pytest.mark.parametrize("identity", Verdict)
@pytest.mark.parametrize("resource", Verdict)
def test_table_a(identity: Verdict, resource: Verdict) -> None:
    both = {identity, resource}
    expected = Verdict.DENY if Verdict.DENY in both else Verdict.ALLOW if Verdict.ALLOW in both else Verdict.SILENT
    assert together(identity, resource) is expected


def asked(principal: Any, caller: Caller | None, effect: str = "Allow") -> Verdict:
    """Return what a resource policy with this principal says to a caller."""
    statement = {"Effect": effect, "Action": "*", "Resource": "*", "Principal": principal}
    return decide([{"Statement": statement}], Asked(ARN, caller), of_resource=True)


@pytest.mark.parametrize(
    ("principal", "callers"),
    [
        ("*", [None, BOB, DESK, ROOT]),
        ({"AWS": "*"}, [None, BOB, DESK, ROOT]),
        ({"AWS": BOB.arn}, [BOB]),
        ({"AWS": ["arn:aws:iam::123456789012:role/desk"]}, [DESK]),
        ({"AWS": DESK.arn}, [DESK]),
        ({"AWS": "arn:aws:iam::123456789012:root"}, [ROOT]),
        ({"AWS": "123456789012"}, [ROOT]),
        ({"AWS": "arn:aws:iam::123456789012:user/*"}, []),
        ({"Service": "lambda.amazonaws.com"}, []),
        (None, []),
    ],
)
def test_principals(principal: Any, callers: list[Caller | None]) -> None:
    for caller in (None, BOB, DESK, ROOT):
        assert (asked(principal, caller) is Verdict.ALLOW) == (caller in callers)


@pytest.mark.parametrize("caller", [BOB, DESK, ROOT])
def test_a_deny_of_the_account_is_for_all_in_it(caller: Caller) -> None:
    assert asked({"AWS": "123456789012"}, caller, "Deny") is Verdict.DENY


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "holds"),
    [
        ("IpAddress", "aws:SourceIp", "127.0.0.1", True),
        ("IpAddress", "AWS:sourceip", ["10.0.0.0/8", "127.0.0.0/8"], True),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", False),
        ("IpAddress", "aws:SourceIp", "::1", False),
        ("NotIpAddress", "aws:SourceIp", ["10.0.0.0/8", "127.0.0.0/8"], False),
        ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", True),
        ("StringEquals", "aws:username", ["ann", "bob"], True),
        ("StringEquals", "aws:username", "b*", False),
        ("StringLike", "aws:username", "b*", True),
        ("StringNotLike", "aws:username", "b*", False),
        ("StringNotEquals", "aws:username", "eve", True),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:user/*", True),
        ("StringEquals", "aws:SourceVpce", "vpce-1", False),
        ("StringNotEquals", "aws:SourceVpce", "vpce-1", True),
        ("StringEqualsIfExists", "aws:SourceVpce", "vpce-1", True),
        ("StringEqualsIfExists", "aws:username", "eve", False),
    ],
)
def test_conditions(operator: str, key: str, wanted: Any, holds: bool) -> None:
    values = {"aws:sourceip": "127.0.0.1", "aws:username": "bob", "aws:principalarn": BOB.arn}
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {key: wanted}}}
    assert (decide([{"Statement": [statement]}], Asked(ARN, BOB, values)) is Verdict.ALLOW) == holds


def test_all_conditions_must_hold() -> None:
    condition = {"StringEquals": {"aws:username": "bob"}, "IpAddress": {"aws:SourceIp": "10.0.0.1"}}
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    values = {"aws:sourceip": "127.0.0.1", "aws:username": "bob"}
    assert decide([{"Statement": statement}], Asked(ARN, BOB, values)) is Verdict.SILENT


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        ({"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}, Verdict.DENY),
        ({"Effect": "Allow", "NotAction": "execute-api:*", "Resource": "*"}, Verdict.SILENT),
        ({"Effect": "Deny", "Action": "*", "NotResource": "execute-api:/prod/GET/*"}, Verdict.SILENT),
        ({"Effect": "Deny", "Action": "*", "NotResource": "execute-api:/prod/GET/open"}, Verdict.DENY),
    ],
)
def test_not(statement: dict[str, Any], verdict: Verdict) -> None:
    assert decide([{"Statement": statement}], Asked(ARN)) is verdict


@pytest.mark.parametrize(
    "statement",
    [
        {"Condition": {"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
        {"NotPrincipal": {"AWS": BOB.arn}},
    ],
)
def test_what_is_not_built_says_so(statement: dict[str, Any]) -> None:
    whole = {"Effect": "Allow", "Action": "*", "Resource": "*", **statement}
    with pytest.raises(AWSError, match="not built"):
        decide([{"Statement": whole}], Asked(ARN, BOB, {}), of_resource=True)
