"""The lines of a bill: what is counted, in which unit, at which price, and how much of it is free each month."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.dataplane.record import Use
from helpers.teaching import prices
from helpers.teaching.prices import HOURS_A_MONTH, Price

_PER = {"million": 1_000_000, "thousand": 1000, "10,000": 10_000}
_S3_WRITES = ("Put", "Copy", "Post", "List", "Create", "Upload", "Complete")
_METRIC_REQUESTS = frozenset({"GetMetricData", "GetMetricStatistics", "ListMetrics", "PutMetricData", "PutDashboard"})


@dataclass(frozen=True)
class Rate:
    """A line of the bill.

    ``free`` is in the line's unit. What is counted comes in uses, bytes or hours; ``divisor`` of these make a unit.
    """

    service: str
    what: str
    unit: str
    price: Price
    free: float = 0
    pool: str = ""
    """Lines with the same one have what is free together."""
    divisor: int = 1

    @property
    def per(self) -> str:
        """What the price is for, as the bill writes it."""
        return self.price.unit.split()[0]

    @property
    def units_a_price(self) -> int:
        """How many units have that price."""
        return _PER.get(self.per, 1)


_GB = 10**9
_GB_MONTH = _GB * HOURS_A_MONTH

RATES = {
    "lambda": Rate("lambda", "invocations", "requests", prices.REQUESTS, prices.FREE_REQUESTS),
    "lambda provisioned": Rate("lambda", "invocations, provisioned", "requests", prices.REQUESTS),
    "kept x86_64": Rate("lambda", "provisioned concurrency, x86_64", "GB-s", prices.PROVISIONED_IDLE["x86_64"]),
    "kept arm64": Rate("lambda", "provisioned concurrency, arm64", "GB-s", prices.PROVISIONED_IDLE["arm64"]),
    "REST requests": Rate("apigateway", "REST APIs", "requests", prices.REST_REQUESTS),
    "HTTP requests": Rate("apigateway", "HTTP APIs", "requests", prices.HTTP_REQUESTS),
    "WebSocket messages": Rate("apigateway", "WebSocket APIs", "messages", prices.WEBSOCKET_MESSAGES),
    "open connections": Rate("apigateway", "open connections", "minutes", prices.CONNECTION_MINUTES),
    **{
        f"caches {size}": Rate("apigateway", f"cache of {size} GB", "hours", price)
        for size, price in prices.API_CACHE.items()
    },
    "write request units": Rate("dynamodb", "writes, on demand", "request units", prices.WRITE_REQUESTS),
    "read request units": Rate("dynamodb", "reads, on demand", "request units", prices.READ_REQUESTS),
    "write capacity": Rate(
        "dynamodb", "write capacity", "unit-hours", prices.WRITE_CAPACITY, prices.FREE_CAPACITY_UNITS * HOURS_A_MONTH
    ),
    "read capacity": Rate(
        "dynamodb", "read capacity", "unit-hours", prices.READ_CAPACITY, prices.FREE_CAPACITY_UNITS * HOURS_A_MONTH
    ),
    "dynamodb stored bytes": Rate(
        "dynamodb", "storage", "GB-months", prices.TABLE_STORAGE, prices.FREE_TABLE_GB, divisor=_GB_MONTH
    ),
    "stream reads": Rate("dynamodbstreams", "GetRecords", "requests", prices.STREAM_READS),
    **{f"nodes {kind}": Rate("dax", f"nodes, {kind}", "hours", price) for kind, price in prices.NODES.items()},
    "s3 writes": Rate("s3", "PUT, COPY, POST, LIST", "requests", prices.S3_WRITES),
    "s3 reads": Rate("s3", "GET and all other", "requests", prices.S3_READS),
    "s3 stored bytes": Rate("s3", "storage", "GB-months", prices.OBJECT_STORAGE, divisor=_GB_MONTH),
    "sqs": Rate("sqs", "standard queues", "requests", prices.QUEUE_REQUESTS, prices.FREE_QUEUE_REQUESTS, "sqs"),
    "sqs fifo": Rate("sqs", "FIFO queues", "requests", prices.FIFO_REQUESTS, prices.FREE_QUEUE_REQUESTS, "sqs"),
    "polls of an idle queue": Rate(
        "sqs", "Lambda's polls, idle", "requests", prices.QUEUE_REQUESTS, prices.FREE_QUEUE_REQUESTS, "sqs"
    ),
    "polls of an idle queue fifo": Rate(
        "sqs", "Lambda's polls, idle, FIFO", "requests", prices.FIFO_REQUESTS, prices.FREE_QUEUE_REQUESTS, "sqs"
    ),
    "sns": Rate("sns", "topics", "requests", prices.TOPIC_REQUESTS, prices.FREE_TOPIC_REQUESTS),
    "mails": Rate("ses", "mails sent", "mails", prices.MAILS),
    "custom events": Rate("events", "custom events", "events", prices.EVENTS),
    "scheduler": Rate("scheduler", "schedules", "invocations", prices.SCHEDULES, prices.FREE_SCHEDULES),
    "put units": Rate("kinesis", "records put", "payload units", prices.PUT_UNITS),
    "shards": Rate("kinesis", "shards", "hours", prices.SHARDS),
    "streams on demand": Rate("kinesis", "streams on demand", "hours", prices.STREAMS_ON_DEMAND),
    "kinesis bytes in": Rate("kinesis", "data put, on demand", "GB", prices.STREAM_DATA_IN, divisor=_GB),
    "state transitions": Rate(
        "stepfunctions", "standard workflows", "transitions", prices.TRANSITIONS, prices.FREE_TRANSITIONS
    ),
    "express executions": Rate("stepfunctions", "express workflows", "executions", prices.EXPRESS_REQUESTS),
    **{
        f"active users {tier}": Rate(
            "cognito-idp",
            f"active users, {tier.title()}",
            "users",
            price,
            prices.FREE_USERS * (tier != "PLUS"),
            "users" * (tier != "PLUS"),
        )
        for tier, price in prices.USERS.items()
    },
    "secretsmanager": Rate("secretsmanager", "secrets", "requests", prices.SECRET_REQUESTS),
    "stored secrets": Rate("secretsmanager", "secrets kept", "months", prices.SECRET, divisor=HOURS_A_MONTH),
    "kms": Rate("kms", "keys", "requests", prices.KEY_REQUESTS, prices.FREE_KEY_REQUESTS),
    "keys": Rate("kms", "keys kept", "months", prices.KEY, divisor=HOURS_A_MONTH),
    "cloudfront requests": Rate(
        "cloudfront", "HTTPS requests", "requests", prices.EDGE_REQUESTS, prices.FREE_EDGE_REQUESTS
    ),
    "cloudfront bytes": Rate("cloudfront", "data to viewers", "GB", prices.EDGE_DATA, prices.FREE_EDGE_GB, divisor=_GB),
    "functions": Rate("cloudfront", "CloudFront Functions", "runs", prices.EDGE_FUNCTIONS, prices.FREE_EDGE_FUNCTIONS),
    "lambda@edge": Rate("cloudfront", "Lambda@Edge", "runs", prices.EDGE_LAMBDA_REQUESTS),
    "traces recorded": Rate("xray", "traces recorded", "traces", prices.TRACES, prices.FREE_TRACES),
    "alarms standard": Rate(
        "cloudwatch", "alarms", "months", prices.ALARMS["standard"], prices.FREE_ALARMS, divisor=HOURS_A_MONTH
    ),
    "alarms high resolution": Rate(
        "cloudwatch", "alarms, high resolution", "months", prices.ALARMS["high resolution"], divisor=HOURS_A_MONTH
    ),
    "custom metrics": Rate(
        "cloudwatch", "custom metrics", "months", prices.CUSTOM_METRICS, prices.FREE_METRICS, divisor=HOURS_A_MONTH
    ),
    "cloudwatch": Rate("cloudwatch", "metrics", "requests", prices.METRIC_REQUESTS, prices.FREE_METRIC_REQUESTS),
    "logs bytes": Rate("logs", "data taken in", "GB", prices.LOG_DATA, prices.FREE_LOG_GB, "logs", _GB),
    "logs stored bytes": Rate("logs", "storage", "GB-months", prices.LOG_STORAGE, divisor=_GB_MONTH),
    "transfer bytes": Rate("transfer", "to the internet", "GB", prices.TRANSFER, prices.FREE_TRANSFER_GB, divisor=_GB),
}
"""The lines but those of durations, in the order of the bill."""

FREE = frozenset(
    {"acm", "apigateway", "apigatewaymanagementapi", "apigatewayv2", "application-autoscaling", "cloudcontrol"}
    | {"cloudformation", "cloudfront", "cloudwatch", "codedeploy", "cognito-identity", "cognito-idp", "dax", "dynamodb"}
    | {"events", "iam", "kinesis", "lambda", "lambda@edge", "logs", "s3", "scheduler", "ses", "sesv2", "stepfunctions"}
    | {"sts", "xray"}
)
"""Services whose calls cost nothing, but what is on a line of its own."""


def line_of(use: Use) -> str:
    """Return under which name ``RATES`` has what was used or kept; one that it has not for all else."""
    service, what, detail = use.service, use.what, use.detail
    if what in ("bytes", "stored bytes", "bytes in") or (service, what) == ("cloudfront", "requests"):
        return f"{service} {what}"
    if what in ("caches", "nodes", "active users", "alarms", "polls of an idle queue"):
        return f"{what} {detail}".strip()
    if what == "provisioned concurrency":
        return f"kept {detail.split()[2]}"
    if what == "invocations" and service in ("lambda", "lambda@edge", "scheduler"):
        return f"{service} provisioned" if detail.endswith("provisioned") else service
    if service == "s3":
        return "free" if what.startswith("Delete") else f"s3 {'writes' if what.startswith(_S3_WRITES) else 'reads'}"
    if service == "cloudwatch" and what in _METRIC_REQUESTS:
        return service
    if (service, what) == ("dynamodbstreams", "GetRecords"):
        return "stream reads"
    if service in ("sqs", "sns", "secretsmanager", "kms") and what not in RATES:
        return f"{service} {detail}".strip()
    return what
