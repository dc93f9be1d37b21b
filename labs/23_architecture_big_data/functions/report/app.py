"""Writes the report of each day of which new files arrived."""

import json
import os
import time
from datetime import date
from urllib.parse import unquote_plus

import boto3

athena, s3 = boto3.client("athena"), boto3.client("s3")
BUCKET = os.environ["REPORTS"]
QUERY = """
SELECT shop, count(*) AS readings, round(avg(celsius), 2) AS mean, max(celsius) AS warmest,
       sum(CASE WHEN celsius > 8 THEN 1 ELSE 0 END) AS too_warm
FROM readings WHERE day = '{day}' GROUP BY shop ORDER BY shop
"""


def handler(event, context):
    for day in sorted(days_in(event)):
        result = ask(QUERY.format(day=day))
        # the same name each time: a message that comes twice does no harm
        s3.copy_object(Bucket=BUCKET, Key=f"by-shop/{day}.csv", CopySource={"Bucket": BUCKET, "Key": result})
        print("report of", day)


def days_in(event):
    """Return the days of the files that S3 tells of; what is no date raises an error."""
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
        ResultConfiguration={"OutputLocation": f"s3://{BUCKET}/athena/"},
    )
    while True:
        time.sleep(0.2)
        found = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]
        if found["Status"]["State"] == "SUCCEEDED":
            return f"athena/{started['QueryExecutionId']}.csv"
        if found["Status"]["State"] in ("FAILED", "CANCELLED"):
            raise RuntimeError(found["Status"].get("StateChangeReason"))
