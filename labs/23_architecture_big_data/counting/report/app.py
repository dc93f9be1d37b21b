"""Asks Athena about each day of which new files arrived, and keeps the answer as ``daily/DAY.csv``.

The variables DATABASE, REPORTS (a bucket) and QUERY come from the template; ``DAY`` in the query is replaced.
"""

import json
import os
import time
from datetime import date
from urllib.parse import unquote_plus

import boto3

athena, s3 = boto3.client("athena"), boto3.client("s3")


def handler(event, context):
    for day in sorted(days_in(event)):
        result = ask(os.environ["QUERY"].replace("DAY", day))
        source = {"Bucket": os.environ["REPORTS"], "Key": result}
        s3.copy_object(Bucket=os.environ["REPORTS"], Key=f"daily/{day}.csv", CopySource=source)


def days_in(event):
    """Return the days of the files that S3's messages in SQS tell of; what is no date raises an error."""
    days = set()
    for message in event["Records"]:
        for told in json.loads(message["body"]).get("Records", []):  # S3's test message has none
            key = unquote_plus(told["s3"]["object"]["key"])
            days |= {part.removeprefix("day=") for part in key.split("/") if part.startswith("day=")}
    return {date.fromisoformat(day).isoformat() for day in days}


def ask(query):
    """Run a query, wait for its end, return the key of its result."""
    started = athena.start_query_execution(
        QueryString=query,
        QueryExecutionContext={"Database": os.environ["DATABASE"]},
        ResultConfiguration={"OutputLocation": f"s3://{os.environ['REPORTS']}/athena/"},
    )
    while True:
        time.sleep(0.2)
        found = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]
        if found["Status"]["State"] == "SUCCEEDED":
            return f"athena/{started['QueryExecutionId']}.csv"
        if found["Status"]["State"] in ("FAILED", "CANCELLED"):
            raise RuntimeError(found["Status"].get("StateChangeReason"))
