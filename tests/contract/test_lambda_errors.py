"""What Lambda answers for a function that fails: bodies, types and stack traces as AWS writes them."""

from __future__ import annotations

import time

import pytest

from tests.contract.subjects import RETURN_THE_EVENT, Subject, promise

pytestmark = pytest.mark.usefixtures("each_worker")

ERRORS = "Lambda Developer Guide, Lambda function errors in Python"
LIFECYCLE = "Lambda Developer Guide, Understanding the Lambda execution environment lifecycle"
TROUBLE = "Lambda Developer Guide, Troubleshoot invocation issues in Lambda"


@promise(ERRORS, "an exception is answered 200 with FunctionError, its message, type, request id and stack trace")
def test_exception(aws: Subject) -> None:
    aws.function("def handler(event, context):\n    return 1 / event\n")
    answer = aws.call(0)
    assert (answer.status, answer.error) == (200, "Unhandled")
    assert answer.payload == {
        "errorMessage": "division by zero",
        "errorType": "ZeroDivisionError",
        "requestId": answer.request_id,
        "stackTrace": ['  File "/var/task/app.py", line 2, in handler\n    return 1 / event\n'],
    }
    assert aws.call(2).payload == 0.5


@promise(ERRORS, "the type of an exception of one's own is the name of its class")
def test_own_exception(aws: Subject) -> None:
    aws.function("class OvenCold(Exception): pass\ndef handler(event, context): raise OvenCold('wait')")
    body = aws.call().payload
    assert (body["errorType"], body["errorMessage"]) == ("OvenCold", "wait")


@promise(ERRORS, "a module that cannot be imported is Runtime.ImportModuleError")
def test_import_error(aws: Subject) -> None:
    aws.function("import no_such_library\n" + RETURN_THE_EVENT)
    answer = aws.call()
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "Runtime.ImportModuleError"
    assert answer.payload["errorMessage"] == "Unable to import module 'app': No module named 'no_such_library'"
    assert answer.payload["stackTrace"] == []


@promise(ERRORS, "a handler file that is not in the package is Runtime.ImportModuleError")
def test_no_module(aws: Subject) -> None:
    aws.function(RETURN_THE_EVENT, Handler="lambda_function.lambda_handler")
    body = aws.call().payload
    assert body["errorType"] == "Runtime.ImportModuleError"
    assert body["errorMessage"] == "Unable to import module 'lambda_function': No module named 'lambda_function'"


@promise(ERRORS, "a syntax error is Runtime.UserCodeSyntaxError with file and line")
def test_syntax_error(aws: Subject) -> None:
    aws.function("def handler(event, context):\n    return (\n")
    body = aws.call().payload
    assert body["errorType"] == "Runtime.UserCodeSyntaxError"
    assert body["errorMessage"].startswith("Syntax error in module 'app': ")
    assert body["stackTrace"][0].startswith('  File "/var/task/app.py" Line 2')


@promise(ERRORS, "a handler that the module lacks is Runtime.HandlerNotFound")
def test_no_handler(aws: Subject) -> None:
    aws.function(RETURN_THE_EVENT, Handler="app.handel")
    body = aws.call().payload
    assert body["errorType"] == "Runtime.HandlerNotFound"
    assert body["errorMessage"] == "Handler 'handel' missing on module 'app'"


@promise(ERRORS, "a handler's name without a dot is Runtime.MalformedHandlerName")
def test_malformed_handler(aws: Subject) -> None:
    aws.function(RETURN_THE_EVENT, Handler="handler")
    body = aws.call().payload
    assert body["errorType"] == "Runtime.MalformedHandlerName"
    assert body["errorMessage"].startswith("Bad handler 'handler': ")


@promise(ERRORS, "a result that JSON cannot hold is Runtime.MarshalError")
def test_not_serialisable(aws: Subject) -> None:
    aws.function("def handler(event, context): return {1, 2}")
    answer = aws.call()
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "Runtime.MarshalError"
    assert answer.payload["errorMessage"] == "Unable to marshal response: Object of type set is not JSON serializable"


