"""Who may do what: the account's key everything, a role or user what its policies say, a deny above all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from helpers import cloud
from helpers.dataplane.call import Caller
from helpers.dataplane.identities import Identities
from helpers.dataplane.policies import Asked, Verdict
from tests.wire import TRUST

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:moto")
ACCOUNT = "123456789012"
ALLOWED, DENIED, NEUTRAL = Verdict.ALLOW, Verdict.DENY, Verdict.SILENT
ROLE = Caller("f", f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/f", "", role="worker")
MANAGED = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[cloud.Cloud]:
    """An account in which policies decide."""
    yield cloud.start(enforce_iam=True)
    cloud.stop()


@pytest.fixture
def iam() -> Any:
    """The client with which the account's owner makes identities."""
    return boto3.client("iam")


def statement(effect: str, action: Any, resource: Any = "*") -> dict[str, Any]:
    """Return one statement of a policy."""
    return {"Effect": effect, "Action": action, "Resource": resource}


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def role(iam: Any) -> Iterator[str]:
    """A role without policies; its name."""
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)
    yield "worker"
    for name in iam.list_role_policies(RoleName="worker")["PolicyNames"]:
        iam.delete_role_policy(RoleName="worker", PolicyName=name)
    for attached in iam.list_attached_role_policies(RoleName="worker")["AttachedPolicies"]:
        iam.detach_role_policy(RoleName="worker", PolicyArn=attached["PolicyArn"])
    iam.delete_role(RoleName="worker")


def as_role(service: str) -> Any:
    """Return a client with a session of the role."""
    arn = boto3.client("iam").get_role(RoleName="worker")["Role"]["Arn"]
    given_keys = boto3.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return boto3.client(
        service,
        aws_access_key_id=given_keys["AccessKeyId"],
        aws_secret_access_key=given_keys["SecretAccessKey"],
        aws_session_token=given_keys["SessionToken"],
    )


def code_of(call: Any, **params: Any) -> str:
    """Return the error's code of a call, or ``ok``."""
    try:
        call(**params)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ok"


@pytest.mark.parametrize(
    ("statements", "action", "resource", "verdict"),
    [
        ([], "s3:GetObject", "arn:aws:s3:::shelf/a", NEUTRAL),
        ([statement("Allow", "s3:GetObject", "arn:aws:s3:::shelf/*")], "s3:GetObject", "arn:aws:s3:::shelf/a", ALLOWED),
        ([statement("Allow", "s3:GetObject", "arn:aws:s3:::shelf/*")], "s3:GetObject", "arn:aws:s3:::other/a", NEUTRAL),
        ([statement("Allow", "s3:GetObject", "arn:aws:s3:::shelf/*")], "s3:PutObject", "arn:aws:s3:::shelf/a", NEUTRAL),
        ([statement("Allow", "s3:*")], "s3:PutObject", "arn:aws:s3:::shelf/a", ALLOWED),
        ([statement("Allow", ["s3:Get*", "sqs:*"])], "s3:GetObject", "arn:aws:s3:::shelf/a", ALLOWED),
        ([statement("Allow", "*"), statement("Deny", "s3:Delete*")], "s3:DeleteObject", "arn:aws:s3:::shelf/a", DENIED),
        ([statement("Deny", "s3:*"), statement("Allow", "s3:*")], "s3:GetObject", "arn:aws:s3:::shelf/a", DENIED),
        ([statement("Allow", "s3:Get*ject")], "s3:GetObject", "*", ALLOWED),
    ],
)  # fmt: skip
def test_verdicts(
    running: cloud.Cloud,
    iam: Any,
    role: str,
    statements: list[Any],
    action: str,
    resource: str,
    verdict: Verdict,
) -> None:
    for number, item in enumerate(statements):
        iam.put_role_policy(RoleName=role, PolicyName=f"p{number}", PolicyDocument=policy(item))
    identities = running._backend.context.identities
    assert identities.verdict(Asked(action, resource, ROLE)) is verdict


def test_attached_and_inline_policies_count(running: cloud.Cloud, iam: Any, role: str) -> None:
    identities = running._backend.context.identities
    asked = Asked("logs:PutLogEvents", "*", ROLE)
    assert identities.verdict(asked) is NEUTRAL
    iam.attach_role_policy(RoleName=role, PolicyArn=MANAGED)
    assert identities.verdict(asked) is ALLOWED
    iam.put_role_policy(RoleName=role, PolicyName="no", PolicyDocument=policy(statement("Deny", "logs:*")))
    assert identities.verdict(asked) is DENIED


def test_a_call_without_permission_is_denied_in_awss_words(iam: Any, role: str) -> None:
    boto3.client("s3").create_bucket(Bucket="shelf")
    with pytest.raises(ClientError) as refused:
        as_role("s3").put_object(Bucket="shelf", Key="a", Body=b"")
    error = refused.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("AccessDenied", 403)
    assert error["Error"]["Message"] == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/worker/test is not authorized to perform: s3:PutObject on "
        "resource: arn:aws:s3:::shelf/a because no identity-based policy allows the s3:PutObject action"
    )
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=policy(statement("Allow", "s3:PutObject")))
    assert code_of(as_role("s3").put_object, Bucket="shelf", Key="a", Body=b"") == "ok"
    assert code_of(as_role("s3").get_object, Bucket="shelf", Key="a") == "AccessDenied"


