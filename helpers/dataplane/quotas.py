"""Service quotas: the limits of an account that AWS raises or lowers for each account.

Defaults are AWS's for an established account in us-east-1 ("Lambda quotas", Lambda Developer Guide). A new account
starts lower, and a lesson may too: ``cloud.start(quotas={"lambda.concurrent_executions": 5})``.

Where they differ: on AWS at least 100 of the concurrency stay unreserved, so an account with a limit of 100 or less can
reserve nothing ("Configuring reserved concurrency"). Here such an account keeps a tenth of its limit, unless told.
"""

from __future__ import annotations

from collections.abc import Mapping

DEFAULTS: dict[str, int] = {
    "lambda.concurrent_executions": 1000,
    "lambda.unreserved_concurrency_minimum": 100,
    "lambda.scaling_rate": 1000,
    "apigateway.requests_per_second": 10_000,
    "apigateway.burst": 5_000,
    "apigateway.new_connections_per_second": 500,
    "codedeploy.lifecycle_event_seconds": 3_600,
    "dynamodb.partition_read_units": 3_000,
    "dynamodb.partition_write_units": 1_000,
    "kinesis.shard_records_per_second": 1_000,
    "kinesis.shard_bytes_per_second": 1_048_576,
}
"""``lambda.scaling_rate``: new environments every 10 seconds, for each function. API Gateway's are those of
"Amazon API Gateway quotas" (API Gateway Developer Guide). CodeDeploy's is how long a hook may take to answer
("CodeDeploy limits", CodeDeploy User Guide). DynamoDB's are what one partition
serves in a second ("Best practices for designing partition keys", DynamoDB Developer Guide). Kinesis's are what one
shard takes ("Quotas and limits", Kinesis Data Streams Developer Guide)."""


def with_defaults(changes: Mapping[str, int] | None) -> dict[str, int]:
    """Return all quotas with ``changes`` applied.

    Raises
    ------
    ValueError
        A quota that does not exist, or a value that is not a whole number of at least 0.
    """
    quotas = dict(DEFAULTS)
    for name, value in (changes or {}).items():
        if name not in quotas:
            raise ValueError(f"there is no quota named {name!r}; the quotas are: {', '.join(sorted(quotas))}")
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError(f"the quota {name} is {value!r}: it must be a whole number, 0 or more")
        quotas[name] = value
    if "lambda.unreserved_concurrency_minimum" not in (changes or {}):
        small = quotas["lambda.concurrent_executions"] // 10
        quotas["lambda.unreserved_concurrency_minimum"] = min(100, small)
    return quotas
