"""Step Functions: tasks that wait for an answer (task tokens, heartbeats) or for a child execution."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.contract.subjects import Subject, promise, refused
from tests.contract.workflows import API, DONE, ERRORS, FUNCTION, GUIDE, INVOKE, Machine, chain

PATTERNS = GUIDE + "Discover service integration patterns"
NESTED = GUIDE + "Start Step Functions workflows from a task state"
CHILD = "arn:aws:states:::states:startExecution"
fast = pytest.mark.cloud(speed=20)


class Waiting(Machine):
    """A machine whose first state sends a message with a token and waits for the answer."""

    def __init__(self, aws: Subject) -> None:
        super().__init__(aws)
        self.url, self.queue = aws.queue()

    def ask(self, *after: dict[str, Any], **settings: Any) -> str:
        """Start an execution that waits; the states after it are B, C and so on."""
        message = {"QueueUrl": self.url, "MessageBody": {"token.$": "$$.Task.Token"}}
        task = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": message}
        return self.start(chain({**task, **settings}, *(after or (DONE,))), {"order": 7})

    def token(self) -> str:
        """Return the token in the next message."""
        return str(json.loads(self.aws.message(self.url)["Body"])["token"])

    def ended(self, execution: str) -> dict[str, Any]:
        def look() -> Any:
            now = self.client.describe_execution(executionArn=execution)
            return now["status"] != "RUNNING" and now

        done: dict[str, Any] = self.aws.wait(look, 10)
        return done


@pytest.fixture
def waiting(aws: Subject) -> Waiting:
    """A machine that waits, and its queue."""
    return Waiting(aws)


@promise(PATTERNS, "a task waits until SendTaskSuccess names its token, whose output is the task's")
def test_success(waiting: Waiting) -> None:
    execution = waiting.ask()
    token = waiting.token()
    assert waiting.client.describe_execution(executionArn=execution)["status"] == "RUNNING"
    waiting.client.send_task_success(taskToken=token, output='{"paid": true}')
    done = waiting.ended(execution)
    assert json.loads(done["output"]) == {"paid": True}
    wanted = "TaskStateEntered TaskScheduled TaskStarted TaskSubmitted TaskSucceeded TaskStateExited"
    assert [event["type"] for event in waiting.events(done)][1:7] == wanted.split()


@promise(PATTERNS, "SendTaskFailure fails the task with the error and cause that it gives")
def test_failure(waiting: Waiting) -> None:
    catch = [{"ErrorEquals": ["Refused"], "ResultPath": "$.why", "Next": "B"}]
    execution = waiting.ask(Catch=catch)
    waiting.client.send_task_failure(taskToken=waiting.token(), error="Refused", cause="no money")
    found = json.loads(waiting.ended(execution)["output"])
    assert found == {"order": 7, "why": {"Error": "Refused", "Cause": "no money"}}


@promise(API + "SendTaskSuccess", "a token is good for one answer; then, and after the task's end, it is TaskTimedOut")
def test_answered_once(waiting: Waiting) -> None:
    execution = waiting.ask({"Type": "Wait", "Seconds": 30, "End": True})
    token = waiting.token()
    waiting.client.send_task_success(taskToken=token, output="1")
    for _ in range(2):
        with refused("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'"):
            waiting.client.send_task_success(taskToken=token, output="2")
        with refused("TaskTimedOut"):
            waiting.client.send_task_failure(taskToken=token)
        with refused("TaskTimedOut"):
            waiting.client.send_task_heartbeat(taskToken=token)
        waiting.client.stop_execution(executionArn=execution)


@promise(API + "SendTaskSuccess", "a token of nobody is InvalidToken, an output that is no JSON InvalidOutput")
def test_wrong_answers(waiting: Waiting) -> None:
    with refused("InvalidToken"):
        waiting.client.send_task_success(taskToken="mine", output="1")
    waiting.ask()
    with refused("InvalidOutput"):
        waiting.client.send_task_success(taskToken=waiting.token(), output="paid")


@fast
@promise(PATTERNS, "a task that nobody answers is States.Timeout after TimeoutSeconds, heartbeats or not")
def test_timeout(waiting: Waiting) -> None:
    execution = waiting.ask(TimeoutSeconds=60, HeartbeatSeconds=50)
    token = waiting.token()
    with refused("TaskTimedOut"):
        for _ in range(80):
            waiting.client.send_task_heartbeat(taskToken=token)
            time.sleep(0.1)
    done = waiting.ended(execution)
    assert (done["status"], done["error"]) == ("FAILED", "States.Timeout")
    assert "TaskTimedOut" in [event["type"] for event in waiting.events(done)]
    assert 60 <= (done["stopDate"] - done["startDate"]).total_seconds() < 110


@fast
@promise(ERRORS, "a missed heartbeat is States.Timeout, and Catch may name it States.HeartbeatTimeout")
def test_heartbeat(waiting: Waiting) -> None:
    names = ("States.TaskFailed", "States.HeartbeatTimeout")
    catch = [{"ErrorEquals": [name], "Next": place} for name, place in zip(names, "BC", strict=True)]
    execution = waiting.ask({"Type": "Fail"}, DONE, HeartbeatSeconds=80, Catch=catch, TimeoutSeconds=1000)
    token = waiting.token()
    for _ in range(4):
        time.sleep(1.25)
        waiting.client.send_task_heartbeat(taskToken=token)
    done = waiting.ended(execution)
    assert done["status"] == "SUCCEEDED", done
    assert 170 <= (done["stopDate"] - done["startDate"]).total_seconds() < 400
    timed_out = next(event for event in waiting.events(done) if event["type"] == "TaskTimedOut")
    assert timed_out["taskTimedOutEventDetails"]["error"] == "States.Timeout"


@fast
@promise(PATTERNS, "each attempt of a task has a token of its own")
def test_retry(waiting: Waiting) -> None:
    execution = waiting.ask(Retry=[{"ErrorEquals": ["Busy"]}])
    first = waiting.token()
    waiting.client.send_task_failure(taskToken=first, error="Busy")
    second = waiting.token()
    with refused("TaskTimedOut"):
        waiting.client.send_task_success(taskToken=first, output="1")
    waiting.client.send_task_success(taskToken=second, output="2")
    assert waiting.ended(execution)["output"] == "2"


@promise(API + "StopExecution", "an execution that waits for an answer can be stopped")
def test_stop(waiting: Waiting) -> None:
    execution = waiting.ask(HeartbeatSeconds=60)
    waiting.token()
    waiting.client.stop_execution(executionArn=execution)
    done = waiting.ended(execution)
    assert (done["status"], waiting.events(done)[-1]["type"]) == ("ABORTED", "ExecutionAborted")


@promise(
    GUIDE + "Parallel workflow state", "a branch that fails ends the state, also while another waits for an answer"
)
def test_parallel(waiting: Waiting) -> None:
    message = {"QueueUrl": waiting.url, "MessageBody": {"token.$": "$$.Task.Token"}}
    task = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": message}
    late = chain({"Type": "Wait", "Seconds": 1}, {"Type": "Fail", "Error": "Late"})
    catch = [{"ErrorEquals": ["Late"], "Next": "B"}]
    both = {"Type": "Parallel", "Branches": [chain(task, DONE), late], "Catch": catch}
    execution = waiting.start(chain(both, {"Type": "Wait", "Seconds": 3000, "End": True}))
    token = waiting.token()
    with refused("TaskTimedOut"):
        for _ in range(50):
            waiting.client.send_task_heartbeat(taskToken=token)
            time.sleep(0.1)
    waiting.client.stop_execution(executionArn=execution)


@promise(PATTERNS, "a function gets the token, and its own answer is not the task's; a crash of it ends the task")
def test_function(waiting: Waiting) -> None:
    answer = (
        "import boto3, json, os\n"
        "def handler(event, context):\n"
        "    if event['crash']: os._exit(3)\n"
        "    boto3.client('stepfunctions').send_task_success(taskToken=event['token'], output='\"answered\"')\n"
        "    return 'returned'\n"
    )
    waiting.aws.function(answer)
    given = {"FunctionName": FUNCTION, "Payload": {"token.$": "$$.Task.Token", "crash.$": "$"}}
    task = {"Type": "Task", "Resource": f"{INVOKE}.waitForTaskToken", "Parameters": given, "End": True}
    assert waiting.output(chain(task), False) == "answered"
    assert waiting.run(chain(task), True)["error"] == "Runtime.ExitError"


@promise(PATTERNS, "topics and event buses carry tokens too; an event names its state machine and execution")
def test_topics_and_buses(waiting: Waiting) -> None:
    aws = waiting.aws
    topic = aws.client("sns").create_topic(Name="t")["TopicArn"]
    raw = {"RawMessageDelivery": "true"}
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=waiting.queue, Attributes=raw)
    aws.client("events").put_rule(Name="r", EventPattern='{"source": ["shop"]}')
    aws.client("events").put_targets(Rule="r", Targets=[{"Id": "q", "Arn": waiting.queue}])
    entry = {"Source": "shop", "DetailType": "ask", "Detail": {"token.$": "$$.Task.Token"}}
    actions: dict[str, dict[str, Any]] = {
        "sns:publish": {"TopicArn": topic, "Message": {"token.$": "$$.Task.Token"}},
        "events:putEvents": {"Entries": [entry]},
    }
    for action, given in actions.items():
        resource = f"arn:aws:states:::{action}.waitForTaskToken"
        execution = waiting.start(chain({"Type": "Task", "Resource": resource, "Parameters": given, "End": True}))
        message = json.loads(aws.message(waiting.url)["Body"])
        if "resources" in message:
            assert message["resources"][1] == execution
        waiting.client.send_task_success(taskToken=message.get("detail", message)["token"], output="1")
        assert waiting.ended(execution)["output"] == "1"


@promise(GUIDE + "Integrating services with Step Functions", "putEvents sends an event without waiting")
def test_events(waiting: Waiting) -> None:
    aws = waiting.aws
    aws.client("events").put_rule(Name="r", EventPattern='{"detail": {"id": [7]}}')
    aws.client("events").put_targets(Rule="r", Targets=[{"Id": "q", "Arn": waiting.queue}])
    entry = {"Source": "shop", "DetailType": "sold", "Detail.$": "$"}
    task = {"Type": "Task", "Resource": "arn:aws:states:::events:putEvents", "Parameters": {"Entries": [entry]}}
    assert waiting.output(chain(task, DONE), {"id": 7})["FailedEntryCount"] == 0
    assert json.loads(aws.message(waiting.url)["Body"])["detail"] == {"id": 7}


def child(machine: Machine, pattern: str, inner: dict[str, Any]) -> dict[str, Any]:
    """Return a task that starts the machine ``inner`` with its own input."""
    given = {"StateMachineArn": machine.create(inner), "Input.$": "$"}
    return {"Type": "Task", "Resource": CHILD + pattern, "Parameters": given, "End": True}


@promise(NESTED, "startExecution starts a child, .sync waits and gives its output as text, .sync:2 as JSON")
def test_children(waiting: Waiting) -> None:
    inner = chain({"Type": "Pass", "Result": {"sum": 3}, "End": True})
    started = waiting.output(chain(child(waiting, "", inner)), {"id": 7})
    assert set(started) >= {"ExecutionArn", "StartDate"}
    assert waiting.ended(started["ExecutionArn"])["input"] == '{"id":7}'
    text = waiting.output(chain(child(waiting, ".sync", inner)), {"id": 7})
    assert (text["Status"], text["Output"], text["Input"]) == ("SUCCEEDED", '{"sum":3}', '{"id":7}')
    found = waiting.output(chain(child(waiting, ".sync:2", inner)), {"id": 7})
    assert (found["Output"], found["Input"]) == ({"sum": 3}, {"id": 7})


@promise(NESTED, "a child that fails fails the task that waits for it with States.TaskFailed")
def test_child_fails(waiting: Waiting) -> None:
    inner = chain({"Type": "Fail", "Error": "Empty", "Cause": "no tea"})
    done = waiting.run(chain(child(waiting, ".sync:2", inner)), {})
    assert (done["error"], json.loads(done["cause"])["Error"]) == ("States.TaskFailed", "Empty")


@promise(PATTERNS, "a child is stopped when the execution that waits for it is stopped")
def test_child_stopped(waiting: Waiting) -> None:
    inner = waiting.create(chain({"Type": "Wait", "Seconds": 60, "End": True}))
    given = {"StateMachineArn": inner, "Input": {}}
    parent = waiting.start(chain({"Type": "Task", "Resource": f"{CHILD}.sync", "Parameters": given, "End": True}))

    def children(status: str) -> Any:
        return waiting.client.list_executions(stateMachineArn=inner, statusFilter=status)["executions"]

    waiting.aws.wait(lambda: children("RUNNING"))
    waiting.aws.wait(lambda: waiting.events({"executionArn": parent})[-1]["type"] == "TaskSubmitted")
    waiting.client.stop_execution(executionArn=parent)
    waiting.aws.wait(lambda: children("ABORTED"))


@promise(GUIDE + "Integrating services with Step Functions", "aws-sdk calls any API of a service")
def test_aws_sdk(waiting: Waiting) -> None:
    given = {"QueueUrl": waiting.url, "AttributeNames": ["QueueArn"]}
    task = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sqs:getQueueAttributes", "Parameters": given}
    assert waiting.output(chain(task, DONE))["Attributes"] == {"QueueArn": waiting.queue}