@pytest.mark.parametrize(
    ("service", "operation", "params", "code", "status"),
    [
        ("dynamodb", "list_tables", {}, "AccessDeniedException", 400),
        ("lambda", "list_functions", {}, "AccessDeniedException", 403),
        ("sqs", "list_queues", {}, "AccessDeniedException", 400),
        ("sns", "list_topics", {}, "AccessDenied", 403),
        ("iam", "list_users", {}, "AccessDenied", 403),
    ],
)
def test_each_protocol_has_its_code(
    role: str, service: str, operation: str, params: dict[str, Any], code: str, status: int
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(as_role(service), operation)(**params)
    error = refused.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def test_who_am_i_needs_no_permission(role: str) -> None:
    assert as_role("sts").get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/test"


def test_a_user_has_what_its_policies_say(iam: Any) -> None:
    iam.create_user(UserName="ada")
    key = iam.create_access_key(UserName="ada")["AccessKey"]

    def client(service: str) -> Any:
        return boto3.client(service, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])

    assert client("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/ada"
    assert code_of(client("dynamodb").list_tables) == "AccessDeniedException"
    document = policy(statement("Allow", "dynamodb:ListTables"))
    iam.put_user_policy(UserName="ada", PolicyName="p", PolicyDocument=document)
    assert code_of(client("dynamodb").list_tables) == "ok"
    iam.update_access_key(UserName="ada", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert code_of(client("dynamodb").list_tables) == "UnrecognizedClientException"


def test_a_user_has_what_its_groups_policies_say(running: cloud.Cloud, iam: Any) -> None:
    iam.create_user(UserName="bea")
    iam.create_group(GroupName="readers")
    iam.put_group_policy(GroupName="readers", PolicyName="p", PolicyDocument=policy(statement("Allow", "s3:Get*")))
    caller = Caller("user bea", f"arn:aws:iam::{ACCOUNT}:user/bea", "", user="bea")
    identities = running._backend.context.identities
    assert not identities.may(caller, "s3:GetObject", "*")
    iam.add_user_to_group(GroupName="readers", UserName="bea")
    assert identities.may(caller, "s3:GetObject", "*")
    assert not identities.may(caller, "s3:PutObject", "*")


def test_a_stacks_roles_policies_count(running: cloud.Cloud) -> None:
    allowed = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [allowed]}
    inline = {"PolicyName": "p", "PolicyDocument": json.loads(policy(statement("Allow", "s3:Get*")))}
    properties = {"RoleName": "stacked", "AssumeRolePolicyDocument": trust, "Policies": [inline]}
    template = {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}}
    boto3.client("cloudformation").create_stack(
        StackName="roles", TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    identities, arn = running._backend.context.identities, f"arn:aws:iam::{ACCOUNT}:role/stacked"
    assert identities.lets_assume(arn, "lambda")
    assert identities.role_may(arn, "s3:GetObject", "*") and not identities.role_may(arn, "s3:PutObject", "*")


@pytest.mark.parametrize(("effect", "code"), [("Allow", "AccessDenied"), ("Deny", "NotImplementedException")])
def test_a_condition_that_nobody_can_evaluate_opens_nothing(iam: Any, role: str, effect: str, code: str) -> None:
    condition = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    unknown = policy({**statement(effect, "iam:ListUsers"), "Condition": condition})
    iam.put_role_policy(RoleName=role, PolicyName="unknown", PolicyDocument=unknown)
    if effect == "Deny":
        iam.put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=policy(statement("Allow", "*")))
    assert code_of(as_role("iam").list_users) == code


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({}, True),
        ({"Principal": {"Service": ["sqs.amazonaws.com"]}}, False),
        ({"Action": "sts:TagSession"}, False),
        ({"Effect": "Deny"}, False),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}, True),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}}, False),
    ],
    ids=str,
)
def test_a_service_assumes_what_trusts_it(
    running: cloud.Cloud, iam: Any, role: str, changes: dict[str, Any], may: bool
) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=policy(trust | changes))
    identities = running._backend.context.identities
    assert identities.lets_assume(f"arn:aws:iam::{ACCOUNT}:role/{role}", "scheduler") is may
    assert not identities.lets_assume(f"arn:aws:iam::{ACCOUNT}:role/nobody", "scheduler")


def test_policies_do_not_bind_unless_they_are_to_decide() -> None:
    """Most chapters are not about permissions: there a role may do everything."""
    cloud.start()
    boto3.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)
    assert code_of(as_role("dynamodb").list_tables) == "ok"
    cloud.start(enforce_iam=True)
    boto3.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)
    assert code_of(as_role("dynamodb").list_tables) == "AccessDeniedException"


def test_the_accounts_own_key_may_do_everything() -> None:
    assert code_of(boto3.client("dynamodb").list_tables) == "ok"


@given(st.text(min_size=1, max_size=20))
def test_services_have_keys_of_their_own(name: str) -> None:
    identities = Identities(ACCOUNT)
    key, secret = identities.of_service(name)
    assert identities.of_service(name) == (key, secret)
    assert key != identities.access_key_id
    assert identities.caller(key).name == name
    known = identities.secret(key)
    assert known is not None
    assert known.secret_access_key == secret


def test_nobody_has_an_unknown_key() -> None:
    assert Identities(ACCOUNT).secret("AKIAIOSFODNN7EXAMPLE") is None
    assert Identities(ACCOUNT).secret("") is None
