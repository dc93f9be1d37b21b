"""What services promise to write to CloudWatch about users, objects, records, logs, schedules, APIs and queues."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.apis_v2 import HttpApi, WebSocketApi, told
from tests.contract.pushed import closed_queue, keeper, open_queue, scheduler_role
from tests.contract.subjects import Subject, promise, refused

COGNITO = "Amazon Cognito Developer Guide, User pool metrics in CloudWatch"
S3 = "Amazon S3 User Guide, Metrics and dimensions"
CONFIGURATIONS = "Amazon S3 User Guide, CloudWatch metrics configurations"
KINESIS = "Amazon Kinesis Data Streams Developer Guide, Monitoring with Amazon CloudWatch"
LOGS = "Amazon CloudWatch Logs User Guide, Monitoring with CloudWatch metrics"
SCHEDULER = "EventBridge Scheduler User Guide, Monitoring Amazon EventBridge Scheduler with Amazon CloudWatch"
EVENTS = "Amazon EventBridge User Guide, Monitoring Amazon EventBridge"
HTTP = "API Gateway Developer Guide, Monitor CloudWatch metrics for HTTP APIs"
WEBSOCKET = "API Gateway Developer Guide, Monitor WebSocket API execution with CloudWatch metrics"
SQS = "Amazon SQS Developer Guide, Available CloudWatch metrics for Amazon SQS"
LAMBDA = "Lambda Developer Guide, Types of metrics for Lambda functions"
AUTH = {"USERNAME": "ana", "PASSWORD": "Secret-123456"}
FLOWS = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
Points = Callable[..., list[float]]


def reader(aws: Subject, namespace: str, **dimensions: str) -> Points:
    """Return what reads a metric of one namespace and one set of dimensions."""

    def read(metric: str, statistic: str = "Sum") -> list[float]:
        return aws.points(namespace, metric, statistic, **dimensions)

    return read


@promise(COGNITO, "sign-ups and sign-ins count 1 when they succeed and 0 when they fail, renewed tokens apart")
def test_users(aws: Subject) -> None:
    cognito = aws.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="members")["UserPool"]["Id"]
    made = cognito.create_user_pool_client(UserPoolId=pool, ClientName="app", ExplicitAuthFlows=FLOWS)
    client = made["UserPoolClient"]["ClientId"]
    wanted = {"ClientId": client, "Username": "ana", "Password": AUTH["PASSWORD"]}
    cognito.sign_up(**wanted)
    with pytest.raises(cognito.exceptions.UsernameExistsException):
        cognito.sign_up(**wanted)
    cognito.admin_confirm_sign_up(UserPoolId=pool, Username="ana")
    asked = {"ClientId": client, "AuthFlow": "USER_PASSWORD_AUTH"}
    tokens = cognito.initiate_auth(**asked, AuthParameters=AUTH)["AuthenticationResult"]
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        cognito.initiate_auth(**asked, AuthParameters={**AUTH, "PASSWORD": "wrong"})
    renew = {"REFRESH_TOKEN": tokens["RefreshToken"]}
    cognito.initiate_auth(ClientId=client, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters=renew)
    read = reader(aws, "AWS/Cognito", UserPool=pool, UserPoolClient=client)
    for metric in ("SignUpSuccesses", "SignInSuccesses"):
        assert (read(metric), read(metric, "SampleCount")) == ([1.0], [2.0])
    assert read("TokenRefreshSuccesses") == [1.0]


@promise(COGNITO, "users whom an administrator creates count for the client Admin")
def test_users_of_an_administrator(aws: Subject) -> None:
    cognito = aws.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="members")["UserPool"]["Id"]
    cognito.admin_create_user(UserPoolId=pool, Username="ana")
    assert reader(aws, "AWS/Cognito", UserPool=pool, UserPoolClient="Admin")("SignUpSuccesses") == [1.0]


@promise(S3, "the size of a bucket and the number of its objects are those of all versions")
def test_bucket_sizes(aws: Subject) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="shelf")
    s3.put_bucket_versioning(Bucket="shelf", VersioningConfiguration={"Status": "Enabled"})
    for size in (1000, 500):
        s3.put_object(Bucket="shelf", Key="k", Body=b"x" * size)

    def value(metric: str, storage: str) -> list[Any]:
        named = [{"Name": "BucketName", "Value": "shelf"}, {"Name": "StorageType", "Value": storage}]
        query = {"Metric": {"Namespace": "AWS/S3", "MetricName": metric, "Dimensions": named}, "Stat": "Average"}
        wanted = [{"Id": "m", "MetricStat": {**query, "Period": 86400}}]
        found = aws.client("cloudwatch").get_metric_data(
            MetricDataQueries=wanted, StartTime="2020-01-01T00:00:00Z", EndTime="2100-01-01T00:00:00Z"
        )
        return list(found["MetricDataResults"][0]["Values"])

    assert value("BucketSizeBytes", "StandardStorage") == [1500]
    assert value("NumberOfObjects", "AllStorageTypes") == [2]


@promise(CONFIGURATIONS, "requests are measured for each configuration of the bucket, by its filter, and not without")
def test_requests(aws: Subject) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="shelf")
    s3.put_object(Bucket="shelf", Key="before", Body=b"not measured")
    for name, wanted in (("all", {}), ("photos", {"Filter": {"Prefix": "photos/"}})):
        s3.put_bucket_metrics_configuration(Bucket="shelf", Id=name, MetricsConfiguration={"Id": name, **wanted})
    s3.put_object(Bucket="shelf", Key="photos/1", Body=b"x" * 100)
    s3.put_object(Bucket="shelf", Key="texts/1", Body=b"x" * 10)
    s3.get_object(Bucket="shelf", Key="photos/1")
    s3.list_objects_v2(Bucket="shelf")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="shelf", Key="photos/2")
    read = {name: reader(aws, "AWS/S3", BucketName="shelf", FilterId=name) for name in ("all", "photos")}
    assert [read["all"](f"{kind}Requests") for kind in ("Put", "Get", "List")] == [[2.0], [2.0], [1.0]]
    assert [read["photos"](f"{kind}Requests") for kind in ("All", "Put", "Get")] == [[3.0], [1.0], [2.0]]
    assert (read["photos"]("BytesUploaded"), read["all"]("4xxErrors")) == ([100.0], [1.0])
    assert read["photos"]("FirstByteLatency", "Average")[0] > 0


@promise(CONFIGURATIONS, "configurations can be read, listed and deleted")
def test_configurations(aws: Subject) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="shelf")
    wanted = {"Id": "photos", "Filter": {"Prefix": "photos/"}}
    s3.put_bucket_metrics_configuration(Bucket="shelf", Id="photos", MetricsConfiguration=wanted)
    assert s3.get_bucket_metrics_configuration(Bucket="shelf", Id="photos")["MetricsConfiguration"] == wanted
    assert s3.list_bucket_metrics_configurations(Bucket="shelf")["MetricsConfigurationList"] == [wanted]
    s3.delete_bucket_metrics_configuration(Bucket="shelf", Id="photos")
    with refused("NoSuchConfiguration"):
        s3.get_bucket_metrics_configuration(Bucket="shelf", Id="photos")


@promise(KINESIS, "puts and reads of a stream count with their records, bytes and how old the last record was")
def test_stream(aws: Subject) -> None:
    kinesis = aws.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    kinesis.put_record(StreamName="s", Data=b"x" * 10, PartitionKey="1")
    kinesis.put_records(StreamName="s", Records=[{"Data": b"y" * 20, "PartitionKey": "1"}] * 3)
    shard = {"StreamName": "s", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
    kinesis.get_records(ShardIterator=kinesis.get_shard_iterator(**shard)["ShardIterator"])
    read = reader(aws, "AWS/Kinesis", StreamName="s")
    assert (read("IncomingRecords"), read("PutRecords.Records"), read("GetRecords.Records")) == ([4.0], [3.0], [4.0])
    assert (read("PutRecord.Success"), read("PutRecords.Success"), read("GetRecords.Success")) == ([1.0],) * 3
    assert (read("PutRecord.Bytes"), read("GetRecords.Bytes")) == ([11.0], [70.0])
    assert read("GetRecords.IteratorAgeMilliseconds", "Maximum")[0] < 60_000
    assert read("PutRecord.Latency", "Average")[0] > 0


@promise(LOGS, "log events and their bytes count for their group, and for all groups together")
def test_logs(aws: Subject) -> None:
    logs = aws.client("logs")
    for group, messages in (("a", ["one", "two"]), ("b", ["three"])):
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="s")
        events = [{"timestamp": int(time.time() * 1000), "message": message} for message in messages]
        logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    group, every = reader(aws, "AWS/Logs", LogGroupName="a"), reader(aws, "AWS/Logs")
    assert (group("IncomingLogEvents"), group("IncomingBytes")) == ([2.0], [6.0])
    assert (every("IncomingLogEvents"), every("IncomingBytes")) == ([3.0], [11.0])


@promise(SCHEDULER, "attempts, errors of the target and what is dropped and buried count for the schedule's group")
@pytest.mark.cloud(speed=240)
def test_schedules(aws: Subject) -> None:
    client, (_, dead) = aws.client("scheduler"), open_queue(aws, "scheduler", name="dead")
    target = {"Arn": keeper(aws), "RoleArn": scheduler_role(aws)}
    plan = {"ScheduleExpression": "rate(1 minute)", "FlexibleTimeWindow": {"Mode": "OFF"}}
    client.create_schedule(Name="works", Target=target, **plan)
    client.create_schedule_group(Name="others")
    gone = {**target, "Arn": target["Arn"] + "-gone", "RetryPolicy": {"MaximumRetryAttempts": 0}}
    client.create_schedule(Name="fails", GroupName="others", Target={**gone, "DeadLetterConfig": {"Arn": dead}}, **plan)
    works = reader(aws, "AWS/Scheduler", ScheduleGroup="default")
    fails = reader(aws, "AWS/Scheduler", ScheduleGroup="others")
    aws.wait(lambda: works("InvocationAttemptCount") and fails("InvocationsSentToDeadLetterCount"), 10)
    assert fails("TargetErrorCount") and fails("InvocationDroppedCount") and not works("TargetErrorCount")


@promise(EVENTS, "the metrics of rules of a custom bus have the bus as a dimension, too")
def test_rules_of_a_bus(aws: Subject) -> None:
    events = aws.client("events")
    events.create_event_bus(Name="shop")
    events.put_rule(Name="sold", EventBusName="shop", EventPattern='{"source": ["shop"]}')
    events.put_targets(Rule="sold", EventBusName="shop", Targets=[{"Id": "1", "Arn": closed_queue(aws)}])
    events.put_events(Entries=[{"EventBusName": "shop", "Source": "shop", "DetailType": "sold", "Detail": "{}"}])
    read = reader(aws, "AWS/Events", EventBusName="shop", RuleName="sold")
    aws.wait(lambda: read("FailedInvocations"))
    assert (read("TriggeredRules"), read("Invocations")) == ([1.0], [1.0])
    assert reader(aws, "AWS/Events", RuleName="sold")("TriggeredRules") == []


@promise(HTTP, "requests, errors and latencies count for the API, and for its stage")
def test_http_api(aws: Subject) -> None:
    api = HttpApi(aws)
    api.ask("/")
    api.stage("v2")
    aws.http(api.address("v2/nowhere/"), method="DELETE")
    every = reader(aws, "AWS/ApiGateway", ApiId=api.id)
    assert every("Count") == [2.0]
    first = reader(aws, "AWS/ApiGateway", ApiId=api.id, Stage="$default")
    assert (first("Count"), first("4xx"), first("5xx")) == ([1.0], [0.0], [0.0])
    assert 0 < first("IntegrationLatency", "Average")[0] <= first("Latency", "Average")[0]


@promise(WEBSOCKET, "connections, messages to and from the client and errors count for the API and its stage")
def test_websocket_api(aws: Subject) -> None:
    api = WebSocketApi(aws, two_way=["who"])
    with api.open() as client:
        told(client, '{"action": "who"}')
        every = reader(aws, "AWS/ApiGateway", ApiId=api.id)
        assert every("MessageCount") == [2.0]
        assert every("IntegrationLatency", "SampleCount")[0] >= 1
        assert reader(aws, "AWS/ApiGateway", ApiId=api.id, Stage="prod")("MessageCount") == [2.0]


@promise(SQS, "while a queue is active, it tells each minute how many messages there are, and how old the oldest is")
@pytest.mark.cloud(speed=60)
def test_queue_depth(aws: Subject) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "43200"})["QueueUrl"]
    entries = [{"Id": body, "MessageBody": body} for body in ("a", "bb", "ccc")]
    sqs.send_message_batch(QueueUrl=url, Entries=entries)
    sqs.receive_message(QueueUrl=url)
    read = reader(aws, "AWS/SQS", QueueName="q")
    aws.wait(lambda: read("ApproximateNumberOfMessagesNotVisible"), 10)
    assert read("ApproximateNumberOfMessagesNotVisible", "Maximum") == [1.0]
    assert read("ApproximateNumberOfMessagesVisible", "Minimum") == [2.0]
    assert read("ApproximateNumberOfMessagesDelayed") == []
    aws.wait(lambda: read("ApproximateAgeOfOldestMessage", "Maximum")[0] >= 60, 10)
    assert read("SentMessageSize") == [6.0]


@promise(SQS, "a receive that returns no message is an empty one")
def test_empty_receives(aws: Subject) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for _ in range(2):
        sqs.receive_message(QueueUrl=url)
    assert aws.points("AWS/SQS", "NumberOfEmptyReceives", QueueName="q") == [2.0]


@promise(
    LAMBDA, "events of asynchronous invocations count when they come, and when they are dropped; their age is kept"
)
def test_asynchronous_events(aws: Subject) -> None:
    client = aws.function("def handler(event, context): raise ValueError")
    client.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0)
    client.invoke(FunctionName="f", InvocationType="Event")
    aws.wait(lambda: aws.metric("AsyncEventsDropped"), 10)
    assert (aws.metric("AsyncEventsReceived"), aws.metric("AsyncEventsDropped")) == (1, 1)
    assert aws.metric("AsyncEventAge", "Maximum") >= 0
