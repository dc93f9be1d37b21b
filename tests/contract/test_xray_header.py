"""What AWS promises about the trace header on its way through the services."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.rest_api import Api
from tests.contract.subjects import RETURN_THE_EVENT, Subject, promise

CONCEPTS = "X-Ray Developer Guide, AWS X-Ray concepts (Tracing header)"
GATEWAY = "X-Ray Developer Guide, Amazon API Gateway active tracing support for AWS X-Ray"
LAMBDA = "Lambda Developer Guide, Visualize Lambda function invocations using AWS X-Ray"
QUEUES = "X-Ray Developer Guide, Amazon SQS and AWS X-Ray"
EVENTS = "X-Ray Developer Guide, Amazon EventBridge and AWS X-Ray"
TOPICS = "X-Ray Developer Guide, Amazon SNS and AWS X-Ray"
ROOT = "1-5759e988-bd862e3fe1be46a994272793"
PARENT = "53995c3f42cd8ad8"
GIVEN = f"Root={ROOT};Parent={PARENT};Sampled=1"
SAY_THE_HEADER = "import os\ndef handler(event, context): return os.environ['_X_AMZN_TRACE_ID']"
PASS_IT_ON = """
    import boto3, os
    def handler(event, context):
        boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=os.environ["_X_AMZN_TRACE_ID"])
"""


def with_header(client: Any, header: str = GIVEN) -> Any:
    """Let all calls of a client carry a trace header, as an instrumented application's do."""

    def put(request: Any, **_: Any) -> None:
        del request.headers["X-Amzn-Trace-Id"]
        request.headers["X-Amzn-Trace-Id"] = header

    client.meta.events.register("before-sign", put)
    return client


def fields(header: str) -> dict[str, str]:
    """Return the parts of a header by name."""
    return dict(part.split("=", 1) for part in header.split(";"))


@pytest.fixture
def queue(aws: Subject) -> str:
    """The URL of a queue to which everything may send."""
    return aws.queue()[0]


def received(aws: Subject, queue: str) -> dict[str, Any]:
    """Return the next message of a queue, with its trace header."""
    asked = {"QueueUrl": queue, "MessageSystemAttributeNames": ["AWSTraceHeader"]}
    message: dict[str, Any] = aws.wait(lambda: aws.client("sqs").receive_message(**asked).get("Messages"))[0]
    return message


@promise(LAMBDA, "PassThrough hands the caller's header to the function as it is")
def test_pass_through(aws: Subject) -> None:
    aws.function(SAY_THE_HEADER)
    with_header(aws.client("lambda"))
    assert aws.call({}).payload == GIVEN


@promise(LAMBDA, "a function that gets no header is given one, which asks for no recording")
def test_made_header(aws: Subject) -> None:
    aws.function(SAY_THE_HEADER)
    made = fields(aws.call({}).payload)
    assert set(made) >= {"Root", "Parent", "Sampled"} and made["Sampled"] == "0"
    assert fields(aws.call({}).payload)["Root"] != made["Root"]


@promise(CONCEPTS, "an asynchronous event keeps the header of the call that sent it")
def test_asynchronous(aws: Subject, queue: str) -> None:
    aws.function(PASS_IT_ON, Environment={"Variables": {"QUEUE": queue}})
    with_header(aws.client("lambda")).invoke(FunctionName="f", InvocationType="Event", Payload="{}")
    assert received(aws, queue)["Body"] == GIVEN


@promise(QUEUES, "a message takes along the header of the call that sends it, and an attribute of its own goes before")
def test_queue(aws: Subject, queue: str) -> None:
    sqs = with_header(aws.client("sqs"))
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    assert received(aws, queue)["Attributes"]["AWSTraceHeader"] == GIVEN
    mine = {"AWSTraceHeader": {"DataType": "String", "StringValue": f"Root={ROOT};Sampled=0"}}
    sqs.send_message(QueueUrl=queue, MessageBody="x", MessageSystemAttributes=mine)
    assert received(aws, queue)["Attributes"]["AWSTraceHeader"] == f"Root={ROOT};Sampled=0"


@promise(QUEUES, "what a function sends carries the function's header")
def test_from_a_function(aws: Subject, queue: str) -> None:
    aws.function(PASS_IT_ON, Environment={"Variables": {"QUEUE": queue}})
    aws.call({})
    message = received(aws, queue)
    assert message["Attributes"]["AWSTraceHeader"] == message["Body"]


@promise(TOPICS, "SNS passes the header to the functions that subscribe")
def test_topic(aws: Subject, queue: str) -> None:
    function = aws.function(PASS_IT_ON, Environment={"Variables": {"QUEUE": queue}})
    sns = with_header(aws.client("sns"))
    topic = sns.create_topic(Name="t")["TopicArn"]
    let = {"Action": "lambda:InvokeFunction", "Principal": "sns.amazonaws.com"}
    function.add_permission(FunctionName="f", StatementId="sns", **let)
    arn = function.get_function_configuration(FunctionName="f")["FunctionArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="x")
    assert received(aws, queue)["Body"] == GIVEN


@promise(EVENTS, "EventBridge passes the header of PutEvents to the targets of its rules")
def test_event_bus(aws: Subject) -> None:
    url, arn = aws.queue()
    events = with_header(aws.client("events"))
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": arn}])
    events.put_events(Entries=[{"Source": "shop", "DetailType": "order", "Detail": "{}"}])
    assert received(aws, url)["Attributes"]["AWSTraceHeader"] == GIVEN


@promise(GATEWAY, "API Gateway adds a trace id to requests that have none, for the function and in the response")
def test_api(aws: Subject) -> None:
    api = Api(aws)
    api.function("/", RETURN_THE_EVENT.replace("return event", "return {'body': event['headers']['X-Amzn-Trace-Id']}"))
    api.deploy("prod")
    page = api.ask("/")
    made = fields(page.body.decode())
    assert made["Root"].startswith("1-") and "Sampled" not in made
    assert fields(page.headers["X-Amzn-Trace-Id"])["Root"] == made["Root"]
    assert fields(api.ask("/", x_amzn_trace_id=f"Root={ROOT}").body.decode())["Root"] == ROOT
