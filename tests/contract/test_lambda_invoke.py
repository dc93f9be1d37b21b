"""What Lambda promises about a call: the event, the context, the result, and what stays in a warm environment."""

from __future__ import annotations

import base64
import json
import string
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.teaching import package
from tests.contract.subjects import RETURN_THE_EVENT, SLEEP, Subject, promise, refused

pytestmark = pytest.mark.usefixtures("each_worker")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=60)
NAMES = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=10).map("V{}".format)
some = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@promise(
    "Lambda Developer Guide, Define Lambda function handler in Python",
    "the event is what the caller sent, any JSON; the caller gets what the handler returned",
)
def test_round_trip(aws: Subject) -> None:
    aws.function(RETURN_THE_EVENT)

    @some
    @given(JSON)
    def comes_back(value: Any) -> None:
        answer = aws.call(value)
        assert (answer.status, answer.error, answer.payload) == (200, None, value)

    comes_back()


@promise("Lambda API Reference, Invoke", "a call without a payload is a call with an empty object")
def test_no_payload(aws: Subject) -> None:
    aws.function(RETURN_THE_EVENT)
    assert aws.call().payload == {}


@promise(
    "Lambda Developer Guide, Define Lambda function handler in Python", "a handler that returns nothing returns null"
)
def test_returns_nothing(aws: Subject) -> None:
    client = aws.function("def handler(event, context): pass")
    assert client.invoke(FunctionName="f")["Payload"].read() == b"null"


@promise(
    "Lambda Developer Guide, Using the Lambda context object in Python",
    "the context names the function, its version, ARN, memory, request, log group and stream",
)
def test_context(aws: Subject) -> None:
    names = "function_name function_version invoked_function_arn memory_limit_in_mb aws_request_id log_group_name"
    aws.function(
        f"def handler(event, context): return [getattr(context, n) for n in '{names} log_stream_name'.split()]",
        MemorySize=192,
    )
    answer = aws.call()
    *first, stream = answer.payload
    arn = aws.client("lambda").get_function(FunctionName="f")["Configuration"]["FunctionArn"]
    assert first == ["f", "$LATEST", arn, "192", answer.request_id, "/aws/lambda/f"]
    assert "/[$LATEST]" in stream


@promise(
    "Lambda Developer Guide, Using the Lambda context object in Python",
    "get_remaining_time_in_millis counts down from the function's timeout",
)
def test_remaining_time(aws: Subject) -> None:
    aws.function(
        """
        import time
        def handler(event, context):
            before = context.get_remaining_time_in_millis()
            time.sleep(0.1)
            return before, context.get_remaining_time_in_millis()
        """,
        Timeout=70,
    )
    before, after = aws.call().payload
    assert 60_000 < before <= 70_000
    assert 90 <= before - after <= 10_000


@promise("Lambda API Reference, Invoke", "a synchronous call's client context reaches the function's context object")
def test_client_context(aws: Subject) -> None:
    aws.function("def handler(event, context): return context.client_context.custom['shop']")
    given = base64.b64encode(json.dumps({"custom": {"shop": "bakery"}}).encode()).decode()
    assert aws.call(ClientContext=given).payload == "bakery"


@promise(
    "Lambda Developer Guide, Understanding the Lambda execution environment lifecycle",
    "code outside of the handler runs once; its objects stay for the next call",
)
def test_globals_stay(aws: Subject) -> None:
    aws.function(
        """
        import uuid
        born, calls = str(uuid.uuid4()), []
        def handler(event, context):
            calls.append(event)
            return born, len(calls)
        """
    )
    (born, first), (same, second) = aws.call().payload, aws.call().payload
    assert (first, second) == (1, 2)
    assert born == same


@promise(
    "Lambda Developer Guide, Understanding the Lambda execution environment lifecycle",
    "/tmp stays for the next call of the same environment, and each environment has its own",
)
def test_tmp(aws: Subject) -> None:
    aws.function(
        """
        import os, time
        def handler(event, context):
            with open("/tmp/calls", "a") as file:
                file.write("x")
            time.sleep(event)
            return os.path.getsize("/tmp/calls")
        """
    )
    assert [aws.call(0).payload, aws.call(0).payload] == [1, 2]
    sizes = sorted(answer.payload for answer in aws.call_together([0.4, 0.4]))
    assert sizes == [1, 3]


@promise(
    "Lambda Developer Guide, Understanding the Lambda execution environment lifecycle", "only /tmp can be written to"
)
def test_read_only(aws: Subject) -> None:
    aws.function("def handler(event, context): open('/var/task/x', 'w')")
    assert aws.call().payload["errorType"] == "OSError"
    assert "Read-only file system" in aws.call().payload["errorMessage"]


