"""Step Functions, standard workflows: the states, their errors, the history, and what is refused."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.contract.subjects import THIS_COURSE, Subject, promise, refused
from tests.contract.workflows import DONE, ECHO, ERRORS, FUNCTION, GUIDE, INVOKE, TASK, Machine, chain

OUT_OF_STOCK = "class OutOfStock(Exception): pass\ndef handler(event, context): raise OutOfStock('none left')"
fast = pytest.mark.cloud(speed=20)


def jsonata(**fields: Any) -> dict[str, Any]:
    return chain({"Type": "Pass", "End": True, **fields}, QueryLanguage="JSONata")


@pytest.fixture
def machine(aws: Subject) -> Machine:
    """State machines in an empty account."""
    return Machine(aws)


@promise(GUIDE + "Processing input and output", "the output of a state is the input of the next")
def test_sequence(machine: Machine) -> None:
    first = {"Type": "Pass", "Parameters": {"total.$": "States.MathAdd($.price, 2)"}}
    second = {"Type": "Pass", "InputPath": "$.total", "ResultPath": "$.sum", "End": True}
    assert machine.output(chain(first, second), {"price": 5}) == {"total": 7, "sum": 7}


@promise(GUIDE + "Processing input and output", "Parameters, ResultSelector, ResultPath and OutputPath shape the data")
def test_paths(machine: Machine) -> None:
    machine.aws.function(ECHO)
    shaped = {
        "Parameters": {"id.$": "$.order.id", "who.$": "$$.State.Name"},
        "ResultSelector": {"answer.$": "$.got"},
        "ResultPath": "$.order.check",
        "OutputPath": "$.order",
    }
    wanted = {"id": 7, "check": {"answer": {"id": 7, "who": "A"}}}
    assert machine.output(chain({**TASK, **shaped}), {"order": {"id": 7}}) == wanted


@promise(GUIDE + "Accessing execution data from the Context object", "a state can read the execution's name and start")
def test_context_object(machine: Machine) -> None:
    found = machine.output(chain({"Type": "Pass", "Parameters": {"run.$": "$$.Execution"}, "End": True}), 7)["run"]
    began = machine.client.describe_execution(executionArn=found["Id"])["startDate"]
    assert (found["Input"], found["Id"].rpartition(":")[2]) == (7, found["Name"])
    assert abs(datetime.fromisoformat(found["StartTime"]) - began) < timedelta(minutes=1)


@promise(GUIDE + "Choice workflow state", "the first rule that matches decides, Default takes the rest")
def test_choice(machine: Machine) -> None:
    rules = [
        {"Variable": "$.total", "NumericGreaterThan": 100, "Next": "B"},
        {"And": [{"Variable": "$.vip", "IsPresent": True}, {"Variable": "$.vip", "BooleanEquals": True}], "Next": "B"},
    ]
    branches = [{"Type": "Pass", "Result": text, "End": True} for text in ("big", "small")]
    definition = chain({"Type": "Choice", "Choices": rules, "Default": "C"}, *branches)
    found = [machine.output(definition | {"Comment": str(n)}, given) for n, given in enumerate(
        [{"total": 200}, {"total": 1, "vip": True}, {"total": 1}]
    )]  # fmt: skip
    assert found == ["big", "big", "small"]
    lost = machine.run(chain({"Type": "Choice", "Choices": rules}, branches[0]), {"total": 1})
    assert (lost["status"], lost["error"]) == ("FAILED", "States.NoChoiceMatched")


@promise(GUIDE + "Parallel workflow state", "the output of a Parallel state lists the outputs of its branches in order")
def test_parallel(machine: Machine) -> None:
    machine.aws.function(ECHO)
    branches = [chain(TASK), chain({"Type": "Pass", "Result": 3, "End": True})]
    assert machine.output(chain({"Type": "Parallel", "Branches": branches, "End": True}), 2) == [{"got": 2}, 3]


@promise(GUIDE + "Parallel workflow state", "a branch that fails fails the Parallel state, which may catch it")
def test_parallel_fails(machine: Machine) -> None:
    machine.aws.function(OUT_OF_STOCK)
    catch = [{"ErrorEquals": ["OutOfStock"], "ResultPath": "$.why", "Next": "B"}]
    branches = [chain(TASK), chain({"Type": "Wait", "Seconds": 1, "End": True})]
    definition = chain({"Type": "Parallel", "Branches": branches, "Catch": catch}, DONE)
    assert machine.output(definition, {"id": 1})["why"]["Error"] == "OutOfStock"


@promise(GUIDE + "Using Map state in Inline mode", "an inline Map runs its states for each item and keeps their order")
def test_map(machine: Machine) -> None:
    machine.aws.function(ECHO)
    state = {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "ItemProcessor": chain(TASK), "End": True}
    assert machine.output(chain(state), {"items": [1, 2, 3]}) == [{"got": 1}, {"got": 2}, {"got": 3}]


@promise(GUIDE + "Transforming data with JSONata", "expressions read $states and variables and make the output")
def test_jsonata(machine: Machine) -> None:
    machine.aws.function(ECHO)
    first = {
        "Type": "Task", "Resource": INVOKE,
        "Arguments": {"FunctionName": FUNCTION, "Payload": "{% $states.input.items %}"},
        "Assign": {"number": "{% $count($states.input.items) %}"},
        "Output": "{% $states.result.Payload.got %}",
    }  # fmt: skip
    second = {"Type": "Pass", "Output": {"sum": "{% $sum($states.input) %}", "of": "{% $number %}"}, "End": True}
    found = machine.output(chain(first, second, QueryLanguage="JSONata"), {"items": [1, 2, 4]})
    assert found == {"sum": 7, "of": 3}


@promise(GUIDE + "Transforming data with JSONata", "an expression that gives nothing is States.QueryEvaluationError")
def test_jsonata_undefined(machine: Machine) -> None:
    done = machine.run(jsonata(Output="{% $states.input.nothing %}"), {})
    assert (done["status"], done["error"]) == ("FAILED", "States.QueryEvaluationError")


@promise(ERRORS, "a function's exception is the error's name, and Catch keeps the input beside it")
def test_catch(machine: Machine) -> None:
    machine.aws.function(OUT_OF_STOCK)
    catch = [{"ErrorEquals": ["Other"], "Next": "C"}, {"ErrorEquals": ["OutOfStock"], "ResultPath": "$.e", "Next": "B"}]
    task = {"Type": "Task", "Resource": FUNCTION, "Catch": catch, "End": True}
    definition = chain(task, DONE, {"Type": "Fail"})
    found = machine.output(definition, {"id": 1})
    assert (found["id"], found["e"]["Error"]) == (1, "OutOfStock")
    assert json.loads(found["e"]["Cause"])["errorMessage"] == "none left"


@pytest.mark.cloud(speed=3)
@promise(ERRORS, "Retry waits IntervalSeconds, then BackoffRate times as long, MaxAttempts times")
def test_retry(machine: Machine) -> None:
    machine.aws.function(OUT_OF_STOCK)
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 4, "BackoffRate": 2, "MaxAttempts": 2}]
    events = machine.events(machine.run(chain({**TASK, "Retry": retry})))
    moments = {kind: [e["timestamp"] for e in events if e["type"] == kind] for kind in {e["type"] for e in events}}
    assert len(moments["LambdaFunctionFailed"]) == 3
    pauses = zip(moments["LambdaFunctionFailed"], moments["LambdaFunctionScheduled"][1:], strict=False)
    for pause, seconds in zip([later - before for before, later in pauses], [4, 8], strict=True):
        assert timedelta(seconds=seconds) <= pause < timedelta(seconds=2 * seconds)


@promise(ERRORS, "a refused invocation is Lambda.TooManyRequestsException, by ARN and by lambda:invoke")
def test_throttled(machine: Machine) -> None:
    lambda_ = machine.aws.function(ECHO)
    lambda_.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    for task in (TASK, {**TASK, "Resource": INVOKE, "Parameters": {"FunctionName": "f"}}):
        assert machine.run(chain(task))["error"] == "Lambda.TooManyRequestsException"


@promise(GUIDE + "Handle transient Lambda service exceptions", "a function that crashes fails its task, never hangs it")
def test_crash(machine: Machine) -> None:
    machine.aws.function("import os\ndef handler(event, context): os._exit(3)")
    caught = {"ErrorEquals": ["States.TaskFailed"], "Next": "B"}
    definition = chain({"Type": "Task", "Resource": FUNCTION, "Catch": [caught], "End": True}, DONE)
    assert "exit" in machine.output(definition)["Cause"]


@promise(ERRORS, "a task over its TimeoutSeconds is States.Timeout, which States.TaskFailed leaves out")
def test_task_timeout(machine: Machine) -> None:
    machine.aws.function("import time\ndef handler(event, context): time.sleep(2)")
    caught = [{"ErrorEquals": ["States.TaskFailed"], "Next": "B"}]
    definition = chain({"Type": "Task", "Resource": FUNCTION, "TimeoutSeconds": 1, "Catch": caught, "End": True}, DONE)
    done = machine.run(definition)
    assert (done["status"], done["error"]) == ("FAILED", "States.Timeout")


@promise(ERRORS, "a result over 256 KB is States.DataLimitExceeded, which States.ALL leaves out")
def test_too_much_data(machine: Machine) -> None:
    machine.aws.function("def handler(event, context): return 'x' * 300_000")
    caught = [{"ErrorEquals": ["States.ALL"], "Next": "B"}]
    done = machine.run(chain({"Type": "Task", "Resource": FUNCTION, "Catch": caught, "End": True}, DONE))
    assert (done["status"], done["error"]) == ("FAILED", "States.DataLimitExceeded")


@promise("Step Functions API Reference, StartExecution", "an input over 256 KB is refused")
def test_too_much_input(machine: Machine) -> None:
    arn = machine.create(chain(DONE))
    with refused("ValidationException", "262144"):
        machine.client.start_execution(stateMachineArn=arn, input=json.dumps("x" * 262_144))


@fast
@promise(GUIDE + "State machine structure", "an execution over the machine's TimeoutSeconds is TIMED_OUT")
def test_machine_timeout(machine: Machine) -> None:
    done = machine.run(chain({"Type": "Wait", "Seconds": 100, "End": True}, TimeoutSeconds=4))
    assert done["status"] == "TIMED_OUT"
    assert machine.events(done)[-1]["type"] == "ExecutionTimedOut"


@fast
@promise(GUIDE + "Wait workflow state", "Wait waits its seconds, or those of the input")
def test_wait(machine: Machine) -> None:
    done = machine.run(chain({"Type": "Wait", "SecondsPath": "$.for", "End": True}), {"for": 10})
    assert timedelta(seconds=10) <= done["stopDate"] - done["startDate"] < timedelta(seconds=90)


@promise("Step Functions API Reference, StopExecution", "a stopped execution is ABORTED at once, and stays so")
def test_stop(machine: Machine) -> None:
    machine.aws.function("import time\ndef handler(event, context): time.sleep(2.5)")
    execution = machine.start(chain(TASK))
    machine.aws.wait(lambda: len(machine.events({"executionArn": execution})) == 4)
    machine.client.stop_execution(executionArn=execution, error="Changed", cause="of mind")
    done = machine.client.describe_execution(executionArn=execution)
    assert (done["status"], done["error"]) == ("ABORTED", "Changed")
    events = machine.events(done)
    assert events[-1]["type"] == "ExecutionAborted"
    assert events[-1]["executionAbortedEventDetails"]["cause"] == "of mind"
    assert not any(line.startswith("REPORT") for line in machine.aws.logged())
    machine.aws.wait(lambda: any(line.startswith("REPORT") for line in machine.aws.logged()))
    assert machine.events(done) == events


@promise("Step Functions API Reference, GetExecutionHistory", "every step of an execution is an event of the history")
def test_history(machine: Machine) -> None:
    machine.aws.function(ECHO)
    done = machine.run(chain({**TASK, "Resource": INVOKE, "Parameters": {"FunctionName": "f", "Payload.$": "$"}}), [1])
    wanted = "ExecutionStarted TaskStateEntered TaskScheduled TaskStarted TaskSucceeded TaskStateExited"
    events = machine.events(done)
    assert [event["type"] for event in events] == [*wanted.split(), "ExecutionSucceeded"]
    assert [event["id"] for event in events] == list(range(1, 8))
    assert [event["previousEventId"] for event in events] == [0, 0, *range(2, 7)]
    page = machine.client.get_execution_history(executionArn=done["executionArn"], maxResults=2, reverseOrder=True)
    assert ([event["id"] for event in page["events"]], "nextToken" in page) == ([7, 6], True)


@promise(GUIDE + "Integrating services with Step Functions", "a task calls SQS, SNS and DynamoDB without a function")
def test_services(machine: Machine) -> None:
    aws = machine.aws
    url, queue = aws.queue("orders")
    topic = aws.client("sns").create_topic(Name="news")["TopicArn"]
    aws.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"}
    )
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    aws.client("dynamodb").create_table(
        TableName="orders", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip

    def call(action: str, **given: Any) -> dict[str, Any]:
        return {"Type": "Task", "Resource": f"arn:aws:states:::{action}", "Parameters": given, "ResultPath": None}

    put = call("dynamodb:putItem", TableName="orders", Item={"id": {"S.$": "$.id"}})
    send = call("sqs:sendMessage", QueueUrl=url, **{"MessageBody.$": "$"})
    publish = call("sns:publish", TopicArn=topic, Message="sold")
    machine.output(chain(put, send, publish, DONE), {"id": "7"})
    assert aws.client("dynamodb").scan(TableName="orders")["Items"] == [{"id": {"S": "7"}}]
    bodies: set[str] = set()
    aws.wait(lambda: bodies.update(
        m["Body"] for m in aws.client("sqs").receive_message(QueueUrl=url).get("Messages", [])
    ) or len(bodies) == 2)  # fmt: skip
    assert sorted(body.replace(" ", "") for body in bodies) == sorted(['{"id":"7"}', "sold"])


@pytest.mark.cloud(enforce_iam=True)
@promise(GUIDE + "Creating an IAM role for your state machine", "a task may do only what the machine's role allows")
def test_role(machine: Machine) -> None:
    machine.aws.function(ECHO)
    done = machine.run(chain(TASK))
    assert (done["status"], done["error"]) == ("FAILED", "Lambda.AWSLambdaException")
    assert "is not authorized to perform: lambda:InvokeFunction" in done["cause"]


@promise("CloudFormation User Guide, AWS::StepFunctions::StateMachine", "a state machine that a stack creates runs")
def test_stack(machine: Machine) -> None:
    text = json.dumps(chain({"Type": "Pass", "Result": 3, "End": True}))
    properties = {"StateMachineName": "stacked", "RoleArn": machine.role, "DefinitionString": text}
    template = {"Resources": {"M": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}}
    machine.aws.client("cloudformation").create_stack(StackName="shop", TemplateBody=json.dumps(template))
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:stacked"
    execution = machine.client.start_execution(stateMachineArn=arn)["executionArn"]
    machine.aws.wait(lambda: machine.client.describe_execution(executionArn=execution).get("output") == "3")


@promise("Step Functions API Reference, CreateStateMachine", "a graph with missing or unreachable states is refused")
def test_wrong_definitions(machine: Machine) -> None:
    words = "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: C at /States/A/Next"
    unreachable = 'MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B\''
    states = {"A": {"Type": "Pass", "Next": "C"}, "B": {"Type": "Pass", "End": True}}
    with refused("InvalidDefinition", f"{words}, {unreachable}"):
        machine.create({"StartAt": "A", "States": states})
    with refused("InvalidDefinition"):
        machine.create("{")
    with refused("InvalidDefinition"):
        machine.create(chain({"Type": "Tsak", "End": True}))


@promise("Step Functions API Reference, CreateStateMachine", "a role that Step Functions may not assume is refused")
def test_wrong_role(machine: Machine) -> None:
    with refused("AccessDeniedException", "states.amazonaws.com"):
        machine.create(chain(DONE), roleArn=machine.aws.role("lambda-only"))


@promise("Step Functions API Reference, StartExecution", "a name is used once, and input must be JSON")
def test_names(machine: Machine) -> None:
    arn = machine.create(chain(DONE))
    machine.client.start_execution(stateMachineArn=arn, name="once", input="1")
    with refused("ExecutionAlreadyExists"):
        machine.client.start_execution(stateMachineArn=arn, name="once", input="2")
    with refused("InvalidExecutionInput"):
        machine.client.start_execution(stateMachineArn=arn, input="{")


@pytest.mark.skipif(not THIS_COURSE, reason="only this cloud says so")
def test_what_is_not_built_says_so(machine: Machine) -> None:
    distributed = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **chain(DONE)}
    for state in (
        {**TASK, "Resource": "arn:aws:states:::sqs:sendMessage.sync"},
        {**TASK, "Resource": "arn:aws:states:::batch:submitJob.sync"},
        {**TASK, "Resource": "arn:aws:states:us-east-1:123456789012:activity:a"},
        {"Type": "Map", "ItemProcessor": distributed, "End": True},
    ):
        with refused("NotImplementedException", "not built"):
            machine.create(chain(state))
    with refused("NotImplementedException", "CreateActivity"):
        machine.client.create_activity(name="a")
