"""What one program measures of one cloud, printed as a line of JSON: a process of its own, run by ``tools.bench``.

``python -m tools.bench.client`` starts the course's cloud in itself, as a notebook does; with ``--endpoint`` it
measures whatever answers there, through the same boto3 calls.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tools.bench import apis, events, traces, workflows

COLD, WARM, CALLS = 8, 300, 400
TRUST = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
}
SOURCE = "def handler(event, context):\n    return event\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint")
    parser.add_argument("--no-functions", action="store_true", help="this cloud runs functions in Docker only")
    options = parser.parse_args()
    figures: dict[str, float] = {}
    if options.endpoint:
        os.environ["AWS_ENDPOINT_URL"] = options.endpoint
    else:
        began = time.perf_counter()
        from helpers import cloud

        cloud.start()
        figures["ready"] = (time.perf_counter() - began) * 1000
    figures |= measure_tables() | measure_queues()
    if not options.no_functions:
        figures |= measure_functions()
        figures |= events.messages_per_second(client, function) | events.put_to_start(client, function)
        figures |= apis.requests_per_second(client, function)
        figures |= workflows.of_workflows(client)
    figures |= traces.of_traces(client)  # last: its 5,000 traces stay in the process that is measured
    print(json.dumps(figures), flush=True)


def client(service: str) -> Any:
    """Return a plain client that never retries (a retry would hide a failure in a long time) and adds to no host."""
    import boto3
    from botocore.config import Config

    return boto3.client(service, config=Config(retries={"total_max_attempts": 1}, inject_host_prefix=False))


def times(call: Callable[[int], Any], count: int) -> list[float]:
    """Return the milliseconds of each of ``count`` calls, after a few that are not counted."""
    for number in range(5):
        call(number)
    taken = []
    for number in range(count):
        began = time.perf_counter()
        call(number)
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def measure_tables() -> dict[str, float]:
    """DynamoDB: write and read small items."""
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName="books",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    item = {"title": {"S": "Serverless"}, "pages": {"N": "100"}}

    def put(number: int) -> None:
        dynamodb.put_item(TableName="books", Item={"id": {"S": str(number)}, **item})

    def get(number: int) -> None:
        assert dynamodb.get_item(TableName="books", Key={"id": {"S": str(number)}})["Item"]["pages"] == {"N": "100"}

    figures = {"put_item": statistics.median(times(put, CALLS)), "get_item": statistics.median(times(get, CALLS))}
    return figures | {"puts_per_second": rate(put), "gets_per_second": rate(get)}


def rate(call: Callable[[int], Any]) -> float:
    """Return how many calls a second eight threads make together."""
    with ThreadPoolExecutor(8) as threads:
        began = time.perf_counter()
        list(threads.map(call, range(CALLS)))
        return CALLS / (time.perf_counter() - began)


def measure_queues() -> dict[str, float]:
    """SQS: send to queues of a few messages, as one with a consumer is."""
    sqs = client("sqs")
    taken: list[float] = []
    for queue in range(CALLS // 10):
        url = sqs.create_queue(QueueName=f"work-{queue}")["QueueUrl"]
        taken += times(lambda number: sqs.send_message(QueueUrl=url, MessageBody=f"message {number}"), 10)  # noqa: B023
    return {"send_message": statistics.median(taken)}


def function(name: str, source: str, variables: dict[str, str] | None = None) -> str:
    """Create a function, wait until it is active, and return its ARN."""
    functions, archive = client("lambda"), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("app.py", source)
    made = functions.create_function(
        FunctionName=name, Runtime="python3.12", Handler="app.handler", Code={"ZipFile": archive.getvalue()},
        Role=client("iam").get_role(RoleName="worker")["Role"]["Arn"], Environment={"Variables": variables or {}},
    )  # fmt: skip
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    return str(made["FunctionArn"])


def measure_functions() -> dict[str, float]:
    """Lambda: the first call of new functions, then many calls of one."""
    functions = client("lambda")
    client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(TRUST))
    for number in range(COLD + 1):
        function(f"f{number}", SOURCE)

    def invoke(name: str) -> None:
        answer = functions.invoke(FunctionName=name, Payload=b'{"a": 1}')
        assert json.loads(answer["Payload"].read()) == {"a": 1}

    invoke(f"f{COLD}")
    cold = []
    for number in range(COLD):
        began = time.perf_counter()
        invoke(f"f{number}")
        cold.append((time.perf_counter() - began) * 1000)
    warm = sorted(times(lambda _: invoke("f0"), WARM))
    return {
        "cold": statistics.median(cold),
        "warm_p50": statistics.median(warm),
        "warm_p95": warm[int(len(warm) * 0.95)],
    }


if __name__ == "__main__":
    main()
