"""Step Functions, express workflows: waited for or not, where results go, what they may not do, what they cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from helpers import cloud
from tests.contract.subjects import THIS_COURSE, Subject, promise, refused
from tests.contract.workflows import API, DONE, ECHO, FUNCTION, GUIDE, INVOKE, TASK, Machine, chain

TYPES = GUIDE + "Choosing workflow type"
LOGGING = GUIDE + "Using CloudWatch Logs to log execution history"
GROUP = "/aws/vendedlogs/states/quick"
FAIL = chain({"Type": "Fail", "Error": "Empty", "Cause": "no tea"})
PASS = chain({"Type": "Pass", "Result": {"sum": 3}, "End": True})
fast = pytest.mark.cloud(speed=100)


class Quick(Machine):
    """Express machines."""

    def create(self, definition: Any, **settings: Any) -> str:
        return super().create(definition, **{"type": "EXPRESS", **settings})

    def sync(self, definition: Any, given: Any = None, **settings: Any) -> dict[str, Any]:
        machine = definition if str(definition).startswith("arn:") else self.create(definition)
        answer: dict[str, Any] = self.client.start_sync_execution(
            stateMachineArn=machine, input=json.dumps(given), **settings
        )
        return answer

    def logging(self, level: str, data: bool = False) -> dict[str, Any]:
        """Return a loggingConfiguration whose log group is there."""
        logs = self.aws.client("logs")
        if not logs.describe_log_groups()["logGroups"]:
            logs.create_log_group(logGroupName=GROUP)
        arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}:*"
        return {
            "level": level,
            "includeExecutionData": data,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}],
        }

    def logged(self) -> list[dict[str, Any]]:
        events = self.aws.client("logs").filter_log_events(logGroupName=GROUP)["events"]
        return [json.loads(event["message"]) for event in events]

    def ended(self, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many executions have logged their end; return all that was logged."""

        def look() -> Any:
            lines = self.logged()
            ends = [line for line in lines if line["type"] in ("ExecutionSucceeded", "ExecutionFailed")]
            return len(ends) >= count and lines

        lines: list[dict[str, Any]] = self.aws.wait(look, 10)
        return lines


@pytest.fixture
def quick(aws: Subject) -> Quick:
    """Express machines in an empty account."""
    return Quick(aws)


@promise(API + "StartSyncExecution", "it waits, and answers with status, output and what is billed")
def test_sync(quick: Quick) -> None:
    quick.aws.function(ECHO)
    done = quick.sync(chain({**TASK, "Resource": INVOKE, "Parameters": {"FunctionName": "f", "Payload.$": "$"}}), 7)
    assert (done["status"], json.loads(done["output"])["Payload"]) == ("SUCCEEDED", {"got": 7})
    assert done["executionArn"].startswith("arn:aws:states:us-east-1:123456789012:express:m1:" + done["name"])
    assert done["billingDetails"]["billedMemoryUsedInMB"] == 64
    billed = done["billingDetails"]["billedDurationInMilliseconds"]
    taken = (done["stopDate"] - done["startDate"]).total_seconds() * 1000
    assert billed % 100 == 0
    assert taken <= billed <= taken + 100


@promise(API + "StartSyncExecution", "an execution that fails is answered with 200, its error and its cause")
def test_sync_fails(quick: Quick) -> None:
    done = quick.sync(FAIL)
    assert (done["status"], done["error"], done["cause"]) == ("FAILED", "Empty", "no tea")
    assert (done["ResponseMetadata"]["HTTPStatusCode"], "output" in done) == (200, False)


@fast
@promise(TYPES, "an express execution lasts five minutes at most, then it is TIMED_OUT")
def test_five_minutes(quick: Quick) -> None:
    done = quick.sync(chain({"Type": "Wait", "Seconds": 40_000, "End": True}, TimeoutSeconds=50_000))
    assert (done["status"], done["ResponseMetadata"]["HTTPStatusCode"]) == ("TIMED_OUT", 200)
    assert 300 <= (done["stopDate"] - done["startDate"]).total_seconds() < 3000


