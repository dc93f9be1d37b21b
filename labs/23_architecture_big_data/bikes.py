"""The city's bicycle counters, and what a lab's cells need: deploy, send counts, look into the lake, ask Athena.

Read this file if you like; no answer is in it.
"""

from __future__ import annotations

import base64
import csv
import gzip
import io
import itertools
import json
import secrets
import time
from pathlib import Path
from typing import Any

import boto3

from helpers.teaching import deployments
from helpers.teaching.deployments import together

STACK, LONGEST_SECONDS = "bikes", 8
BRIDGES = ("Iron Bridge", "Old Weir", "Ferry Steps")
right_before: set[str] = set()
"""The tasks that were right while the stack was there."""
_numbers = itertools.count(1)


def deploy(*parts: str) -> None:
    """Deploy the parts of a template as the stack ``bikes``: what a later part says is added, or takes its place."""
    try:
        made = deployments.deploy_text(together(*parts), Path(__file__).parent, STACK)
        print(f"Stack {STACK}: there, with the outputs {', '.join(sorted(made)) or 'none'}.")
    except (deployments.DeploymentFailed, ValueError) as error:
        print(f"Stack {STACK}: {error}")


def outputs() -> dict[str, str] | None:
    """Return the outputs of the stack, or None where there is no such stack."""
    return deployments.outputs(STACK)


def count(bridge: str, bikes: int) -> dict[str, Any]:
    """Return what a counter sends: ``mac`` is the address of a phone that passed."""
    return {"id": f"c-{next(_numbers)}", "bridge": bridge, "bikes": bikes, "mac": f"02:00:{secrets.token_hex(2)}"}


def send(messages: list[dict[str, Any] | bytes]) -> None:
    """Send messages to the stack's Intake, a Firehose stream or a Kinesis data stream, in one call.

    Raises
    ------
    ValueError
        The stack has no Intake, or it is neither.
    """
    arn = (outputs() or {}).get("Intake", "")
    data = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in messages]
    name = arn.rpartition("/")[2]
    if arn.startswith("arn:aws:firehose:"):
        boto3.client("firehose").put_record_batch(DeliveryStreamName=name, Records=[{"Data": one} for one in data])
    elif arn.startswith("arn:aws:kinesis:"):
        records = [{"Data": one, "PartitionKey": str(number)} for number, one in enumerate(data)]
        boto3.client("kinesis").put_records(StreamName=name, Records=records)
    else:
        raise ValueError(f"the output Intake is {arn or 'missing'}: counters send to the ARN of one of two services")


def files(bucket: str, prefix: str = "") -> dict[str, str]:
    """Return the texts of the files in a bucket of the stack, by key; what an error file quotes stands in it too."""
    s3, name = boto3.client("s3"), (outputs() or {})[bucket]
    found = {}
    for one in s3.list_objects_v2(Bucket=name, Prefix=prefix).get("Contents", []):
        body = s3.get_object(Bucket=name, Key=one["Key"])["Body"].read()
        found[one["Key"]] = (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode(errors="replace")
    return {key: text + _quoted(text) for key, text in found.items()}


def _quoted(text: str) -> str:
    """Return the raw data that an error file holds in base64."""
    quoted = []
    for line in text.splitlines():
        if line.startswith('{"attemptsMade"'):
            quoted.append(base64.b64decode(json.loads(line)["rawData"]).decode(errors="replace"))
    return "".join(quoted)


def ask(query: str) -> tuple[list[list[str | None]], int]:
    """Run a query in the stack's Database; return the rows, as texts, and how many bytes Athena read.

    Raises
    ------
    ValueError
        Athena could not run it; the message is Athena's.
    """
    athena, made = boto3.client("athena"), outputs() or {}
    place = {"OutputLocation": f"s3://{made['Lake']}/queries/"}
    where = {"Database": made["Database"]}
    started = athena.start_query_execution(QueryString=query, QueryExecutionContext=where, ResultConfiguration=place)
    identifier, deadline = started["QueryExecutionId"], time.monotonic() + LONGEST_SECONDS
    while (found := athena.get_query_execution(QueryExecutionId=identifier)["QueryExecution"])["Status"]["State"] in (
        "QUEUED", "RUNNING",
    ):  # fmt: skip
        if time.monotonic() > deadline:
            raise ValueError(f"the query is {found['Status']['State']} since {LONGEST_SECONDS} s")
        time.sleep(0.02)
    if found["Status"]["State"] != "SUCCEEDED":
        raise ValueError(found["Status"]["StateChangeReason"])
    rows = athena.get_query_results(QueryExecutionId=identifier)["ResultSet"]["Rows"][1:]
    values = [[one.get("VarCharValue") for one in row["Data"]] for row in rows]
    return values, found["Statistics"]["DataScannedInBytes"]


def reported(bridge: str) -> int | None:
    """Return how many bicycles the reports of all days have for a bridge; None while none knows it."""
    tables = [csv.DictReader(io.StringIO(text)) for text in files("Reports", "daily/").values()]
    found = [int(row["bikes"]) for table in tables for row in table if row.get("bridge") == bridge]
    return sum(found) if found else None