@promise(TROUBLE, "a handler that exits is Runtime.ExitError with the exit status")
@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("sys.exit()", "Runtime exited without providing a reason"),
        ("sys.exit(3)", "Runtime exited with error: exit status 3"),
        ("os._exit(1)", "Runtime exited with error: exit status 1"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
def test_exit(aws: Subject, how: str, why: str) -> None:
    aws.function(f"import os, sys\ndef handler(event, context):\n    {how}\n")
    answer = aws.call()
    assert answer.error == "Unhandled"
    assert answer.payload == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {answer.request_id} Error: {why}",
    }


@promise(LIFECYCLE, "after a crash the next call runs in a newly initialised runtime")
def test_after_a_crash(aws: Subject) -> None:
    aws.function(
        """
        import os
        calls = []
        def handler(event, context):
            calls.append(event)
            if event == "crash":
                os._exit(1)
            return len(calls)
        """
    )
    assert [aws.call("a").payload, aws.call("b").payload] == [1, 2]
    assert aws.call("crash").error == "Unhandled"
    assert aws.call("c").payload == 1


@promise(LIFECYCLE, "an exception outside of the handler fails each call, with its type and stack trace")
def test_init_exception(aws: Subject) -> None:
    aws.function("prices = {}\nprices['bread']\n" + RETURN_THE_EVENT)
    for _ in range(2):
        answer = aws.call(LogType="Tail")
        assert answer.error == "Unhandled"
        assert (answer.payload["errorType"], answer.payload["errorMessage"]) == ("KeyError", "'bread'")
        assert '  File "/var/task/app.py", line 2, in <module>\n' in "".join(answer.payload["stackTrace"])
    assert "Phase: invoke\tStatus: error" in answer.log


@promise(LIFECYCLE, "exiting outside of the handler is Runtime.ExitError")
def test_init_exit(aws: Subject) -> None:
    aws.function("import sys\nsys.exit(2)\n" + RETURN_THE_EVENT)
    body = aws.call().payload
    assert body["errorType"] == "Runtime.ExitError"
    assert body["errorMessage"].endswith("Error: Runtime exited with error: exit status 2")


@promise(
    "Lambda Developer Guide, Configure Lambda function timeout",
    "a function is ended at its timeout: Sandbox.Timedout, and the next call runs in a new environment",
)
def test_timeout(aws: Subject) -> None:
    aws.function(
        """
        import time
        calls = []
        def handler(event, context):
            calls.append(event)
            time.sleep(event)
            return len(calls)
        """,
        Timeout=1,
    )
    assert aws.call(0).payload == 1
    began = time.monotonic()
    answer = aws.call(30, LogType="Tail")
    assert 1 <= time.monotonic() - began < 25
    assert answer.error == "Unhandled"
    assert answer.payload == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {answer.request_id} Error: Task timed out after 1.00 seconds",
    }
    assert f"{answer.request_id} Task timed out after 1.00 seconds" in answer.log
    assert "Duration: 1000.00 ms\tBilled Duration: 1000 ms" in answer.log
    assert "Status: timeout" in answer.log
    assert aws.call(0).payload == 1


@promise(
    "Lambda Developer Guide, Configure Lambda function memory",
    "a function that needs more than its memory is killed: Runtime.OutOfMemory in its REPORT line",
)
def test_out_of_memory(aws: Subject) -> None:
    client = aws.function("def handler(event, context): return len(bytearray(event) + b'')", MemorySize=128, Timeout=10)
    much = 150 * 1024 * 1024
    answer = aws.call(much, LogType="Tail")
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "Runtime.ExitError"
    assert answer.payload["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert "Memory Size: 128 MB\tMax Memory Used: 128 MB\t" in answer.log
    assert "Status: error\tError Type: Runtime.OutOfMemory" in answer.log
    client.update_function_configuration(FunctionName="f", MemorySize=512)
    assert aws.call(much).payload == much
