"""What Lambda promises about asynchronous events: the queue, its retries, and where an event ends."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.subjects import RETURN_THE_EVENT, Subject, promise

RETRIES = "Lambda Developer Guide, How Lambda handles errors and retries with asynchronous invocation"
RECORDS = "Lambda Developer Guide, Capturing records of Lambda asynchronous invocations"
FAILS = "def handler(event, context):\n    print('try', context.aws_request_id)\n    raise ValueError('burnt')\n"
fast = pytest.mark.cloud(speed=600)


def tries(aws: Subject, name: str = "f") -> list[str]:
    """Return the request ids of the tries that ``FAILS`` printed."""
    return [line.split()[1] for line in aws.logged(name) if line.startswith("try ")]


def later(aws: Subject, event: Any) -> str:
    """Invoke the function asynchronously; return the request id."""
    answer = aws.call(event, InvocationType="Event")
    assert (answer.status, answer.payload, answer.error, answer.version) == (202, None, None, None)
    return answer.request_id


@promise(
    "Lambda API Reference, Invoke", "an asynchronous call is answered 202 with an empty body, then the function runs"
)
def test_accepted(aws: Subject) -> None:
    aws.function("import time\ndef handler(event, context):\n    time.sleep(3)\n    print('sold', event)\n", Timeout=10)
    began = time.monotonic()
    later(aws, "bread")
    assert time.monotonic() - began < 3
    aws.wait(lambda: "sold bread\n" in aws.logged(), 20)


@promise("Lambda API Reference, Invoke", "an asynchronous call gets no client context")
def test_no_client_context(aws: Subject) -> None:
    aws.function("def handler(event, context): print('context', context.client_context)")
    aws.call(1, InvocationType="Event", ClientContext="e30=")
    aws.wait(lambda: "context None\n" in aws.logged())


@promise(RETRIES, "an event that fails is tried twice more, after one and after two minutes, with the same request id")
@pytest.mark.cloud(speed=30)
def test_retries(aws: Subject) -> None:
    aws.function(FAILS)
    request_id = later(aws, {"order": 1})
    aws.wait(lambda: len(tries(aws)) == 3, 20)
    assert set(tries(aws)) == {request_id}
    logs = aws.client("logs")
    events = logs.filter_log_events(logGroupName="/aws/lambda/f")["events"]
    first, second, third = (event["timestamp"] for event in events if event["message"].startswith("try "))
    minutes = [(second - first) * aws.speed / 60_000, (third - second) * aws.speed / 60_000]
    assert 0.95 < minutes[0] < 1.95
    assert 1.95 < minutes[1] < 4


@fast
@promise(
    "Lambda API Reference, PutFunctionEventInvokeConfig",
    "MaximumRetryAttempts says how often a failed event is retried",
)
@pytest.mark.parametrize("attempts", [0, 1])
def test_maximum_retries(aws: Subject, attempts: int) -> None:
    client, (url, arn) = aws.function(FAILS), aws.queue()
    client.put_function_event_invoke_config(
        FunctionName="f", MaximumRetryAttempts=attempts, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    later(aws, 1)
    record = json.loads(aws.message(url)["Body"])
    assert record["requestContext"]["approximateInvokeCount"] == attempts + 1
    assert len(tries(aws)) == attempts + 1


@fast
@promise(
    RECORDS, "a dead-letter queue gets the original event with RequestID, ErrorCode and ErrorMessage as attributes"
)
def test_dead_letter_queue(aws: Subject) -> None:
    url, arn = aws.queue()
    aws.function(FAILS, DeadLetterConfig={"TargetArn": arn})
    request_id = later(aws, {"order": 7})
    message = aws.message(url)
    assert json.loads(message["Body"]) == {"order": 7}
    assert {name: (kind["DataType"], kind["StringValue"]) for name, kind in message["MessageAttributes"].items()} == {
        "RequestID": ("String", request_id),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", "burnt"),
    }
    assert len(tries(aws)) == 3


@fast
@promise(RECORDS, "an on-failure destination gets AWS's record of the event, its tries and the error")
def test_failure_record(aws: Subject) -> None:
    client, (url, arn) = aws.function(FAILS), aws.queue()
    client.put_function_event_invoke_config(FunctionName="f", DestinationConfig={"OnFailure": {"Destination": arn}})
    request_id = later(aws, {"order": 7})
    record = json.loads(aws.message(url)["Body"])
    function = client.get_function(FunctionName="f")["Configuration"]["FunctionArn"]
    assert record.pop("timestamp").endswith("Z")
    payload = record.pop("responsePayload")
    assert (payload["errorType"], payload["errorMessage"]) == ("ValueError", "burnt")
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"{function}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"order": 7},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
    }


@promise(RECORDS, "an on-success destination gets AWS's record with the result")
def test_success_record(aws: Subject) -> None:
    client, (url, arn) = aws.function("def handler(event, context): return {'sold': event}"), aws.queue()
    client.put_function_event_invoke_config(FunctionName="f", DestinationConfig={"OnSuccess": {"Destination": arn}})
    request_id = later(aws, "bread")
    record = json.loads(aws.message(url)["Body"])
    assert record["requestContext"]["requestId"] == request_id
    assert record["requestContext"]["condition"] == "Success"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert (record["requestPayload"], record["responsePayload"]) == ("bread", {"sold": "bread"})


@promise(RECORDS, "a destination may be an SNS topic")
def test_topic(aws: Subject) -> None:
    client, (url, arn) = aws.function(RETURN_THE_EVENT), aws.queue()
    sns = aws.client("sns")
    topic = sns.create_topic(Name="sold")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    client.put_function_event_invoke_config(FunctionName="f", DestinationConfig={"OnSuccess": {"Destination": topic}})
    later(aws, 5)
    assert json.loads(aws.message(url)["Body"])["responsePayload"] == 5


@promise(RECORDS, "a destination may be another function")
def test_function(aws: Subject) -> None:
    client = aws.function(RETURN_THE_EVENT)
    aws.function("def handler(event, context): print('then', event['responsePayload'])", name="next")
    arn = client.get_function(FunctionName="next")["Configuration"]["FunctionArn"]
    client.put_function_event_invoke_config(FunctionName="f", DestinationConfig={"OnSuccess": {"Destination": arn}})
    later(aws, "cake")
    aws.wait(lambda: "then cake\n" in aws.logged("next"))


@promise(RECORDS, "a destination may be an event bus: source lambda, the result in detail-type")
def test_event_bus(aws: Subject) -> None:
    client, (url, arn) = aws.function(RETURN_THE_EVENT), aws.queue()
    events = aws.client("events")
    events.put_rule(Name="results", EventPattern=json.dumps({"source": ["lambda"]}))
    events.put_targets(Rule="results", Targets=[{"Id": "q", "Arn": arn}])
    bus = events.describe_event_bus(Name="default")["Arn"]
    client.put_function_event_invoke_config(FunctionName="f", DestinationConfig={"OnSuccess": {"Destination": bus}})
    later(aws, 5)
    event = json.loads(aws.message(url)["Body"])
    assert event["detail-type"] == "Lambda Function Invocation Result - Success"
    assert (event["source"], event["detail"]["responsePayload"]) == ("lambda", 5)


@fast
@promise(RECORDS, "an on-failure destination may be an S3 bucket: an object below aws/lambda/NAME/")
def test_bucket(aws: Subject) -> None:
    client, s3 = aws.function(FAILS), aws.client("s3")
    s3.create_bucket(Bucket="failures")
    client.put_function_event_invoke_config(
        FunctionName="f",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::failures"}},
    )
    request_id = later(aws, 5)
    (found,) = aws.wait(lambda: s3.list_objects_v2(Bucket="failures", Prefix="aws/lambda/f/").get("Contents"))
    record = json.loads(s3.get_object(Bucket="failures", Key=found["Key"])["Body"].read())
    assert record["requestContext"]["requestId"] == request_id


@promise(RECORDS, "each version or alias has its own destinations")
def test_destination_of_an_alias(aws: Subject) -> None:
    client, (url, arn) = aws.function(RETURN_THE_EVENT, Publish=True), aws.queue()
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    client.put_function_event_invoke_config(
        FunctionName="f", Qualifier="live", DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    later(aws, "unqualified")
    aws.call("live", InvocationType="Event", Qualifier="live")
    record = json.loads(aws.message(url)["Body"])
    assert record["requestPayload"] == "live"
    assert record["requestContext"]["functionArn"].endswith(":function:f:live")
    assert record["responseContext"]["executedVersion"] == "1"


@promise(RETRIES, "a throttled event waits and is tried again until there is room")
@pytest.mark.cloud(speed=60)
def test_throttled_event(aws: Subject) -> None:
    client = aws.function("import time\ndef handler(event, context):\n    time.sleep(0.3)\n    print('sold', event)\n")
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    for number in range(3):
        later(aws, number)
    aws.wait(lambda: {f"sold {number}\n" for number in range(3)} <= set(aws.logged()), 8)
    assert aws.metric("Throttles") > 0


@fast
@promise(RETRIES, "an event older than its maximum age is given up: EventAgeExceeded")
def test_maximum_age(aws: Subject) -> None:
    client, (url, arn) = aws.function("import time\ndef handler(event, context): time.sleep(event)"), aws.queue()
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    client.put_function_event_invoke_config(
        FunctionName="f", MaximumEventAgeInSeconds=60, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(aws.call, 2.5)
        time.sleep(1)
        later(aws, 0)
        record = json.loads(aws.message(url)["Body"])
        assert busy.result().status == 200
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestPayload"] == 0


@promise(RETRIES, "with a reservation of zero an event goes to its destination at once: ZeroReservedConcurrency")
def test_switched_off(aws: Subject) -> None:
    client, (url, arn) = aws.function(RETURN_THE_EVENT), aws.queue()
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    client.put_function_event_invoke_config(FunctionName="f", DestinationConfig={"OnFailure": {"Destination": arn}})
    later(aws, 5)
    record = json.loads(aws.message(url)["Body"])
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert record["requestPayload"] == 5


@promise(
    "Lambda API Reference, PutFunctionEventInvokeConfig",
    "a put replaces the configuration, an update merges, a delete forgets",
)
def test_configuration(aws: Subject) -> None:
    client = aws.function(RETURN_THE_EVENT)
    client.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=1)
    updated = client.update_function_event_invoke_config(FunctionName="f", MaximumEventAgeInSeconds=120)
    assert (updated["MaximumRetryAttempts"], updated["MaximumEventAgeInSeconds"]) == (1, 120)
    replaced = client.put_function_event_invoke_config(FunctionName="f", MaximumEventAgeInSeconds=60)
    assert "MaximumRetryAttempts" not in replaced
    client.delete_function_event_invoke_config(FunctionName="f")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function_event_invoke_config(FunctionName="f")
