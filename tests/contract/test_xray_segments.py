"""What AWS promises about the segments that its services and SDKs send, and how X-Ray keeps them."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import pytest

from helpers.teaching.packages import libraries, package
from tests.contract.rest_api import TRUST, Api, change
from tests.contract.subjects import Subject, promise, refused
from tests.contract.test_xray_header import GIVEN, PARENT, ROOT, SAY_THE_HEADER, fields, with_header
from tests.contract.traces import part, segment, trace_id

SENDING = "X-Ray Developer Guide, Sending trace data to AWS X-Ray"
DOCUMENTS = "X-Ray Developer Guide, AWS X-Ray segment documents"
LAMBDA = "Lambda Developer Guide, Visualize Lambda function invocations using AWS X-Ray"
GATEWAY = "API Gateway Developer Guide, Understanding AWS X-Ray traces for Amazon API Gateway APIs"
MODES = "API Gateway Developer Guide, Setting up AWS X-Ray with API Gateway"
WORKFLOWS = "Step Functions Developer Guide, AWS X-Ray and Step Functions"
LINKING = "X-Ray Developer Guide, Tracing event-driven applications"
ACTIVE = {"TracingConfig": {"Mode": "Active"}}
INSTRUMENTED = """
    from aws_xray_sdk.core import patch, xray_recorder
    import boto3
    patch(["boto3"])
    sqs = boto3.client("sqs")
    def handler(event, context):
        with xray_recorder.in_subsegment("think") as subsegment:
            subsegment.put_annotation("user", 7)
        sqs.list_queues()
