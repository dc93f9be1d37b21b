"""What policies say, against plain restatements of the rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.call import AWSError, Caller
from helpers.dataplane.policies import Asked, Verdict, decide, like, together

ARN = "arn:aws:execute-api:us-east-1:123456789012:club/prod/GET/staff"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
BOB = Caller("user bob", "arn:aws:iam::123456789012:user/bob", "AKIA", user="bob")
DESK = Caller("role desk", "arn:aws:sts::123456789012:assumed-role/desk/ann", "ASIA", role="desk")
ROOT = Caller("you", "arn:aws:iam::123456789012:root", "AKIA")
API = "arn:aws:execute-api:us-east-1:123456789012:club"
TEXTS = st.text("ab/*?[].!-^\n", max_size=8)
UNKNOWN = {"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}

# What may stand in a statement, and whether it fits the question of BOB, from 127.0.0.1, about ARN; None: nobody knows.
ACTIONS = {"execute-api:Invoke": True, "EXECUTE-API:inv?ke": True, "execute-api:*": True, "*": True, "s3:*": False,
           "execute-api:ManageConnections": False}  # fmt: skip
RESOURCES = {
    ARN: True, "*": True, "arn:aws:execute-api:*:*:club/*": True, f"{API}/prod/G?T/staff": True,
    f"{API}/prod/POST/*": False, f"{API}/": False, f"{API}/prod/get/staff": False,
}  # fmt: skip
CONDITIONS: list[tuple[dict[str, Any], bool | None]] = [
    ({}, True),
    ({"StringEquals": {"aws:username": "bob"}}, True),
    ({"StringEquals": {"aws:username": "eve"}}, False),
    ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}, "StringLike": {"aws:username": "b*"}}, True),
    ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}, "StringLike": {"aws:username": "e*"}}, False),
    (UNKNOWN, None),
    ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, None),
    ({"StringLike": {"aws:username": "${aws:username}*"}}, True),
    ({"StringLike": {"aws:SourceIp": "${aws:username}*"}}, False),
    ({"StringLike": {"aws:SourceIp": "${aws:PrincipalTag/team}*"}}, None),
    ({"ForAnyValue:StringEquals": {"aws:username": "bob"}}, None),
]


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


@st.composite
def statements(draw: st.DrawFn) -> tuple[dict[str, Any], bool | None]:
    """Draw a statement, and whether it counts; None: nobody can tell."""
    fits, written = [], {"Effect": draw(st.sampled_from(["Allow", "Deny"]))}
    for name, known in (("Action", ACTIONS), ("Resource", RESOURCES)):
        chosen = draw(st.lists(st.sampled_from(list(known)), min_size=1, max_size=3))
        negative = draw(st.booleans())
        written["Not" * negative + name] = chosen if len(chosen) > 1 else chosen[0]
        fits.append(any(known[one] for one in chosen) is not negative)
    condition, holds = draw(st.sampled_from(CONDITIONS))
    return {**written, "Condition": condition}, holds if all(fits) else False


@given(st.lists(statements(), max_size=5))
def test_a_deny_wins_and_silence_is_no_allow(drawn: list[tuple[dict[str, Any], bool | None]]) -> None:
    asked = Asked("execute-api:Invoke", ARN, BOB, values={"aws:sourceip": "127.0.0.1"})
    documents = [{"Statement": one} for one, _ in drawn]
    said = [(one["Effect"], counts) for one, counts in drawn]
    if ("Deny", None) in said:  # a deny that nobody can evaluate is never passed over
        with pytest.raises(AWSError, match="not built"):
            decide(documents, asked)
    else:
        expected = Verdict.ALLOW if ("Allow", True) in said else Verdict.SILENT
        assert decide(documents, asked) is (Verdict.DENY if ("Deny", True) in said else expected)


@pytest.mark.parametrize("identity", Verdict)
@pytest.mark.parametrize("resource", Verdict)
def test_table_a(identity: Verdict, resource: Verdict) -> None:
    both = {identity, resource}
    expected = Verdict.DENY if Verdict.DENY in both else Verdict.ALLOW if Verdict.ALLOW in both else Verdict.SILENT
    assert together(identity, resource) is expected


def of_resource(asked: Asked, **changes: Any) -> Verdict:
    """Return what a resource's policy with one statement says."""
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", **changes}
    return decide([{"Statement": statement}], asked, of_resource=True)


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
        asked = Asked("execute-api:Invoke", ARN, caller)
        assert (of_resource(asked, Principal=principal) is Verdict.ALLOW) == (caller in callers)


