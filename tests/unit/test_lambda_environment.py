"""Execution environments: what a Python function sees, and what becomes of it whatever it does; with both clients."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from helpers.dataplane.awslambda import environment as module
from tests.unit.lambda_functions import Functions, eventually, invoke, own_lines, result, texts

ECHO = "def handler(event, context): return event"


@pytest.fixture(params=["awslambdaric", "bootstrap"])
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "awslambdaric":
        pytest.importorskip("runtime_client", reason="awslambdaric has no wheels here")
    monkeypatch.setenv("COURSE_PYTHON_RUNTIME", request.param)
    return str(request.param)


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[Functions]:
    it = Functions(tmp_path)
    yield it
    it.stop()


@pytest.fixture
def both(functions: Functions, client: str) -> Functions:
    """Functions that run with each of the two clients."""
    return functions


def test_cold_then_warm(both: Functions) -> None:
    environment = both.environment(
        "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return [event, count]"
    )
    cold, warm = invoke(environment, {"é": 1.5}), invoke(environment, None, "s")
    assert result(cold) == [{"é": 1.5}, 1]
    assert result(warm) == [None, 2]
    assert cold.init_ms is not None
    assert warm.init_ms is None
    assert cold.billed_ms >= cold.init_ms > 0
    assert texts(cold)[0].startswith("INIT_START Runtime Version: python:3.13.v")
    assert texts(cold)[1:-1] == ["START RequestId: r Version: $LATEST\n", "END RequestId: r\n"]
    assert texts(warm)[:-1] == ["START RequestId: s Version: $LATEST\n", "END RequestId: s\n"]
    assert texts(cold)[-1].startswith("REPORT RequestId: r\tDuration: ")
    assert f"\tInit Duration: {cold.init_ms:.2f} ms\t\n" in texts(cold)[-1]
    assert 5 < warm.max_memory_mb < 40


def test_initialised_before_the_first_event(both: Functions) -> None:
    environment = both.environment(
        "import time\nprint('up')\nup = time.time()\ndef handler(event, context): return event, up"
    )
    assert environment.initialise()
    ready = time.time()
    first, second = invoke(environment, 1), invoke(environment, 2, "s")
    event, up = result(first)
    assert (event, first.init_ms) == (1, None)
    assert up < ready
    assert texts(first)[0].startswith("INIT_START")
    assert texts(first)[1:3] == ["up\n", "START RequestId: r Version: $LATEST\n"]
    assert "Init Duration" not in texts(first)[-1]
    assert texts(second)[0] == "START RequestId: s Version: $LATEST\n"


def test_what_cannot_be_initialised_says_so(both: Functions) -> None:
    assert not both.environment("raise ValueError").initialise()


def test_stopped_while_it_is_initialised(functions: Functions) -> None:
    environment = functions.environment("import time\ntime.sleep(60)\ndef handler(event, context): return 1")
    with ThreadPoolExecutor(1) as pool:
        ready = pool.submit(environment.initialise)
        assert eventually(ready.running)
        environment.stop()
        assert not ready.result(timeout=10)


def test_prints_and_logging_in_order(both: Functions) -> None:
    outcome = both.run("""
        import logging, sys
        print("import")
        def handler(event, context):
            print("one\\ntwo")
            logging.warning("three\\nfour")
            print("five", file=sys.stderr)
            logging.getLogger().setLevel("INFO")
            logging.info("six")
            print("seven", end="")
    """)
    assert texts(outcome)[1] == "import\n"
    lines = own_lines(outcome)
    assert [line.split("\t")[-1] for line in lines] == ["one\n", "two\n", "three\nfour\n", "five\n", "six\n", "seven"]
    assert lines[2].startswith("[WARNING]\t20")
    assert lines[2].split("\t")[2] == "r"
    times = [line.time_ms for line in outcome.log]
    assert times == sorted(times)


def test_an_exception(both: Functions) -> None:
    environment = both.environment("def handler(event, context):\n    return 1 / event['n']")
    outcome = invoke(environment, {"n": 0})
    assert json.loads(outcome.payload) == {
        "errorMessage": "division by zero",
        "errorType": "ZeroDivisionError",
        "requestId": "r",
        "stackTrace": ["  File \"/var/task/app.py\", line 2, in handler\n    return 1 / event['n']\n"],
    }
    assert (outcome.function_error, outcome.status, outcome.error_type) == ("Unhandled", "error", "ZeroDivisionError")
    assert own_lines(outcome) == [
        "[ERROR] ZeroDivisionError: division by zero\nTraceback (most recent call last):\n"
        "  File \"/var/task/app.py\", line 2, in handler\n    return 1 / event['n']"
    ]
    assert "Status:" not in texts(outcome)[-1]
    assert result(invoke(environment, {"n": 2})) == 0.5


@pytest.mark.parametrize(
    ("code", "error_type", "message", "trace"),
    [
        ("import nope", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'nope'", []),
        (
            "def handler(:",
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'app': invalid syntax (app.py, line 1)",
            ['  File "/var/task/app.py" Line 1\n    def handler(:'],
        ),
        ("x = 1", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'", []),
    ],
)
def test_a_function_that_cannot_start(
    both: Functions, code: str, error_type: str, message: str, trace: list[str]
) -> None:
    outcome = both.run(code)
    body = json.loads(outcome.payload)
    assert body | {"stackTrace": [line.rstrip() for line in body["stackTrace"]]} == {
        "errorMessage": message,
        "errorType": error_type,
        "requestId": "",
        "stackTrace": trace,
    }
    assert (outcome.error_type, outcome.init_ms) == (error_type, None)
    shape = [line.split("\t")[0].split(": ")[0] for line in texts(outcome)]
    init = ["[WARNING]", f"[ERROR] {error_type}", "INIT_REPORT Init Duration"]
    assert shape == ["INIT_START Runtime Version", *init, *init, "START RequestId", "END RequestId", "REPORT RequestId"]
    phases = [line.partition("Phase: ")[2] for line in texts(outcome) if line.startswith("INIT_REPORT")]
    assert phases == [f"{phase}\tStatus: error\tError Type: {error_type}\n" for phase in ("init", "invoke")]
    assert texts(outcome)[-1].endswith(f"\tStatus: error\tError Type: {error_type}\n")


def test_an_exception_at_import(both: Functions) -> None:
    outcome = both.run("raise ValueError('boom')")
    body = json.loads(outcome.payload)
    assert (body["errorType"], body["errorMessage"], outcome.error_type) == ("ValueError", "boom", "ValueError")
    assert body["stackTrace"][0].startswith('  File "/var/lang/lib/python3.13/importlib/__init__.py"')
    assert body["stackTrace"][-1] == "  File \"/var/task/app.py\", line 1, in <module>\n    raise ValueError('boom')\n"
    assert texts(outcome)[-1].endswith("\tStatus: error\tError Type: Runtime.Unknown\n")


def test_a_bad_handler_name(both: Functions) -> None:
    body = json.loads(both.run(ECHO, handler="app").payload)
    message = "Bad handler 'app': not enough values to unpack (expected 2, got 1)"
    assert (body["errorType"], body["errorMessage"]) == ("Runtime.MalformedHandlerName", message)


def test_a_result_that_is_not_json(both: Functions) -> None:
    outcome = both.run("def handler(event, context): return {1}")
    message = "Unable to marshal response: Object of type set is not JSON serializable"
    assert json.loads(outcome.payload) == {
        "errorMessage": message,
        "errorType": "Runtime.MarshalError",
        "requestId": "r",
        "stackTrace": [],
    }


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os; os._exit(3)", "Runtime exited with error: exit status 3"),
        ("import sys; sys.exit()", "Runtime exited without providing a reason"),
        ("exit(1)", "Runtime exited with error: exit status 1"),
        ("import os; os.kill(os.getpid(), 11)", "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_an_end_of_the_process(both: Functions, code: str, message: str) -> None:
    environment = both.environment(f"def handler(event, context):\n    print('last words')\n    {code}")
    outcome = invoke(environment)
    assert (
        outcome.payload
        == f'{{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r Error: {message}"}}'.encode()
    )
    assert own_lines(outcome) == ["last words\n", f"RequestId: r Error: {message}\nRuntime.ExitError\n"]
    assert texts(outcome)[-1].endswith("\tStatus: error\tError Type: Runtime.ExitError\n")
    assert (environment.usable, outcome.error_type) == (False, "Runtime.ExitError")


def test_an_answer_before_the_end_of_the_process_counts(functions: Functions) -> None:
    environment = functions.environment("""
        import os, threading, time
        def handler(event, context):
            threading.Timer(5, os._exit, [1]).start()
            return "answer"
    """)
    assert result(invoke(environment)) == "answer"
    assert environment.usable


def test_a_timeout(functions: Functions) -> None:
    environment = functions.environment("import time\ndef handler(event, context): time.sleep(60)", timeout_s=0.3)
    began = time.monotonic()
    outcome = invoke(environment)
    assert 0.3 <= time.monotonic() - began < 30
    assert outcome.payload == (
        b'{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: r Error: Task timed out after 0.30 seconds"}'
    )
    assert (outcome.status, outcome.error_type, outcome.duration_ms) == ("timeout", "Sandbox.Timedout", 300)
    assert own_lines(outcome)[0].endswith("Z r Task timed out after 0.30 seconds\n\n")
    assert texts(outcome)[-1].endswith("\tStatus: timeout\n")
    assert not environment.usable
    assert invoke(environment).error_type == "Runtime.ExitError"


def test_init_that_takes_too_long_is_run_again(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INIT_LIMIT_S", 0.3)
    outcome = functions.run("import time\ntime.sleep(0.5)\n" + ECHO, "event", timeout_s=30.0)
    assert result(outcome) == "event"
    assert outcome.init_ms is None
    assert outcome.duration_ms > 500
    assert texts(outcome)[1].endswith("Phase: init\tStatus: timeout\n")


def test_init_that_takes_longer_than_the_timeout(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INIT_LIMIT_S", 0.3)
    outcome = functions.run("import time\ntime.sleep(60)\n" + ECHO, timeout_s=0.2)
    assert outcome.status == "timeout"
    phases = [line.partition("Phase: ")[2] for line in texts(outcome) if line.startswith("INIT_REPORT")]
    assert phases == ["init\tStatus: timeout\n", "invoke\tStatus: timeout\n"]


@pytest.mark.parametrize(
    "code",
    [
        "x = bytearray(200 * 2**20)",
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'x = bytearray(200 * 2**20); input()'])",
    ],
)
def test_too_much_memory(functions: Functions, code: str) -> None:
    environment = functions.environment(f"def handler(event, context):\n    {code}")
    outcome = invoke(environment)
    message = "RequestId: r Error: Runtime exited with error: signal: killed"
    assert outcome.payload == f'{{"errorType":"Runtime.ExitError","errorMessage":"{message}"}}'.encode()
    assert (outcome.error_type, outcome.max_memory_mb) == ("Runtime.OutOfMemory", 128)
    assert texts(outcome)[-1].endswith("\tStatus: error\tError Type: Runtime.OutOfMemory\n")
    assert not environment.usable


def test_boto3_fits_into_the_smallest_function(functions: Functions) -> None:
    outcome = functions.run(
        "import boto3\nboto3.client('dynamodb')\ndef handler(event, context): return len(bytearray(30 * 2**20))",
        system={"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"},
    )
    assert result(outcome) == 30 * 2**20
    assert 30 < outcome.max_memory_mb < 128


def test_a_response_that_is_too_large(both: Functions) -> None:
    outcome = both.run("def handler(event, context): return 'x' * 6291557", memory_mb=512)
    assert json.loads(outcome.payload)["errorType"] == outcome.error_type == "Function.ResponseSizeTooLarge"
    assert "Http response code: 413." in own_lines(outcome)[0]


def test_the_largest_response(both: Functions) -> None:
    assert len(both.run("def handler(event, context): return 'x' * 6291554", memory_mb=512).payload) == 6_291_556


def test_what_a_function_sees(both: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/secret")
    monkeypatch.setenv("PYTHONPATH", "/secret")
    environment = both.environment(
        "import os\ndef handler(event, context):\n"
        "    return dict(os.environ), [context.aws_request_id, context.invoked_function_arn, context.function_name]",
        variables={"TABLE": "t", "LANG": "de_DE.UTF-8", "AWS_LAMBDA_FUNCTION_NAME": "forged"},
        runtime="python3.12",
    )
    outcome = invoke(environment, trace_header="Root=1-a;Parent=b;Sampled=1", client_context='{"custom": {"a": "1"}}')
    seen, context = result(outcome)
    assert "/secret" not in str(seen)
    expected = {
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12", "AWS_LAMBDA_FUNCTION_NAME": "f", "TABLE": "t", "TZ": ":UTC",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "LANG": "de_DE.UTF-8",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_STREAM_NAME": environment.log_stream,
        "LAMBDA_TASK_ROOT": "/var/task", "LAMBDA_RUNTIME_DIR": "/var/runtime", "_HANDLER": "app.handler",
        "AWS_REGION": "eu-west-1", "_X_AMZN_TRACE_ID": "Root=1-a;Parent=b;Sampled=1", "TMPDIR": "/tmp",
    }  # fmt: skip
    assert {name: seen.get(name) for name in expected} == expected
    assert context == ["r", "arn:f", "f"]
    assert texts(outcome)[-1].endswith("XRAY TraceId: 1-a\tSegmentId: b\tSampled: true\t\n")


def test_context_of_a_client_and_the_time_left(both: Functions) -> None:
    environment = both.environment(
        "def handler(event, context): return context.client_context.custom, context.get_remaining_time_in_millis()",
        timeout_s=900.0,
    )
    custom, left = result(invoke(environment, client_context='{"custom": {"a": "1"}}'))
    assert custom == {"a": "1"}
    assert 890_000 < left <= 900_000


def test_only_boto3_and_the_standard_library_are_there(functions: Functions) -> None:
    code = "import boto3\nimport moto\n" + ECHO
    assert "No module named 'moto'" in functions.run(code).payload.decode()
