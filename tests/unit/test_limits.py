"""Limits: what AWS's API models allow passes, what they do not is refused, and the broken constraint is named."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.model import Shape, StringShape
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpers.dataplane import limits
from helpers.dataplane.call import AWSError
from helpers.dataplane.control_plane import model_of

SERVICES = """lambda dynamodb logs stepfunctions events sns ssm secretsmanager kinesis iam sts apigateway apigatewayv2
cognito-idp cloudwatch xray codedeploy cloudformation scheduler pipes application-autoscaling""".split()
"""Services of the course whose front ends check against the model."""
CODES = {"ValidationException", "ValidationError", "InvalidParameterException", "InvalidRequestException"}
LONGEST = 5000


@dataclass(frozen=True)
class Member:
    """One parameter of one operation."""

    service: str
    operation: str
    name: str

    @property
    def shape(self) -> Shape:
        """Its shape in botocore's model."""
        return model_of(self.service).operation_model(self.operation).input_shape.members[self.name]

    @property
    def path(self) -> str:
        """Its name as AWS's messages write it."""
        return self.name[0].lower() + self.name[1:]

    def complaints(self, value: Any) -> str:
        """Return what the front end says about this parameter; what else is missing is no matter here."""
        operation = model_of(self.service).operation_model(self.operation)
        call: Any = SimpleNamespace(
            service=self.service, operation=operation, protocol="json", params={self.name: value}
        )
        try:
            limits.check(call)
        except AWSError as error:
            assert error.code in CODES, error
            assert re.match(r"\d+ validation errors? detected: ", error.message)
            found = error.message.partition(": ")[2].split("; Value ")
            return "; ".join(text for text in found if f"at '{self.path}'" in text)
        return ""


@functools.cache
def members() -> list[Member]:
    """Return all parameters at the top level of the operations of ``SERVICES``."""
    return [
        Member(service, operation, name)
        for service in SERVICES
        for operation in model_of(service).operation_names
        for name in getattr(model_of(service).operation_model(operation).input_shape, "members", {})
        if (service, name) not in (("lambda", "Runtime"), ("lambda", "Timeout"))
    ]


@functools.cache
def with_trait(kind: tuple[str, ...], *traits: str) -> list[Member]:
    """Return the parameters of a type that have any of the traits."""
    return [
        member
        for member in members()
        if member.shape.type_name in kind and any(trait in member.shape.metadata for trait in traits)
    ]


def sizes(shape: Shape) -> tuple[int, int]:
    """Return the least and the most that a shape allows, the most being a number that a test can make."""
    least = int(shape.metadata.get("min", 0))
    return least, int(shape.metadata.get("max", least + 50))


NUMBERS, TEXTS = ("integer", "long"), ("string",)


def test_there_is_something_to_test() -> None:
    assert len(with_trait(NUMBERS, "max", "min")) > 100
    assert len(with_trait(TEXTS, "pattern")) > 300
    assert len(with_trait(TEXTS, "enum")) > 50


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_numbers(data: st.DataObject) -> None:
    member = data.draw(st.sampled_from(with_trait(NUMBERS, "min", "max")))
    least, most = sizes(member.shape)
    assert member.complaints(data.draw(st.integers(least, most))) == ""
    if "min" in member.shape.metadata and least > 0:
        small = data.draw(st.integers(least - 1000, least - 1))
        assert f"'{small}' at '{member.path}'" in member.complaints(small)
        assert f"Member must have value greater than or equal to {least}" in member.complaints(small)
    if "max" in member.shape.metadata:
        large = data.draw(st.integers(most + 1, most + 1000))
        assert f"Member must have value less than or equal to {most}" in member.complaints(large)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_lengths_of_texts(data: st.DataObject) -> None:
    plain = [
        member
        for member in with_trait(TEXTS, "min", "max")
        if not {"pattern", "enum"} & set(member.shape.metadata) and sizes(member.shape)[1] <= LONGEST
    ]
    member = data.draw(st.sampled_from(plain))
    least, most = sizes(member.shape)
    assert member.complaints("é" * data.draw(st.integers(least, most))) == ""
    if "max" in member.shape.metadata:
        assert f"Member must have length less than or equal to {most}" in member.complaints("é" * (most + 1))
    if least > 0:
        assert f"Member must have length greater than or equal to {least}" in member.complaints("é" * (least - 1))


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_enumerations(data: st.DataObject) -> None:
    member = data.draw(st.sampled_from(with_trait(TEXTS, "enum")))
    shape = member.shape
    assert isinstance(shape, StringShape)
    assert member.complaints(data.draw(st.sampled_from(shape.enum))) == ""
    other = data.draw(st.text(max_size=20).filter(lambda text: text not in shape.enum))
    assert f"satisfy enum value set: [{', '.join(shape.enum)}]" in member.complaints(other)


@pytest.mark.parametrize("service", SERVICES)
def test_every_pattern_can_be_used(service: str) -> None:
    """A pattern that Python cannot compile is not checked; of the course's services there is none."""
    for name in model_of(service).shape_names:
        pattern = model_of(service).shape_for(name).metadata.get("pattern")
        if pattern and pattern != ".*":
            assert limits._pattern(pattern).pattern != ".*", pattern