@promise("AWS Step Functions Pricing", "memory is billed in chunks of 64 MB: 50 MB, definition, payload for each step")
def test_memory(quick: Quick) -> None:
    state = {"Type": "Map", "ItemProcessor": PASS, "ItemsPath": "$.items", "End": True}
    done = quick.sync(chain(state), {"items": list(range(100)), "text": "x" * 160_000})
    assert (done["status"], done["billingDetails"]["billedMemoryUsedInMB"]) == ("SUCCEEDED", 128)


@promise(API + "StartSyncExecution", "a standard machine has no synchronous executions")
def test_sync_of_standard(quick: Quick) -> None:
    with refused("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine"):
        quick.sync(quick.create(PASS, type="STANDARD"))


@promise(TYPES, "an asynchronous execution starts at once, and its name may be used again")
def test_names(quick: Quick) -> None:
    arn = quick.create(chain({"Type": "Wait", "Seconds": 60, "End": True}))
    first, second = (quick.client.start_execution(stateMachineArn=arn, name="again") for _ in range(2))
    assert ":express:" in first["executionArn"]
    assert first["executionArn"] != second["executionArn"]


@promise(API + "DescribeExecution", "an express execution cannot be described, listed or stopped, and has no history")
def test_no_history(quick: Quick) -> None:
    arn = quick.create(PASS)
    execution = quick.client.start_execution(stateMachineArn=arn)["executionArn"]
    for ask in ("describe_execution", "get_execution_history", "stop_execution"):
        with refused("InvalidArn", "Resource type not valid in this context: express"):
            getattr(quick.client, ask)(executionArn=execution)
    with refused("StateMachineTypeNotSupported"):
        quick.client.list_executions(stateMachineArn=arn)


@promise(LOGGING, "level ALL logs every event; inputs and outputs only with includeExecutionData")
def test_log(quick: Quick) -> None:
    arn = quick.create(PASS, loggingConfiguration=quick.logging("ALL", data=True))
    execution = quick.client.start_execution(stateMachineArn=arn, input='{"id": 7}')["executionArn"]
    lines = quick.ended()
    kinds = ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
    assert [line["type"] for line in lines] == kinds
    assert [(line["id"], line["previous_event_id"]) for line in lines] == [
        ("1", "0"),
        ("2", "0"),
        ("3", "2"),
        ("4", "3"),
    ]
    assert {line["execution_arn"] for line in lines} == {execution}
    assert json.loads(lines[-1]["details"]["output"]) == {"sum": 3}
    assert len(lines[0]["event_timestamp"]) == 13
    quick.client.update_state_machine(stateMachineArn=arn, loggingConfiguration=quick.logging("ALL"))
    quick.client.start_execution(stateMachineArn=arn)
    assert quick.ended(2)[-1]["details"] == {}


@promise(LOGGING, "FATAL logs only how executions fail, ERROR also failed tasks, OFF nothing")
def test_levels(quick: Quick) -> None:
    quick.aws.function("def handler(event, context): raise ValueError")
    for level in ("OFF", "FATAL", "ERROR"):
        assert quick.sync(quick.create(chain(TASK), loggingConfiguration=quick.logging(level)))["status"] == "FAILED"
    kinds: dict[str, list[str]] = {}
    for line in quick.ended(2):
        kinds.setdefault(line["execution_arn"].split(":")[6], []).append(line["type"])
    assert kinds == {"m2": ["ExecutionFailed"], "m3": ["LambdaFunctionFailed", "ExecutionFailed"]}


@promise(LOGGING, "a standard workflow logs too, when it is told to")
def test_standard_logs(quick: Quick) -> None:
    quick.client.start_execution(
        stateMachineArn=quick.create(PASS, type="STANDARD", loggingConfiguration=quick.logging("ALL"))
    )
    assert quick.ended()[0]["type"] == "ExecutionStarted"


