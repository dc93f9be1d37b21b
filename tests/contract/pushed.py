"""What the tests of pushed events share: a function that writes down its events, and permission to call it."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.subjects import Subject

KEEP = "import json\ndef handler(event, context): print('event', json.dumps(event))"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def keeper(aws: Subject, service: str = "", source_arn: str = "", name: str = "f") -> str:
    """Create a function that writes down its events; let ``service`` call it, if one is named. Return its ARN."""
    client = aws.function(KEEP, name)
    if service:
        allow(aws, service, source_arn, name)
    return str(client.get_function(FunctionName=name)["Configuration"]["FunctionArn"])


def allow(aws: Subject, service: str, source_arn: str = "", name: str = "f") -> None:
    """Let an AWS service call the function, on behalf of ``source_arn`` only if it is given."""
    condition = {"SourceArn": source_arn} if source_arn else {}
    aws.client("lambda").add_permission(
        FunctionName=name,
        StatementId=f"from-{service}",
        Action="lambda:InvokeFunction",
        Principal=f"{service}.amazonaws.com",
        **condition,
    )


def kept(aws: Subject, name: str = "f") -> list[Any]:
    """Return the events that the function has written down."""
    return [json.loads(line.removeprefix("event ")) for line in aws.logged(name) if line.startswith("event ")]


def first(aws: Subject, name: str = "f", seconds: float = 20) -> Any:
    """Wait for the function's first event and return it."""
    return aws.wait(lambda: kept(aws, name), seconds)[0]


def open_queue(aws: Subject, *services: str, name: str = "q") -> tuple[str, str]:
    """Create a queue to which AWS services may send; return its URL and its ARN."""
    url, arn = aws.queue(name)
    principals = [f"{service}.amazonaws.com" for service in services]
    statement = {"Effect": "Allow", "Principal": {"Service": principals}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url, arn


def closed_queue(aws: Subject, name: str = "closed") -> str:
    """Create a queue to which no service may send; return its ARN."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


def open_topic(aws: Subject, *services: str, name: str = "t") -> str:
    """Create a topic to which AWS services may publish; return its ARN."""
    sns = aws.client("sns")
    arn = str(sns.create_topic(Name=name)["TopicArn"])
    principals = [f"{service}.amazonaws.com" for service in services]
    statement = {"Effect": "Allow", "Principal": {"Service": principals}, "Action": "sns:Publish", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    return arn


def scheduler_role(aws: Subject) -> str:
    """Create a role that EventBridge Scheduler may assume; return its ARN."""
    iam = aws.client("iam")
    return str(iam.create_role(RoleName="schedules", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"])