def test_java_writes_characters_beyond_16_bits_in_two() -> None:
    """Application Auto Scaling's names may hold any character but controls, also an emoji."""
    pattern = r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*"
    assert limits._pattern(pattern).fullmatch("table/books 📚")
    assert not limits._pattern(pattern).fullmatch("\x00")
    assert limits._pattern(r"[\p{LD}]*").fullmatch("nobody can tell: not checked")


def usable(pattern: str) -> bool:
    """Return whether hypothesis, which wants Python's own syntax, can make texts of a pattern."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return r"\p" not in pattern


@functools.cache
def patterns() -> list[tuple[Member, str]]:
    """Return parameters with a pattern that hypothesis understands."""
    found = [(member, str(member.shape.metadata["pattern"])) for member in with_trait(TEXTS, "pattern")]
    return [(member, pattern) for member, pattern in found if usable(pattern) and "enum" not in member.shape.metadata]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_patterns(data: st.DataObject) -> None:
    member, pattern = data.draw(st.sampled_from(patterns()))
    least, most = sizes(member.shape)
    good = data.draw(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True))
    assume(least <= len(good) <= most)
    assert member.complaints(good) == ""
    bad = data.draw(st.text(min_size=least, max_size=min(most, least + 30)))
    assume(re.fullmatch(pattern, bad, re.DOTALL | re.ASCII) is None)
    assert f"satisfy regular expression pattern: {pattern}" in member.complaints(bad)


def complaint(service: str, operation: str, params: Mapping[str, Any]) -> str:
    """Return the whole message for a call, or an empty text."""
    call: Any = SimpleNamespace(
        service=service, operation=model_of(service).operation_model(operation), protocol="json", params=params
    )
    try:
        limits.check(call)
    except AWSError as error:
        return f"{error.code}: {error.message}"
    return ""


CONFIGURATION = {"FunctionName": "f"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"Timeout": 900, "MemorySize": 10_240}, ""),
        ({"Timeout": 901}, "Value '901' at 'timeout' failed: Member must have value less than or equal to 900"),
        ({"Timeout": 0}, "Value '0' at 'timeout' failed: Member must have value greater than or equal to 1"),
        (
            {"EphemeralStorage": {"Size": 10_241}},
            "Value '10241' at 'ephemeralStorage.size' failed: Member must have value less than or equal to 10240",
        ),
        ({"FunctionName": None}, "Value null at 'functionName' failed: Member must not be null"),
        ({"FunctionName": "a b"}, "Value 'a b' at 'functionName' failed: Member must satisfy regular expression"),
    ],
)  # fmt: skip
def test_what_lambda_says(changes: dict[str, Any], said: str) -> None:
    """Nested members, missing ones, and the limits that are tighter than the model's."""
    answer = complaint("lambda", "UpdateFunctionConfiguration", {**CONFIGURATION, **changes})
    said = said.replace("failed:", "failed to satisfy constraint:")
    assert answer.startswith(f"ValidationException: 1 validation error detected: {said}") if said else answer == ""


def test_several_errors_are_counted() -> None:
    answer = complaint("lambda", "UpdateFunctionConfiguration", {"FunctionName": "", "Timeout": 901})
    assert answer.startswith("ValidationException: 3 validation errors detected: ")
    assert answer.count("failed to satisfy constraint") == 3


def test_lists_and_maps_are_looked_into() -> None:
    keys = [{"AttributeName": "a" * 256, "KeyType": "HASH"}, {"AttributeName": "b", "KeyType": "SORT"}]
    answer = complaint("dynamodb", "UpdateTable", {"TableName": "books", "AttributeDefinitions": []})
    assert answer == ""
    create = {"TableName": "books", "AttributeDefinitions": [], "KeySchema": keys}
    answer = complaint("dynamodb", "CreateTable", create)
    assert "at 'keySchema.1.member.attributeName' failed to satisfy constraint: Member must have length" in answer
    assert "Value 'SORT' at 'keySchema.2.member.keyType'" in answer
    tags = {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "Tags": {"k": 5}}
    assert complaint("lambda", "TagResource", tags).startswith("SerializationException")


@pytest.mark.parametrize(
    "params",
    [{"TableName": 5}, {"TableName": {"a": 1}}, {"TableName": "books", "KeySchema": "x"}, {"TableName": ["a"]}],
)
def test_a_wrong_type_is_the_callers_error(params: dict[str, Any]) -> None:
    """boto3 refuses such calls itself; what others send must not look like a failure of the service."""
    answer = complaint("dynamodb", "CreateTable", {"AttributeDefinitions": [], "KeySchema": [], **params})
    assert answer.startswith("SerializationException: "), answer


def test_secrets_are_not_repeated() -> None:
    answer = complaint("cognito-idp", "SignUp", {"ClientId": "abc", "Username": "ada", "Password": "p" * 300})
    assert "ppp" not in answer
    assert "***Sensitive Data Redacted***" in answer


def long_texts() -> Iterator[str]:
    """Yield texts on which a careless matcher takes for ever."""
    yield from ("a" * 2000 + "!", "-" * 2000 + " ", "arn:aws:" + ":" * 2000, "a/" * 1000 + "\n", "." * 2000 + "é")


@pytest.mark.parametrize("text", list(long_texts()), ids=lambda text: text[:8])
def test_no_pattern_takes_for_ever(text: str) -> None:
    """A cell never hangs, whatever stands in a name (the test's own limit would tell)."""
    for pattern in {pattern for _, pattern in patterns()}:
        limits._pattern(pattern).fullmatch(text, timeout=5)