@promise(
    "Lambda Developer Guide, Working with Lambda environment variables",
    "a variable has in the function the text that its configuration gives it",
)
def test_variables(aws: Subject) -> None:
    client = aws.function(
        "import os\ndef handler(event, context): return {name: os.environ.get(name) for name in event}",
        Environment={"Variables": {"SHOP": "bakery"}},
    )
    assert aws.call(["SHOP"]).payload == {"SHOP": "bakery"}

    @settings(some, max_examples=10)
    @given(st.dictionaries(NAMES, PRINTABLE, max_size=4))
    def are_there(variables: dict[str, str]) -> None:
        client.update_function_configuration(FunctionName="f", Environment={"Variables": variables})
        assert aws.call(list(variables)).payload == variables

    are_there()


@promise(
    "Lambda Developer Guide, Working with Lambda environment variables",
    "Lambda's own variables name the Region, the function, its memory, version, handler and folders",
)
def test_reserved_variables(aws: Subject) -> None:
    wanted = {
        "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "LAMBDA_TASK_ROOT": "/var/task",
        "_HANDLER": "app.handler",
        "TZ": ":UTC",
    }
    aws.function(
        "import os\ndef handler(event, context): return {name: os.environ.get(name) for name in event}", MemorySize=256
    )
    assert aws.call(list(wanted)).payload == wanted


@promise(
    "Lambda Developer Guide, Define Lambda function handler in Python", "the handler may be in a folder of the package"
)
def test_handler_in_a_folder(aws: Subject) -> None:
    code = {"ZipFile": package({"shop/till.py": RETURN_THE_EVENT, "shop/__init__.py": ""})}
    for number, handler in enumerate(("shop.till.handler", "shop/till.handler")):
        aws.function("", name=f"f{number}", Code=code, Handler=handler)
        assert aws.call([1], name=f"f{number}").payload == [1]


@promise("Lambda API Reference, UpdateFunctionCode", "the next call runs the new code")
def test_new_code(aws: Subject) -> None:
    client = aws.function("def handler(event, context): return 'old'")
    assert aws.call().payload == "old"
    new = package({"app.py": "def handler(event, context): return 'new'"})
    client.update_function_code(FunctionName="f", ZipFile=new)
    assert aws.call().payload == "new"


@promise("Lambda API Reference, Invoke", "a function answers to its name, its partial ARN and its ARN")
def test_names(aws: Subject) -> None:
    client = aws.function(RETURN_THE_EVENT)
    arn = client.get_function(FunctionName="f")["Configuration"]["FunctionArn"]
    account = arn.split(":")[4]
    for name in ("f", f"{account}:function:f", arn, f"{arn}:$LATEST"):
        assert aws.call([name], name=name).payload == [name]


@promise(
    "Lambda API Reference, Invoke", "a function that does not exist is ResourceNotFoundException, 404, with its ARN"
)
def test_no_function(aws: Subject) -> None:
    account = aws.client("sts").get_caller_identity()["Account"]
    with refused(
        "ResourceNotFoundException", f"Function not found: arn:aws:lambda:us-east-1:{account}:function:nobody", 404
    ):
        aws.call(name="nobody")


@promise("Lambda API Reference, Invoke", "a payload that is not JSON is InvalidRequestContentException")
def test_not_json(aws: Subject) -> None:
    client = aws.function(RETURN_THE_EVENT)
    with refused("InvalidRequestContentException", "Could not parse request body into json", 400):
        client.invoke(FunctionName="f", Payload=b"{'single': 'quotes'}")


@promise("Lambda API Reference, Invoke", "DryRun is answered 204 and does not run the function")
def test_dry_run(aws: Subject) -> None:
    aws.function("print('it ran')\n" + RETURN_THE_EVENT)
    assert aws.call(InvocationType="DryRun").status == 204
    assert aws.logged() == []
    assert aws.call().status == 200


@promise("Lambda API Reference, Invoke", "DryRun of a function that does not exist is refused")
def test_dry_run_of_nothing(aws: Subject) -> None:
    with refused("ResourceNotFoundException", status=404):
        aws.call(name="nobody", InvocationType="DryRun")


@promise(
    "Lambda Developer Guide, Understanding Lambda function scaling",
    "calls at the same time run in environments of their own, one call in each",
)
def test_parallel(aws: Subject) -> None:
    aws.function(SLEEP)
    together = aws.call_together([0.4] * 3)
    assert len({answer.payload for answer in together}) == 3
    assert aws.call(0).payload in {answer.payload for answer in together}
