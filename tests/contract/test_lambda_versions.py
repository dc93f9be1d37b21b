"""What Lambda promises about versions and aliases."""

from __future__ import annotations

from collections import Counter
from math import sqrt
from typing import Any

import pytest

from helpers.teaching import package
from tests.contract.subjects import Subject, promise, refused

VERSIONS = "Lambda Developer Guide, Manage Lambda function versions"
ALIASES = "Lambda Developer Guide, Create an alias for a Lambda function"
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


@promise("Lambda API Reference, CreateAlias", "a weight is at most 1")
def test_weight(client: Any) -> None:
    weights = {"AdditionalVersionWeights": {"2": 1.5}}
    with refused("ValidationException", "Member must have value less than or equal to 1", 400):
        client.create_alias(FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig=weights)