"""


def sampled_header(trace: str = "") -> str:
    """Return a header that asks to record a new trace, or the given one."""
    return f"Root={trace or trace_id()};Sampled=1"


def segments(aws: Subject, trace: str, count: int) -> list[dict[str, Any]]:
    """Return the segments of a trace once it has ``count``, without the inferred ones."""

    def found() -> list[dict[str, Any]]:
        traces = aws.client("xray").batch_get_traces(TraceIds=[trace])["Traces"]
        documents = [json.loads(each["Document"]) for each in (traces[0]["Segments"] if traces else [])]
        kept = [document for document in documents if not document.get("inferred")]
        return kept if len(kept) >= count else []

    return list(aws.wait(found, 15))


def named(documents: list[dict[str, Any]], origin: str) -> dict[str, Any]:
    """Return the segment with an origin."""
    return next(document for document in documents if document.get("origin") == origin)


def call_traced(aws: Subject, event: Any = None) -> list[dict[str, Any]]:
    """Call the function in a new trace; return its two segments."""
    trace = trace_id()
    with_header(aws.client("lambda"), sampled_header(trace)).invoke(FunctionName="f", Payload=json.dumps(event))
    return segments(aws, trace, 2)


@promise(SENDING, "documents that cannot be taken come back one by one, with a code and their id")
def test_unprocessed(aws: Subject) -> None:
    good = segment(trace_id(), "shop", time.time(), 1)
    bad = {**good, "id": secrets.token_hex(8), "trace_id": "1-2-3"}
    put = aws.client("xray").put_trace_segments(TraceSegmentDocuments=[json.dumps(good), json.dumps(bad)])
    message = "Invalid segment. ErrorCode: InvalidTraceId"
    expected = {"ErrorCode": "InvalidTraceId", "Id": bad["id"], "Message": message}
    assert put["UnprocessedTraceSegments"] == [expected]
    assert [each["id"] for each in segments(aws, good["trace_id"], 1)] == [good["id"]]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": None}, {"name": "n" * 201}, {"name": "what?"}, {"id": "xyz"}, {"start_time": None}, {"end_time": None},
        {"start_time": "now"}, {"type": "subsegment"}, {"metadata": {"default": "x" * 65536}},
    ],
    ids=lambda changes: str(changes)[:40],
)  # fmt: skip
@promise(DOCUMENTS, "a document needs a name of at most 200 allowed characters, ids, times, and at most 64 kB")
def test_malformed(aws: Subject, changes: dict[str, Any]) -> None:
    document = {**segment(trace_id(), "shop", time.time(), 1), **changes}
    kept = {name: value for name, value in document.items() if value is not None}
    put = aws.client("xray").put_trace_segments(TraceSegmentDocuments=[json.dumps(kept)])
    assert len(put["UnprocessedTraceSegments"]) == 1


@promise(DOCUMENTS, "the complete segment overwrites the one in progress, whichever comes first")
def test_in_progress(aws: Subject) -> None:
    trace, xray = trace_id(), aws.client("xray")
    whole = segment(trace, "shop", time.time(), 1)
    begun = {**{name: value for name, value in whole.items() if name != "end_time"}, "in_progress": True}
    for document in (begun, whole, begun):
        xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(document)])
    assert [each.get("end_time") for each in segments(aws, trace, 1)] == [whole["end_time"]]


@promise(DOCUMENTS, "a subsegment may be sent alone, before or after the segment to which it belongs")
def test_alone(aws: Subject) -> None:
    trace, xray = trace_id(), aws.client("xray")
    whole = segment(trace, "shop", time.time(), 1, part("cook", time.time(), 0.5))
    inside = whole["subsegments"][0]["id"]
    alone = [
        {**part(name, time.time(), 0.1), "trace_id": trace, "parent_id": parent, "type": "subsegment"}
        for name, parent in (("pay", whole["id"]), ("salt", inside))
    ]
    for document in (alone[0], whole, alone[1]):
        xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(document)])
    [found] = segments(aws, trace, 1)
    assert {each["name"] for each in found["subsegments"]} == {"cook", "pay"}
    [cook] = [each for each in found["subsegments"] if each["name"] == "cook"]
    assert [each["name"] for each in cook["subsegments"]] == ["salt"]


@promise(LAMBDA, "Active tracing records the service and the function, with Initialization only when it is cold")
def test_lambda(aws: Subject) -> None:
    aws.function("def handler(event, context): return event", **ACTIVE)
    cold, warm = call_traced(aws), call_traced(aws)
    service, function = named(cold, "AWS::Lambda"), named(cold, "AWS::Lambda::Function")
    assert service["name"] == function["name"] == "f" and function["parent_id"] == service["id"]
    assert service["start_time"] <= function["start_time"] <= function["end_time"] <= service["end_time"]
    assert service["http"]["response"]["status"] == 200
    assert [each["name"] for each in function["subsegments"]] == ["Initialization", "Invocation", "Overhead"]
    parts = [each["name"] for each in named(warm, "AWS::Lambda::Function")["subsegments"]]
    assert parts == ["Invocation", "Overhead"]


@promise(LAMBDA, "the function's header names its own segment, and the log's XRAY line says the same")
def test_lambda_header(aws: Subject) -> None:
    aws.function(SAY_THE_HEADER, **ACTIVE)
    with_header(aws.client("lambda"))
    answer = aws.call({}, LogType="Tail")
    [service, function] = segments(aws, ROOT, 2)
    assert service["parent_id"] == PARENT
    assert fields(answer.payload) == {"Root": ROOT, "Parent": function["id"], "Sampled": "1"}
    assert f"XRAY TraceId: {ROOT}\tSegmentId: {function['id']}\tSampled: true" in answer.log


@promise(LAMBDA, "an exception is a fault with the exception as its cause; the next invocation is none")
def test_lambda_fault(aws: Subject) -> None:
    aws.function("def handler(event, context):\n    return 1 / event", **ACTIVE)
    failed = call_traced(aws, 0)
    function = named(failed, "AWS::Lambda::Function")
    [exception] = function["cause"]["exceptions"]
    assert function["fault"] and (exception["type"], exception["message"]) == ("ZeroDivisionError", "division by zero")
    assert exception["stack"] == [{"path": "/var/task/app.py", "line": 2, "label": "handler"}]
    assert not any(each.get("fault") for each in call_traced(aws, 1))


@promise(LAMBDA, "a throttled invocation is a service segment with 429, and no function's")
def test_lambda_throttle(aws: Subject) -> None:
    client = aws.function("def handler(event, context): pass", **ACTIVE)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    with_header(client)
    with refused("TooManyRequestsException"):
        client.invoke(FunctionName="f")
    [service] = segments(aws, ROOT, 1)
    assert (service["origin"], service["throttle"], service["http"]["response"]["status"]) == ("AWS::Lambda", True, 429)


@promise(LAMBDA, "an asynchronous event and its retries are one trace, for which Lambda decides once")
def test_retries(aws: Subject) -> None:
    client = aws.function("def handler(event, context): raise ValueError(event)", **ACTIVE)
    for _ in range(2):
        client.invoke(FunctionName="f", InvocationType="Event", Payload="7")
    frame = {"StartTime": time.time() - 60, "EndTime": time.time() + 600}

    def found() -> Any:
        return [each["Id"] for each in aws.client("xray").get_trace_summaries(**frame)["TraceSummaries"]]

    traces = aws.wait(found)
    for trace in traces:
        assert len(segments(aws, trace, 6)) == 6


@promise(LAMBDA, "neither PassThrough nor Sampled=0 records anything")
def test_lambda_silent(aws: Subject) -> None:
    aws.function(SAY_THE_HEADER, **ACTIVE)
    aws.function(SAY_THE_HEADER, "passive")
    client = with_header(aws.client("lambda"), f"Root={ROOT};Sampled=0")
    client.invoke(FunctionName="f")
    with_header(client, GIVEN).invoke(FunctionName="passive")
    other = trace_id()
    aws.client("xray").put_trace_segments(TraceSegmentDocuments=[json.dumps(segment(other, "x", time.time(), 1))])
    answer = aws.client("xray").batch_get_traces(TraceIds=[ROOT, other])
    assert [each["Id"] for each in answer["Traces"]] == [other] and answer["UnprocessedTraceIds"] == [ROOT]


@pytest.mark.cloud(enforce_iam=True)
@promise(LAMBDA, "the execution role has to allow xray:PutTraceSegments")
def test_permission(aws: Subject) -> None:
    words = "The provided execution role does not have permissions to call PutTraceSegments on XRAY"
    with refused("InvalidParameterValueException", words):
        aws.function(SAY_THE_HEADER, **ACTIVE)
    policy = "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"
    aws.client("iam").attach_role_policy(RoleName="f-role", PolicyArn=policy)
    aws.function(SAY_THE_HEADER, Role="arn:aws:iam::123456789012:role/f-role", **ACTIVE)
    assert len(call_traced(aws)) == 2


@promise(LAMBDA, "the X-Ray SDK in a function extends its Invocation, by the daemon that Lambda runs")
def test_sdk_in_a_function(aws: Subject) -> None:
    files: dict[str, str | bytes] = {"app.py": INSTRUMENTED, **libraries("aws-xray-sdk", "wrapt")}
    aws.function("", Code={"ZipFile": package(files)}, Timeout=20, MemorySize=256, **ACTIVE)
    client, trace = aws.client("lambda"), trace_id()
    with_header(client, sampled_header(trace)).invoke(FunctionName="f")

    def extended() -> Any:
        function = named(segments(aws, trace, 2), "AWS::Lambda::Function")
        [invocation] = [each for each in function["subsegments"] if each["name"] == "Invocation"]
        return len(invocation.get("subsegments") or []) == 2 and invocation["subsegments"]

    think, call = aws.wait(extended)
    assert (think["name"], think["annotations"]) == ("think", {"user": 7})
    assert (call["namespace"], call["aws"]["operation"], call["http"]["response"]["status"]) == (
        "aws",
        "ListQueues",
        200,
    )


@promise(LINKING, "a batch from SQS has a trace of its own that is linked to the traces of its messages")
def test_links(aws: Subject) -> None:
    url, arn = aws.queue()
    aws.function(SAY_THE_HEADER, **ACTIVE).create_event_source_mapping(FunctionName="f", EventSourceArn=arn)
    with_header(aws.client("sqs")).send_message(QueueUrl=url, MessageBody="x")

    def linked() -> Any:
        frame = {"StartTime": time.time() - 60, "EndTime": time.time() + 60}
        return [each["Id"] for each in aws.client("xray").get_trace_summaries(**frame)["TraceSummaries"]]

    [trace] = aws.wait(linked)
    assert trace != ROOT
    assert named(segments(aws, trace, 2), "AWS::Lambda")["links"] == [{"trace_id": ROOT, "id": PARENT}]


@promise(GATEWAY, "a traced stage records itself and its integration, and is the parent of the function's segments")
def test_api(aws: Subject) -> None:
    api = Api(aws)
    api.function("/", "def handler(event, context): return {'statusCode': 404, 'body': 'no'}")
    aws.client("lambda").update_function_configuration(FunctionName="f", **ACTIVE)
    api.deploy("prod")
    api.patch("update_stage", change("replace", "/tracingEnabled", "true"), stageName="prod")
    trace = fields(api.ask("/?q=1").headers["X-Amzn-Trace-Id"])["Root"]
    stage = named(found := segments(aws, trace, 3), "AWS::ApiGateway::Stage")
    [integration] = stage["subsegments"]
    assert stage["name"] == "todos/prod" and stage["error"] and stage["http"]["response"]["status"] == 404
    assert stage["http"]["request"]["url"].endswith(".amazonaws.com/prod/?q=1")
    assert stage["aws"]["xray"] == {"sampling_rule_name": "Default"}
    assert stage["annotations"] == {"aws:api_id": api.id, "aws:api_stage": "prod"}
    assert (integration["name"], integration["aws"]["function_name"]) == ("Lambda", "f")
    assert named(found, "AWS::Lambda")["parent_id"] == integration["id"]


@promise(MODES, "a stage without tracing is traced only when the caller's header says so")
def test_passive_api(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/")
    api.deploy("prod")
    api.ask("/")
    api.ask("/", x_amzn_trace_id=GIVEN)
    [stage] = segments(aws, ROOT, 1)
    assert (stage["parent_id"], stage["subsegments"]) == (PARENT, [])


@promise(WORKFLOWS, "a machine with tracing records each execution, its states, and what its tasks call")
def test_workflow(aws: Subject) -> None:
    function = aws.function("def handler(event, context): return 1", **ACTIVE)
    arn = function.get_function_configuration(FunctionName="f")["FunctionArn"]
    role = aws.client("iam").create_role(RoleName="machine", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    states = {"Plan": {"Type": "Pass", "Next": "Do"}, "Do": {"Type": "Task", "Resource": arn, "End": True}}
    definition = json.dumps({"StartAt": "Plan", "States": states})
    workflows, traced = aws.client("stepfunctions"), {"tracingConfiguration": {"enabled": True}}
    machine = workflows.create_state_machine(name="m", definition=definition, roleArn=role, **traced)["stateMachineArn"]
    workflows.start_execution(stateMachineArn=machine, traceHeader=sampled_header(ROOT))
    execution = named(found := segments(aws, ROOT, 3), "AWS::StepFunctions::StateMachine")
    assert execution["name"] == "m" and "fault" not in execution
    assert [each["name"] for each in execution["subsegments"]] == ["Plan", "Do"]
    [call] = execution["subsegments"][1]["subsegments"]
    assert (call["name"], named(found, "AWS::Lambda")["parent_id"]) == ("Lambda", call["id"])
