"""What SQS, SNS and CloudFront promise to write to CloudWatch; other services have files of their own."""

from __future__ import annotations

import json

from tests.contract.distributions import Edge, Server
from tests.contract.pushed import closed_queue, open_queue, open_topic
from tests.contract.subjects import Subject, promise

SQS = "Amazon SQS Developer Guide, Available CloudWatch metrics for Amazon SQS"
DEAD_LETTERS = "Amazon SQS Developer Guide, Amazon SQS dead-letter queues"
SNS = "Amazon SNS Developer Guide, Monitoring Amazon SNS topics using CloudWatch"
CLOUDFRONT = "Amazon CloudFront Developer Guide, Monitor CloudFront metrics with Amazon CloudWatch"


@promise(SQS, "messages sent, received and deleted count for their queue")
def test_queue(aws: Subject) -> None:
    sqs = aws.client("sqs")
    url, other = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("q", "other"))
    sqs.send_message(QueueUrl=other, MessageBody="not counted for q")
    entries = [{"Id": str(number), "MessageBody": "hello"} for number in range(3)]
    sqs.send_message_batch(QueueUrl=url, Entries=entries)
    taken = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=taken[0]["ReceiptHandle"])
    names = ("NumberOfMessagesSent", "NumberOfMessagesReceived", "NumberOfMessagesDeleted")
    assert [aws.points("AWS/SQS", name, QueueName="q") for name in names] == [[3.0], [3.0], [1.0]]


@promise(DEAD_LETTERS, "a message that is moved there after too many receives does not count as sent")
def test_dead_letter_queue(aws: Subject) -> None:
    sqs, (dead, arn) = aws.client("sqs"), aws.queue("dead")
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "1"})
    url = sqs.create_queue(QueueName="q", Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "0"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    assert sqs.receive_message(QueueUrl=url)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    assert sqs.receive_message(QueueUrl=dead)["Messages"]
    assert aws.points("AWS/SQS", "NumberOfMessagesSent", QueueName="q") == [1.0]
    assert aws.points("AWS/SQS", "NumberOfMessagesSent", QueueName="dead") == []


@promise(SNS, "messages published, and notifications delivered and failed, count for their topic")
def test_topic(aws: Subject) -> None:
    sns, topic = aws.client("sns"), open_topic(aws)
    _, arn = open_queue(aws, "sns")
    for endpoint in (arn, closed_queue(aws)):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=endpoint)
    for _ in range(2):
        sns.publish(TopicArn=topic, Message="hello")
    names = ("NumberOfMessagesPublished", "NumberOfNotificationsDelivered", "NumberOfNotificationsFailed")
    assert [aws.points("AWS/SNS", name, TopicName="t") for name in names] == [[2.0], [2.0], [2.0]]


@promise(SQS, "an alarm can watch a queue's metrics")
def test_alarm(aws: Subject) -> None:
    sqs, cloudwatch = aws.client("sqs"), aws.client("cloudwatch")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    cloudwatch.put_metric_alarm(
        AlarmName="busy",
        Namespace="AWS/SQS",
        MetricName="NumberOfMessagesSent",
        Dimensions=[{"Name": "QueueName", "Value": "q"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=2,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )

    def ringing() -> bool:
        for _ in range(2):  # again and again: the period, here a second, may end between the two
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"n": 1}))
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=["busy"])["MetricAlarms"]
        return bool(alarm["StateValue"] == "ALARM")

    assert aws.wait(ringing, 20)


@promise(CLOUDFRONT, "requests and the rates of errors count for their distribution, in the Region us-east-1")
def test_distribution(aws: Subject) -> None:
    server = Server()
    try:
        edge = Edge(aws, server.origin())
        assert edge.get("/a").status == 200
        assert edge.get("/a", method="PUT").status == 403
    finally:
        server.stop()
    where = {"DistributionId": edge.id, "Region": "Global"}
    assert aws.points("AWS/CloudFront", "Requests", **where) == [2.0]
    assert aws.points("AWS/CloudFront", "4xxErrorRate", "Average", **where) == [50.0]
    assert aws.points("AWS/CloudFront", "5xxErrorRate", "Average", **where) == [0.0]
