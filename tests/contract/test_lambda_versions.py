"""What Lambda promises about versions and aliases."""

from __future__ import annotations

import json
from collections import Counter
from math import sqrt
from typing import Any

import boto3
import pytest

from helpers.teaching import package
from tests.contract.subjects import Subject, promise, refused

VERSIONS = "Lambda Developer Guide, Manage Lambda function versions"
ALIASES = "Lambda Developer Guide, Create an alias for a Lambda function"
METRICS = "Lambda Developer Guide, View metrics for Lambda functions"
WEIGHTED = "Lambda Developer Guide, Implement Lambda canary deployments using a weighted alias"


def saying(word: str) -> str:
    """Return a function that returns ``word`` and how it was called."""
    return f"def handler(event, context): return [{word!r}, context.function_version, context.invoked_function_arn]"


def publish(client: Any, word: str) -> str:
    """Change the code to ``saying(word)`` and publish it; return the version."""
    client.update_function_code(FunctionName="f", ZipFile=package({"app.py": saying(word)}))
    return str(client.publish_version(FunctionName="f")["Version"])


@pytest.fixture
def client(aws: Subject) -> Any:
    """Return the Lambda client, with the function published as version 1 (``one``) and 2 (``two``)."""
    made = aws.function(saying("zero"))
    assert (publish(made, "one"), publish(made, "two")) == ("1", "2")
    return made


@promise(VERSIONS, "a published version keeps its code; $LATEST has the newest")
def test_immutable(aws: Subject, client: Any) -> None:
    client.update_function_code(FunctionName="f", ZipFile=package({"app.py": saying("three")}))
    for qualifier, word in (("1", "one"), ("2", "two"), ("$LATEST", "three")):
        answer = aws.call(Qualifier=qualifier)
        assert answer.payload[:2] == [word, qualifier]
        assert answer.version == qualifier
    assert aws.call().payload[:2] == ["three", "$LATEST"]


@promise(VERSIONS, "a published version keeps its configuration")
def test_configuration(aws: Subject) -> None:
    client = aws.function(
        "import os\ndef handler(event, context): return os.environ['SHOP']",
        Environment={"Variables": {"SHOP": "bakery"}},
    )
    client.publish_version(FunctionName="f")
    client.update_function_configuration(FunctionName="f", Environment={"Variables": {"SHOP": "butcher"}})
    assert [aws.call(Qualifier="1").payload, aws.call().payload] == ["bakery", "butcher"]


@promise(VERSIONS, "a function answers to its qualified ARN, and finds it in its context")
def test_qualified_arn(aws: Subject, client: Any) -> None:
    arn = client.get_function(FunctionName="f")["Configuration"]["FunctionArn"]
    assert aws.call(name=f"{arn}:1").payload == ["one", "1", f"{arn}:1"]
    assert aws.call(name="f:2").payload == ["two", "2", f"{arn}:2"]
    assert aws.call(name=arn).payload[2] == arn


@promise("Lambda API Reference, PublishVersion", "nothing is published when nothing changed since the last version")
def test_nothing_changed(client: Any) -> None:
    assert client.publish_version(FunctionName="f")["Version"] == "2"
    listed = client.list_versions_by_function(FunctionName="f")["Versions"]
    assert [version["Version"] for version in listed] == ["$LATEST", "1", "2"]


@promise("Lambda API Reference, PublishVersion", "nothing is published twice, version 1 neither")
def test_first_version_twice(aws: Subject) -> None:
    client = aws.function(saying("zero"))
    client.update_function_code(FunctionName="f", ZipFile=package({"app.py": saying("one")}))
    assert [client.publish_version(FunctionName="f")["Version"] for _ in range(3)] == ["1", "1", "1"]


@promise(VERSIONS, "the same code again is no change, so nothing is published")
def test_same_code(client: Any) -> None:
    code = package({"app.py": saying("two")})
    client.update_function_code(FunctionName="f", ZipFile=code)
    assert client.publish_version(FunctionName="f")["Version"] == "2"
    assert client.update_function_code(FunctionName="f", ZipFile=code, Publish=True)["Version"] == "2"


@promise(
    "Lambda API Reference, UpdateFunctionCode",
    "the code of a published version cannot be changed, only that of the unpublished version",
)
def test_code_is_locked(aws: Subject, client: Any) -> None:
    arn = client.get_function(FunctionName="f")["Configuration"]["FunctionArn"]
    for name in ("f:1", f"{arn}:1"):
        with refused("InvalidParameterValueException", status=400):
            client.update_function_code(FunctionName=name, ZipFile=package({"app.py": saying("three")}))
    assert aws.call(Qualifier="1").payload[0] == "one"


