"""What people call the services: the names that drawings and tables show."""

from __future__ import annotations

import re
from collections.abc import Sequence

from helpers.dataplane.record import Entry
from helpers.teaching.output import without_ids

_SERVICES = {
    "anonymous": "Someone without keys",
    "apigateway": "API Gateway",
    "apigatewaymanagementapi": "API Gateway",
    "apigatewayv2": "API Gateway",
    "application-autoscaling": "Auto Scaling",
    "client": "Client",
    "athena": "Athena",
    "cloudformation": "CloudFormation",
    "cloudfront": "CloudFront",
    "cloudwatch": "CloudWatch",
    "codedeploy": "CodeDeploy",
    "codepipeline": "CodePipeline",
    "cognito-identity": "Cognito identity pools",
    "cognito-idp": "Cognito",
    "dax": "DAX",
    "dynamodb": "DynamoDB",
    "dynamodbstreams": "DynamoDB Streams",
    "ec2": "EC2",
    "ecs": "ECS",
    "elasticache": "ElastiCache",
    "elbv2": "Load balancer",
    "events": "EventBridge",
    "execute-api": "API Gateway",
    "firehose": "Firehose",
    "glue": "Glue",
    "iam": "IAM",
    "kinesis": "Kinesis",
    "kms": "KMS",
    "lambda": "Lambda",
    "logs": "CloudWatch Logs",
    "rds": "RDS",
    "route53": "Route 53",
    "s3": "S3",
    "scheduler": "EventBridge Scheduler",
    "secretsmanager": "Secrets Manager",
    "servicediscovery": "Cloud Map",
    "ses": "SES",
    "sesv2": "SES",
    "sns": "SNS",
    "sqs": "SQS",
    "ssm": "Systems Manager",
    "states": "Step Functions",
    "stepfunctions": "Step Functions",
    "sts": "STS",
    "transfer": "Data transfer",
    "xray": "X-Ray",
    "you": "You",
}
_POLLS = frozenset({"ReceiveMessage", "GetRecords", "GetShardIterator", "DescribeStream", "ListShards"})
_FAMILY = re.compile(r"(function|role|user) ")


def of(actor: str) -> str:
    """Return the name of a person, service or function as it is drawn: ``dynamodb`` is ``DynamoDB``."""
    return _SERVICES.get(actor, without_ids(actor))


def is_service(actor: str) -> bool:
    """Return whether ``actor`` is an AWS service, rather than you, a role or a function."""
    return actor not in ("you", "anonymous", "client") and not _FAMILY.match(actor)


def is_poll(entry: Entry) -> bool:
    """Return whether this is a service that asks a queue or a stream for news: how often it asks means nothing."""
    return entry.kind == "call" and is_service(entry.source) and entry.action in _POLLS


def function_of(entry: Entry) -> str:
    """Return the name of the function that an invocation ran."""
    return entry.subject or entry.target.removeprefix("function ")


def count(number: int, one: str, many: str = "") -> str:
    """Return ``1 call``, ``2 calls``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def listed(parts: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