@promise(API + "CreateStateMachine", "logging needs one log group")
def test_wrong_logging(quick: Quick) -> None:
    for wrong in ({"level": "ALL"}, {**quick.logging("ALL"), "destinations": []}):
        with refused("InvalidLoggingConfiguration", "Must specify exactly one Log Destination"):
            quick.create(PASS, loggingConfiguration=wrong)
    quick.aws.client("logs").delete_log_group(logGroupName=GROUP)
    wrong = quick.logging("ALL")
    quick.aws.client("logs").delete_log_group(logGroupName=GROUP)
    with refused("InvalidLoggingConfiguration"):
        quick.create(PASS, loggingConfiguration=wrong)


@pytest.mark.cloud(enforce_iam=True)
@promise(LOGGING, "logging needs a role that may set up the delivery of logs")
def test_logging_role(quick: Quick) -> None:
    with refused("AccessDeniedException", "not authorized to access the Log Destination"):
        quick.create(PASS, loggingConfiguration=quick.logging("ALL"))


@promise(TYPES, "an express workflow may not wait for jobs, tokens or activities")
def test_no_waiting(quick: Quick) -> None:
    for resource, words in (
        ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", "does not support '.waitForTaskToken' service"),
        ("arn:aws:states:::states:startExecution.sync:2", "does not support '.sync' service integration"),
        ("arn:aws:states:us-east-1:123456789012:activity:a", "does not support Activity ARN"),
    ):
        with refused("InvalidDefinition", f"SCHEMA_VALIDATION_FAILED: Express state machine {words}"):
            quick.create(chain({"Type": "Task", "Resource": resource, "End": True}))


@promise(GUIDE + "Start Step Functions workflows from a task state", "a standard workflow runs express ones inside")
def test_nested(quick: Quick) -> None:
    given = {"StateMachineArn": quick.create(PASS, loggingConfiguration=quick.logging("ALL")), "Input": {}}
    start = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution", "Parameters": given}
    wait = {
        **start,
        "Resource": "arn:aws:states:::aws-sdk:sfn:startSyncExecution",
        "ResultSelector": {"o.$": "$.Output"},
    }
    outer = Machine.create(quick, chain(start, wait, DONE), type="STANDARD")
    execution = quick.client.start_execution(stateMachineArn=outer)["executionArn"]
    found = quick.aws.wait(lambda: quick.client.describe_execution(executionArn=execution).get("output"), 10)
    assert json.loads(found) == {"o": '{"sum":3}'}
    quick.ended(2)


@promise(API + "StartSyncExecution", "a function calls it with plain boto3")
def test_from_a_function(quick: Quick) -> None:
    call = (
        "import boto3\ndef handler(event, context):\n"
        "    return boto3.client('stepfunctions').start_sync_execution(stateMachineArn=event)['output']\n"
    )
    quick.aws.function(call)
    assert quick.aws.call(quick.create(PASS)).payload == '{"sum":3}'


@pytest.mark.skipif(not THIS_COURSE, reason="how one reaches this cloud")
def test_from_another_process(quick: Quick) -> None:
    call = (
        "import boto3, sys\nclient = boto3.client('stepfunctions')\n"
        "print(client.start_sync_execution(stateMachineArn=sys.argv[1])['output'])"
    )
    environment = {**os.environ, **cloud.current().environment()}
    command = [sys.executable, "-c", call, quick.create(PASS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == '{"sum":3}\n', done.stderr


@pytest.mark.skipif(not THIS_COURSE, reason="AWS has no such call")
def test_an_execution_that_runs_twice(quick: Quick) -> None:
    quick.aws.function(ECHO)
    arn = quick.create(chain({**TASK, "Resource": FUNCTION}), loggingConfiguration=quick.logging("ALL"))
    cloud.current().duplicate_next_execution(arn)
    first, second = (quick.client.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(2))
    ends = [line["execution_arn"] for line in quick.ended(3) if line["type"] == "ExecutionSucceeded"]
    assert sorted(ends) == sorted([first, first, second])
    cloud.current().duplicate_next_execution(arn)
    quick.sync(arn)
    assert len([line for line in quick.logged() if line["type"] == "ExecutionSucceeded"]) == 4