@promise(
    "Lambda API Reference, UpdateFunctionConfiguration",
    "the configuration of a published version cannot be changed, only that of the unpublished version",
)
def test_configuration_is_locked(client: Any) -> None:
    with refused("InvalidParameterValueException", status=400):
        client.update_function_configuration(FunctionName="f:1", Timeout=9)
    assert client.get_function_configuration(FunctionName="f", Qualifier="1")["Timeout"] == 3


@promise("Lambda API Reference, FunctionConfiguration", "LastModified is when code or configuration was changed last")
def test_last_modified(client: Any) -> None:
    def told() -> str:
        return str(client.get_function_configuration(FunctionName="f")["LastModified"])

    before = told()
    code = client.update_function_code(FunctionName="f", ZipFile=package({"app.py": saying("later")}))["LastModified"]
    configuration = client.update_function_configuration(FunctionName="f", Timeout=5)["LastModified"]
    assert before < code < configuration == told()


@promise("Lambda API Reference, UpdateFunctionCode", "Publish=True publishes the new code")
def test_publish_with_update(aws: Subject, client: Any) -> None:
    code = package({"app.py": saying("three")})
    assert client.update_function_code(FunctionName="f", ZipFile=code, Publish=True)["Version"] == "3"
    assert aws.call(Qualifier="3").payload[0] == "three"


@promise("Lambda API Reference, CreateFunction", "Publish=True publishes version 1")
def test_publish_with_create(aws: Subject) -> None:
    aws.function(saying("one"), Publish=True)
    assert aws.call(Qualifier="1").payload[:2] == ["one", "1"]


@promise(
    "Lambda API Reference, Invoke",
    "a qualifier that does not exist is ResourceNotFoundException with the qualified ARN",
)
def test_no_such_qualifier(aws: Subject, client: Any) -> None:
    for qualifier in ("nowhere", "9"):
        with refused("ResourceNotFoundException", f":function:f:{qualifier}", 404):
            aws.call(Qualifier=qualifier)


@promise(ALIASES, "an alias leads to its version, and elsewhere when it is updated; its callers change nothing")
def test_alias(aws: Subject, client: Any) -> None:
    arn = client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")["AliasArn"]
    assert aws.call(Qualifier="live").payload == ["one", "1", arn]
    assert aws.call(Qualifier="live").version == "1"
    client.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    assert aws.call(name=arn).payload == ["two", "2", arn]


@promise("Lambda API Reference, CreateAlias", "an alias's name is not a number")
def test_alias_name(client: Any) -> None:
    with refused("ValidationException", "at 'name' failed to satisfy constraint: Member must satisfy regular", 400):
        client.create_alias(FunctionName="f", Name="42", FunctionVersion="1")


@promise(WEIGHTED, "a weighted alias sends about that share of the calls to the second version")
def test_weights(aws: Subject, client: Any) -> None:
    calls, weight = 300, 0.3
    routing = {"AdditionalVersionWeights": {"2": weight}}
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig=routing)
    found = Counter(aws.call(Qualifier="live").version for _ in range(calls))
    assert found["1"] + found["2"] == calls
    assert abs(found["2"] - calls * weight) < 5 * sqrt(calls * weight * (1 - weight))
    client.update_alias(FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
    assert {aws.call(Qualifier="live").version for _ in range(20)} == {"1"}


@promise(WEIGHTED, "an alias has one further version at most")
def test_too_many_weights(client: Any) -> None:
    publish(client, "three")
    weights = {"AdditionalVersionWeights": {"2": 0.1, "3": 0.1}}
    words = "Number of items in AdditionalVersionWeights cannot be greater than 1"
    with refused("InvalidParameterValueException", words, 400):
        client.create_alias(FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig=weights)


@promise(WEIGHTED, "a weighted alias needs published versions: $LATEST is refused")
@pytest.mark.parametrize(("first", "second"), [("$LATEST", "1"), ("1", "$LATEST")])
def test_no_latest(client: Any, first: str, second: str) -> None:
    weights = {"AdditionalVersionWeights": {second: 0.1}}
    with refused("InvalidParameterValueException" if first == "$LATEST" else "ValidationException", status=400):
        client.create_alias(FunctionName="f", Name="live", FunctionVersion=first, RoutingConfig=weights)


@promise(WEIGHTED, "an alias of $LATEST takes no weights later either")
def test_no_latest_later(client: Any) -> None:
    client.create_alias(FunctionName="f", Name="dev", FunctionVersion="$LATEST")
    with refused(
        "InvalidParameterValueException", "$LATEST is not supported for an alias pointing to more than 1", 400
    ):
        client.update_alias(FunctionName="f", Name="dev", RoutingConfig={"AdditionalVersionWeights": {"1": 0.1}})


@promise(WEIGHTED, "the two versions of a weighted alias exist, and are different ones")
def test_two_versions(client: Any) -> None:
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    with refused("ResourceNotFoundException", ":function:f:77", 404):
        client.update_alias(FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {"77": 0.1}})
    with refused("InvalidParameterValueException", "already included in routing configuration", 400):
        client.update_alias(FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {"1": 0.1}})


