"""What Lambda writes: log lines, log streams, the tail of the log, metrics."""

from __future__ import annotations

import math
import re

from tests.contract.subjects import SLEEP, Subject, promise

LOGS = "Lambda Developer Guide, Viewing CloudWatch logs for Lambda functions"
PYTHON = "Lambda Developer Guide, Log and monitor Python Lambda functions"
METRICS = "Lambda Developer Guide, Types of metrics for Lambda functions"
INIT = "Lambda Developer Guide, Understanding the Lambda execution environment lifecycle"
PRINTING = "def handler(event, context):\n    print('selling', event)\n"


@promise(
    "Lambda API Reference, Invoke", "LogType=Tail returns the log of this call: START, what was printed, END, REPORT"
)
def test_tail(aws: Subject) -> None:
    aws.function(PRINTING)
    aws.call("bread")
    answer = aws.call("cake", LogType="Tail")
    start, printed, end, report = answer.log.splitlines()
    assert start == f"START RequestId: {answer.request_id} Version: $LATEST"
    assert printed == "selling cake"
    assert end == f"END RequestId: {answer.request_id}"
    assert re.fullmatch(
        rf"REPORT RequestId: {answer.request_id}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\t"
        r"Memory Size: 128 MB\tMax Memory Used: \d+ MB\t",
        report,
    )


@promise("Lambda API Reference, Invoke", "without LogType=Tail there is no log in the answer")
def test_no_tail(aws: Subject) -> None:
    client = aws.function(PRINTING)
    assert "LogResult" not in client.invoke(FunctionName="f", Payload="1")
    assert "selling 2" in aws.call(2, LogType="Tail").log


@promise("Lambda API Reference, Invoke", "the tail is the last 4 KB of the log")
def test_tail_is_short(aws: Subject) -> None:
    aws.function("def handler(event, context):\n    for n in range(2000): print('line', n)")
    log = aws.call(LogType="Tail").log
    assert len(log.encode()) == 4096
    assert "line 1999\n" in log and log.splitlines()[-1].startswith("REPORT")


@promise(INIT, "a cold start's log begins with INIT_START and its REPORT has an Init Duration; a warm one has neither")
def test_cold_and_warm(aws: Subject) -> None:
    aws.function("import time\ntime.sleep(0.2)\n" + PRINTING)
    cold, warm = aws.call(1, LogType="Tail").log, aws.call(1, LogType="Tail").log
    assert re.match(r"INIT_START Runtime Version: python:3\.13\.\S+\tRuntime Version ARN: arn:aws:lambda:", cold)
    found = re.search(r"Init Duration: (\d+\.\d\d) ms", cold)
    assert found and 200 <= float(found[1]) < 10_000
    assert "INIT_START" not in warm and "Init Duration" not in warm


@promise(
    "AWS Compute Blog, AWS Lambda standardizes billing for INIT phase",
    "the billed duration is Duration and Init Duration, rounded up to whole milliseconds",
)
def test_billed_duration(aws: Subject) -> None:
    aws.function(PRINTING)
    log = aws.call(1, LogType="Tail").log
    numbers = dict(re.findall(r"(?:^|\t| )((?:Init |Billed )?Duration): ([\d.]+) ms", log))
    parts = float(numbers["Duration"]) + float(numbers["Init Duration"])
    assert int(numbers["Billed Duration"]) == math.ceil(round(parts, 2))


@promise(LOGS, "the log group /aws/lambda/NAME gets the lines of each call, in a stream for each environment")
def test_log_group(aws: Subject) -> None:
    aws.function("import time\ndef handler(event, context):\n    time.sleep(event)\n    print('sold')\n")
    answers = aws.call_together([1.5, 1.5])
    streams = aws.client("logs").describe_log_streams(logGroupName="/aws/lambda/f")["logStreams"]
    names = [stream["logStreamName"] for stream in streams]
    assert len(names) == 2
    assert all(re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", name) for name in names)
    logged = aws.logged()
    assert logged.count("sold\n") == 2
    for answer in answers:
        assert f"START RequestId: {answer.request_id} Version: $LATEST\n" in logged
        assert f"END RequestId: {answer.request_id}\n" in logged


@promise(LOGS, "the lines of one environment stand in the order in which they were written")
def test_order(aws: Subject) -> None:
    aws.function(
        """
        import sys
        def handler(event, context):
            for number in range(50):
                print(number, file=(sys.stdout, sys.stderr)[number % 2])
        """
    )
    aws.call()
    stream = aws.client("logs").describe_log_streams(logGroupName="/aws/lambda/f")["logStreams"][0]["logStreamName"]
    events = aws.client("logs").get_log_events(logGroupName="/aws/lambda/f", logStreamName=stream, startFromHead=True)[
        "events"
    ]
    lines = [event["message"].rstrip("\n") for event in events]
    assert [line for line in lines if line.isdecimal()] == [str(number) for number in range(50)]
    assert [line.split()[0] for line in lines if not line.isdecimal()] == ["INIT_START", "START", "END", "REPORT"]


@promise(PYTHON, "what goes through logging has its level, time and request id, from WARNING up")
def test_logging(aws: Subject) -> None:
    aws.function(
        """
        import logging
        def handler(event, context):
            logging.getLogger().info("too quiet")
            logging.getLogger("till").warning("no change")
        """
    )
    answer = aws.call(LogType="Tail")
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.search(rf"(?m)^\[WARNING\]\t{time}\t{answer.request_id}\tno change$", answer.log)
    assert "too quiet" not in answer.log


@promise(PYTHON, "an exception that the handler does not catch is logged with its stack trace, as one event")
def test_exception_is_logged(aws: Subject) -> None:
    aws.function("def handler(event, context):\n    return 1 / 0\n")
    aws.call()
    (event,) = (
        message for message in aws.logged() if message.startswith("[ERROR] ZeroDivisionError: division by zero")
    )
    assert 'File "/var/task/app.py", line 2, in handler' in event


@promise(INIT, "an Init that fails is reported by INIT_REPORT with its error type")
def test_init_report(aws: Subject) -> None:
    aws.function("import no_such_library")
    log = aws.call(LogType="Tail").log
    assert re.search(
        r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init\tStatus: error\tError Type: Runtime\.ImportModuleError",
        log,
    )


@promise(METRICS, "CloudWatch has the Invocations, Errors and Duration of a function")
def test_metrics(aws: Subject) -> None:
    aws.function("import time\ndef handler(event, context):\n    time.sleep(0.1)\n    return 1 / event\n")
    for event in (1, 1, 0):
        aws.call(event)
    assert [aws.metric("Invocations"), aws.metric("Errors")] == [3, 1]
    assert 300 <= aws.metric("Duration") < 9000


@promise(METRICS, "ConcurrentExecutions has the most calls that ran at once")
def test_concurrency_metric(aws: Subject) -> None:
    aws.function(SLEEP)
    aws.call_together([1.5] * 3)
    assert aws.metric("ConcurrentExecutions", "Maximum") == 3