@pytest.mark.parametrize("caller", [BOB, DESK, ROOT])
def test_a_deny_of_the_account_is_for_all_in_it(caller: Caller) -> None:
    asked = Asked("execute-api:Invoke", ARN, caller)
    assert of_resource(asked, Principal={"AWS": "123456789012"}, Effect="Deny") is Verdict.DENY


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.ALLOW),
        ({"Principal": "*"}, Verdict.ALLOW),
        ({"Principal": {"AWS": "*"}}, Verdict.ALLOW),
        ({"Principal": {"Service": ["sns.amazonaws.com", "s3.amazonaws.com"]}}, Verdict.ALLOW),
        ({"Principal": {"Service": "s3.eu-west-1.amazonaws.com"}}, Verdict.ALLOW),
        ({"Principal": {"Service": "sns.amazonaws.com"}}, Verdict.SILENT),
        ({"Principal": {"Service": "s3xamazonaws.com"}}, Verdict.SILENT),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}, Verdict.SILENT),
        ({"Action": ["SQS:*"]}, Verdict.ALLOW),
        ({"Action": "sqs:ReceiveMessage"}, Verdict.SILENT),
        ({"Resource": "arn:aws:sqs:*:*:q"}, Verdict.ALLOW),
        ({"Resource": QUEUE + "2"}, Verdict.SILENT),
        ({"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::sh*"}}}, Verdict.ALLOW),
        ({"Condition": {"ArnEquals": {"AWS:SourceArn": "arn:aws:s3:::other"}}}, Verdict.SILENT),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}, Verdict.ALLOW),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}}, Verdict.SILENT),
        ({"Effect": "Deny"}, Verdict.DENY),
    ],
    ids=str,
)
def test_services(changes: dict[str, Any], verdict: Verdict) -> None:
    values = {"aws:sourcearn": "arn:aws:s3:::shop", "aws:sourceaccount": "123456789012"}
    statement = {"Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": QUEUE}
    assert of_resource(Asked("sqs:SendMessage", QUEUE, service="s3", values=values), **statement | changes) is verdict


def test_only_an_identity_policy_needs_a_resource() -> None:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    asked = Asked("sts:AssumeRole", "arn:aws:iam::123456789012:role/desk", BOB, service="lambda")
    assert decide([{"Statement": statement}], asked, of_resource=True) is Verdict.ALLOW
    assert decide([{"Statement": statement}], asked) is Verdict.SILENT


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
        ("StringEquals", "aws:PrincipalAccount", "123456789012", True),
        ("StringEquals", "aws:SourceVpce", "vpce-1", False),
        ("StringNotEquals", "aws:SourceVpce", "vpce-1", True),
        ("StringEqualsIfExists", "aws:SourceVpce", "vpce-1", True),
        ("StringEqualsIfExists", "aws:username", "eve", False),
    ],
)
def test_conditions(operator: str, key: str, wanted: Any, holds: bool) -> None:
    asked = Asked("execute-api:Invoke", ARN, BOB, values={"aws:sourceip": "127.0.0.1", "aws:sourcevpce": None})
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {key: wanted}}}
    assert (decide([{"Statement": [statement]}], asked) is Verdict.ALLOW) == holds


@pytest.mark.parametrize(
    ("caller", "arn"), [(DESK, "arn:aws:iam::123456789012:role/desk"), (BOB, BOB.arn), (ROOT, ROOT.arn), (None, None)]
)
def test_a_session_is_known_by_its_role(caller: Caller | None, arn: str | None) -> None:
    assert Asked("a:b", ARN, caller).known()["aws:principalarn"] == arn