@promise(ALIASES, "a permission for an alias stands in the alias's policy and in no other")
def test_policy_of_an_alias(client: Any) -> None:
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    allowed = {"StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    client.add_permission(FunctionName="f", Qualifier="live", **allowed)
    policy = json.loads(client.get_policy(FunctionName="f", Qualifier="live")["Policy"])
    assert [each["Resource"].rpartition(":function:")[2] for each in policy["Statement"]] == ["f:live"]
    for other in ({}, {"Qualifier": "1"}):
        with refused("ResourceNotFoundException", status=404):
            client.get_policy(FunctionName="f", **other)


@promise(ALIASES, "who may invoke the alias may not invoke the function or the version behind it")
@pytest.mark.cloud(enforce_iam=True)
def test_permission_for_an_alias(aws: Subject, client: Any) -> None:
    arn = client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")["AliasArn"]
    iam, statement = aws.client("iam"), {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}
    iam.create_user(UserName="shop")
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="shop", PolicyName="inline", PolicyDocument=document)
    key = iam.create_access_key(UserName="shop")["AccessKey"]
    credentials = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    shop = boto3.client("lambda", endpoint_url=aws.endpoint, region_name="us-east-1", **credentials)
    assert shop.invoke(FunctionName="f", Qualifier="live")["StatusCode"] == 200
    assert shop.invoke(FunctionName=arn)["StatusCode"] == 200
    for other in ({}, {"Qualifier": "1"}, {"Qualifier": "$LATEST"}):
        with refused("AccessDeniedException", "is not authorized to perform: lambda:InvokeFunction", 403):
            shop.invoke(FunctionName="f", **other)


@promise(
    METRICS, "metrics tell versions and aliases apart (Resource), and the two versions of an alias (ExecutedVersion)"
)
def test_metrics_of_versions(aws: Subject, client: Any) -> None:
    client.update_function_code(FunctionName="f", ZipFile=package({"app.py": "def handler(event, context): 1 / 0"}))
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="3")
    routing = {"AdditionalVersionWeights": {"2": 1}}
    aws.call(), aws.call(Qualifier="2"), aws.call(Qualifier="live")
    client.update_alias(FunctionName="f", Name="live", RoutingConfig=routing)
    aws.call(Qualifier="live"), aws.call(Qualifier="live")
    counted = {
        "all": aws.metric("Invocations"),
        "unqualified": aws.metric("Invocations", Resource="f"),
        "f:2": aws.metric("Invocations", Resource="f:2"),
        "f:live": aws.metric("Invocations", Resource="f:live"),
        "f:live, 2": aws.metric("Invocations", Resource="f:live", ExecutedVersion="2"),
        "f:live, 3": aws.metric("Invocations", Resource="f:live", ExecutedVersion="3"),
    }
    assert counted == {"all": 5, "unqualified": 1, "f:2": 1, "f:live": 3, "f:live, 2": 2, "f:live, 3": 1}
    by_version = [aws.metric("Errors", Resource="f:live", ExecutedVersion=version) for version in ("2", "3")]
    assert by_version == [0, 1]


@promise("Lambda API Reference, CreateAlias", "a weight is at most 1")
def test_weight(client: Any) -> None:
    weights = {"AdditionalVersionWeights": {"2": 1.5}}
    with refused("ValidationException", "Member must have value less than or equal to 1", 400):
        client.create_alias(FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig=weights)
