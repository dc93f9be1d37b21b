"""What Lambda refuses: what its API model forbids, and the quotas that the model does not hold."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from tests.contract.subjects import RETURN_THE_EVENT, Subject, promise, refused

QUOTAS = "Lambda Developer Guide, Lambda quotas"
MODEL = "Smithy constraint traits, Lambda's API model"
MB = 1024 * 1024
DETECTED = "1 validation error detected: Value"


def case(document: str, sentence: str, code: str, words: str, **settings: Any) -> Any:
    """Return a CreateFunction that AWS refuses, as a parameter of a test."""
    return pytest.param(settings, code, words, marks=promise(document, sentence), id=sentence)


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        case(
            QUOTAS,
            "a timeout is at most 900 seconds",
            "ValidationException",
            f"{DETECTED} '901' at 'timeout' failed to satisfy constraint: "
            "Member must have value less than or equal to 900",
            Timeout=901,
        ),
        case(
            MODEL,
            "a timeout is at least 1 second",
            "ValidationException",
            f"{DETECTED} '0' at 'timeout' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1",
            Timeout=0,
        ),
        case(
            QUOTAS,
            "memory is at most 10,240 MB",
            "InvalidParameterValueException",
            "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 10240",
            MemorySize=10_241,
        ),
        case(
            MODEL,
            "memory is at least 128 MB",
            "ValidationException",
            f"{DETECTED} '127' at 'memorySize' failed to satisfy constraint: "
            "Member must have value greater than or equal to 128",
            MemorySize=127,
        ),
        case(
            QUOTAS,
            "/tmp is at most 10,240 MB",
            "ValidationException",
            "at 'ephemeralStorage.size' failed to satisfy constraint: "
            "Member must have value less than or equal to 10240",
            EphemeralStorage={"Size": 10_241},
        ),
        case(
            MODEL,
            "/tmp is at least 512 MB",
            "ValidationException",
            f"{DETECTED} '511' at 'ephemeralStorage.size' failed to satisfy constraint: "
            "Member must have value greater than or equal to 512",
            EphemeralStorage={"Size": 511},
        ),
        case(
            MODEL,
            "a function's name fits the pattern of names",
            "ValidationException",
            f"{DETECTED} 'two words' at 'functionName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: ",
            name="two words",
            Role="arn:aws:iam::123456789012:role/any",
        ),
        case(
            MODEL,
            "a description has at most 256 characters",
            "ValidationException",
            "at 'description' failed to satisfy constraint: Member must have length less than or equal to 256",
            Description="x" * 257,
        ),
        case(
            MODEL,
            "an architecture is one of the enum",
            "ValidationException",
            "failed to satisfy constraint: Member must satisfy enum value set: [x86_64, arm64]",
            Architectures=["mips"],
        ),
        case(
            MODEL,
            "all that is wrong is listed at once",
            "ValidationException",
            "2 validation errors detected: ",
            Timeout=0,
            MemorySize=1,
        ),
        case(
            "Lambda API Reference, CreateFunction",
            "a runtime that does not exist is refused with the list of runtimes",
            "InvalidParameterValueException",
            "Value cobol85 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [",
            Runtime="cobol85",
        ),
        case(
            "Lambda Developer Guide, Lambda runtimes",
            "a runtime that was deprecated long ago can no longer be created",
            "InvalidParameterValueException",
            "The runtime parameter of python3.8 is no longer supported for creating or updating AWS Lambda functions.",
            Runtime="python3.8",
        ),
        case(
            QUOTAS,
            "environment variables take at most 4 KB in all",
            "InvalidParameterValueException",
            "environment variables you have provided exceeded the 4KB limit. String measured: {",
            Environment={"Variables": {"A1": "x" * 2048, "B1": "y" * 2048}},
        ),
        case(
            "Lambda Developer Guide, Working with Lambda environment variables",
            "Lambda's own variables cannot be set",
            "InvalidParameterValueException",
            "Reserved keys used in this request: AWS_REGION",
            Environment={"Variables": {"AWS_REGION": "eu-west-1"}},
        ),
        case(
            "Lambda Developer Guide, Working with Lambda environment variables",
            "a variable's name has at least two characters and begins with a letter",
            "ValidationException",
            "Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+",
            Environment={"Variables": {"1st": "x"}},
        ),
        case(
            QUOTAS,
            "a function has at most five layers",
            "InvalidParameterValueException",
            "Cannot reference more than 5 layers.",
            Layers=[f"arn:aws:lambda:us-east-1:123456789012:layer:l:{number}" for number in range(1, 7)],
        ),
        case(
            "Lambda API Reference, CreateFunction",
            "what is uploaded has to be a zip",
            "InvalidParameterValueException",
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
            Code={"ZipFile": b"no zip"},
        ),
    ],
)
def test_create_function(aws: Subject, settings: dict[str, Any], code: str, words: str) -> None:
    with refused(code, words, 400):
        aws.function(RETURN_THE_EVENT, **settings)
    assert aws.client("lambda").list_functions()["Functions"] == []


@promise(QUOTAS, "just within the limits a function is created and keeps what it was given")
def test_within(aws: Subject) -> None:
    variables = {"A1": "x" * 2000, "B1": "y" * 2000}
    most = {"Timeout": 900, "MemorySize": 10_240, "EphemeralStorage": {"Size": 10_240}}
    client = aws.function(RETURN_THE_EVENT, Environment={"Variables": variables}, **most)
    kept = client.get_function_configuration(FunctionName="f")
    assert {name: kept[name] for name in most} == most
    with refused("ValidationException", "'901' at 'timeout'"):
        client.update_function_configuration(FunctionName="f", Timeout=901)
    assert client.get_function_configuration(FunctionName="f")["Timeout"] == 900


@promise(QUOTAS, "a package is smaller than 250 MB when it is unzipped")
def test_unzipped_size(aws: Subject) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(25):
            archive.writestr(f"zeros{number}", bytes(10 * MB))
        archive.writestr("app.py", RETURN_THE_EVENT)
    with refused("InvalidParameterValueException", "Unzipped size must be smaller than 262144000 bytes", 400):
        aws.function("", Code={"ZipFile": content.getvalue()})


@promise(QUOTAS, "a package in a request is at most 50 MB zipped")
def test_zipped_size(aws: Subject) -> None:
    with refused("RequestEntityTooLargeException", "Request must be smaller than 70167211 bytes", 413):
        aws.function("", Code={"ZipFile": bytes(53 * MB)})


@promise(QUOTAS, "a synchronous event is at most 6 MB")
def test_event_size(aws: Subject) -> None:
    client = aws.function("def handler(event, context): return len(event)")
    most = 6 * MB
    assert aws.call("x" * (most - 2)).payload == most - 2
    with refused(
        "RequestEntityTooLargeException",
        f"{most + 1} byte payload is too large for the RequestResponse invocation type (limit {most} bytes)",
        413,
    ):
        client.invoke(FunctionName="f", Payload=b'"' + b"x" * (most - 1) + b'"')


@promise(QUOTAS, "a result is at most 6 MB: Function.ResponseSizeTooLarge")
def test_result_size(aws: Subject) -> None:
    aws.function("def handler(event, context): return 'x' * event")
    assert len(aws.call(6 * MB - 2).payload) == 6 * MB - 2
    answer = aws.call(6 * MB + 100)
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "Function.ResponseSizeTooLarge"
    message = "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
    assert answer.payload["errorMessage"] == message
    assert aws.call(1).payload == "x"


@promise(QUOTAS, "an asynchronous event is at most 1 MB")
def test_asynchronous_event_size(aws: Subject) -> None:
    aws.function("def handler(event, context): print(len(event))")
    assert aws.call("x" * (MB - 2), InvocationType="Event").status == 202
    with refused(
        "RequestEntityTooLargeException",
        f"{MB + 1} byte payload is too large for the Event invocation type (limit {MB} bytes)",
        413,
    ):
        aws.call("x" * (MB - 1), InvocationType="Event")
    aws.wait(lambda: f"{MB - 2}\n" in aws.logged())


@promise(MODEL, "an invocation type is one of the enum")
def test_invocation_type(aws: Subject) -> None:
    aws.function(RETURN_THE_EVENT)
    words = "'Later' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: ["
    with refused("ValidationException", words, 400):
        aws.call(InvocationType="Later")


@promise(MODEL, "a failed event is retried at most twice and waits one minute to six hours")
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("MaximumRetryAttempts", 3, "'3' at 'maximumRetryAttempts'"),
        ("MaximumEventAgeInSeconds", 59, "'59' at 'maximumEventAgeInSeconds'"),
        ("MaximumEventAgeInSeconds", 21_601, "'21601' at 'maximumEventAgeInSeconds'"),
    ],
)
def test_event_invoke_config(aws: Subject, name: str, value: int, words: str) -> None:
    client = aws.function(RETURN_THE_EVENT)
    with refused("ValidationException", words, 400):
        client.put_function_event_invoke_config(FunctionName="f", **{name: value})
