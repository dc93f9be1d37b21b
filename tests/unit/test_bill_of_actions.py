"""One of each action, and the quantities that the bill has for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from helpers import cloud
from helpers.teaching.bill import bill
from tests.contract.apis_v2 import HttpApi, WebSocketApi, told
from tests.contract.rest_api import Api
from tests.contract.subjects import RETURN_THE_EVENT, Course, Subject
from tests.contract.tables import item, table
from tests.contract.workflows import DONE, TASK, Machine, chain

PAIR = [{"Source": "shop", "DetailType": "sold", "Detail": "{}"}] * 2


@pytest.fixture
def aws() -> Iterator[Subject]:
    subject = Course().empty(speed=1)
    yield subject
    subject.close()


def quantities() -> dict[str, float]:
    """Return how much of each line is on the bill."""
    made = bill(cloud.current().record.used())
    return {f"{service}: {part.name}": float(part.quantity) for service, part in made.lines}


def test_functions(aws: Subject) -> None:
    client = aws.function(RETURN_THE_EVENT, MemorySize=1024, Architectures=["arm64"])
    for _ in range(3):
        client.invoke(FunctionName="f")
    client.get_function(FunctionName="f")
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.invoke(FunctionName="f")
    assert quantities() == {"Lambda: invocations": 3, "Lambda: duration, arm64": pytest.approx(0.3)}
    measured = bill(cloud.current().record.used(), duration_ms=None).cost
    assert measured["duration, arm64"] > 0 and measured["data taken in"] > 0


def test_tables(aws: Subject) -> None:
    dynamodb = table(aws, BillingMode="PAY_PER_REQUEST")
    dynamodb.put_item(TableName="tea", Item=item(1500))
    dynamodb.scan(TableName="tea")
    dynamodb.scan(TableName="tea", ConsistentRead=True)
    assert quantities() == {"DynamoDB: writes, on demand": 2, "DynamoDB: reads, on demand": 1.5}


def test_queues_topics_events_and_secrets(aws: Subject) -> None:
    sqs, sns, secrets = aws.client("sqs"), aws.client("sns"), aws.client("secretsmanager")
    fifo = sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    sqs.send_message(QueueUrl=fifo, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    batch = [{"Id": str(number), "MessageBody": "x"} for number in range(10)]
    sqs.send_message_batch(QueueUrl=url, Entries=batch)
    sqs.receive_message(QueueUrl=url)
    topic = sns.create_topic(Name="tea")["TopicArn"]
    sns.publish(TopicArn=topic, Message="x")
    aws.client("events").put_events(Entries=PAIR)
    secrets.create_secret(Name="s", SecretString="x")
    secrets.get_secret_value(SecretId="s")
    assert quantities() == {
        "SQS: standard queues": 3,
        "SQS: FIFO queues": 2,
        "SNS: topics": 2,
        "EventBridge: custom events": 2,
        "Secrets Manager: secrets": 2,
    }


def test_objects(aws: Subject) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="shelf")
    s3.put_object(Bucket="shelf", Key="k", Body=b"x")
    s3.get_object(Bucket="shelf", Key="k")
    s3.head_object(Bucket="shelf", Key="k")
    s3.list_objects_v2(Bucket="shelf")
    s3.delete_object(Bucket="shelf", Key="k")
    assert quantities() == {
        "S3: PUT, COPY, POST, LIST": 3,
        "S3: GET and all other": 2,
        "Data transfer: to the internet": 1e-9,
    }


def test_apis(aws: Subject) -> None:
    rest, http = Api(aws), HttpApi(aws)
    rest.mock("/todos")
    rest.deploy()
    rest.ask("/todos")
    http.ask("/")
    found = quantities()
    assert (found["API Gateway: REST APIs"], found["API Gateway: HTTP APIs"]) == (1, 1)
    assert found["Lambda: invocations"] == 1


def test_messages(aws: Subject) -> None:
    api = WebSocketApi(aws, two_way=["who"])
    with api.open() as client:
        told(client, '{"action": "who"}')
        told(client, '{"action": "who", "more": "' + "x" * 32_700 + '"}')
        assert quantities()["API Gateway: WebSocket APIs"] == 5


def test_workflows(aws: Subject) -> None:
    machine, wait = Machine(aws), {"Type": "Wait", "Seconds": 0}
    machine.output(chain(wait, {"Type": "Pass"}, DONE))
    aws.function("def handler(event, context): raise ValueError")
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1}
    machine.run(chain({**TASK, "Retry": [retry]}))
    express = machine.create(chain(DONE), type="EXPRESS")
    machine.client.start_sync_execution(stateMachineArn=express)
    found = quantities()
    assert found["Step Functions: standard workflows"] == 3 + 1 + 2
    assert (found["Lambda: invocations"], found["Step Functions: express workflows"]) == (3, 1)
    assert found["Step Functions: duration, express"] == pytest.approx(0.1 * 64 / 1024)


def test_traces(aws: Subject) -> None:
    client = aws.function(RETURN_THE_EVENT, TracingConfig={"Mode": "Active"})
    client.invoke(FunctionName="f")
    assert quantities()["X-Ray: traces recorded"] == 1