@pytest.mark.parametrize(
    "statement", [{"Condition": UNKNOWN}, {"Resource": "arn:aws:s3:::${aws:userid}"}, {"NotPrincipal": {"AWS": "*"}}]
)
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_a_resources_policy_says_what_is_not_built(statement: dict[str, Any], effect: str) -> None:
    with pytest.raises(AWSError, match="not built"):
        of_resource(Asked("execute-api:Invoke", ARN, BOB), Principal="*", Effect=effect, **statement)


def test_what_is_not_built_does_not_matter_to_others() -> None:
    asked = Asked("execute-api:Invoke", ARN, BOB)
    for others in ({"Action": "s3:*"}, {"Principal": {"AWS": DESK.arn}}):
        assert of_resource(asked, **{"Principal": "*", "Condition": UNKNOWN} | others) is Verdict.SILENT


SUB = "cognito-identity.amazonaws.com:sub"
ANN = Caller("ann", DESK.arn, "ASIA", role="desk", claims={SUB: "us-east-1:a", "amr": ("authenticated", "idp/pool")})


@pytest.mark.parametrize(
    ("pattern", "caller", "allowed"),
    [
        ("arn:aws:s3:::b/${cognito-identity.amazonaws.com:sub}/*", ANN, True),
        ("arn:aws:s3:::b/${Cognito-Identity.amazonaws.com:SUB}/*", ANN, True),
        ("arn:aws:s3:::b/${cognito-identity.amazonaws.com:sub}*", DESK, False),
        ("arn:aws:s3:::b/${aws:username}/*", ANN, False),
        ("arn:aws:s3:::b/${amr}/*", ANN, False),
        ("arn:aws:s3:::b/${*}/*", ANN, False),
    ],
)
def test_a_variable_stands_for_what_is_known_of_the_caller(pattern: str, caller: Caller, allowed: bool) -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": pattern}
    for key, mine in (("us-east-1:a/x", True), ("us-east-1:b/x", False), ("us-east-1:ab/x", False)):
        said = decide([{"Statement": statement}], Asked("s3:GetObject", f"arn:aws:s3:::b/{key}", caller))
        assert (said is Verdict.ALLOW) == (allowed and mine)


@pytest.mark.parametrize("value", ["*", "a?", "[ab]"])
def test_a_variables_value_is_no_pattern(value: str) -> None:
    caller = Caller("eve", DESK.arn, "ASIA", role="desk", claims={SUB: value})
    statement = {"Effect": "Allow", "Action": "*", "Resource": f"arn:aws:s3:::b/${{{SUB}}}/x"}
    assert decide([{"Statement": statement}], Asked("s3:GetObject", "arn:aws:s3:::b/ab/x", caller)) is Verdict.SILENT


@pytest.mark.parametrize(
    ("operator", "wanted", "holds"),
    [
        ("ForAnyValue:StringLike", "auth*", True),
        ("ForAnyValue:StringEquals", ["x", "idp/pool"], True),
        ("ForAnyValue:StringEquals", "unauthenticated", False),
        ("ForAnyValue:StringNotEquals", "authenticated", True),
        ("ForAnyValue:StringNotLike", "*", False),
        ("StringEquals", "authenticated", False),
    ],
)
def test_a_key_of_several_values(operator: str, wanted: Any, holds: bool) -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {"amr": wanted}}}
    assert (decide([{"Statement": statement}], Asked("a:b", ARN, ANN)) is Verdict.ALLOW) == holds


def test_a_provider_is_named_as_federated() -> None:
    asked = Asked("sts:AssumeRoleWithWebIdentity", "role", provider="cognito-identity.amazonaws.com")
    for principal, named in (
        ({"Federated": "cognito-identity.amazonaws.com"}, True),
        ({"Federated": "accounts.example"}, False),
        ({"Service": "cognito-identity.amazonaws.com"}, False),
    ):
        statement = {"Effect": "Allow", "Action": asked.action, "Principal": principal}
        assert (decide([{"Statement": statement}], asked, of_resource=True) is Verdict.ALLOW) == named
