"""What Athena promises about queries over files in S3."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.contract.subjects import Subject, promise, refused

GUIDE = "Amazon Athena User Guide"
RUN = f"{GUIDE}, Run SQL queries in Amazon Athena"
OUTPUT = f"{GUIDE}, Find query output files in Amazon S3"
PARTITIONS = f"{GUIDE}, Partition your data"
PROJECTION = f"{GUIDE}, Use partition projection with Amazon Athena"
JSON = f"{GUIDE}, JSON SerDe libraries"
ACCESS = f"{GUIDE}, Control access to Amazon S3 from Athena"
API = "Amazon Athena API Reference, StartQueryExecution"


def catalog(aws: Subject, **settings: Any) -> None:
    """Create two buckets, and a table over JSON files with a folder for each day."""
    for bucket in ("lake", "out"):
        aws.client("s3").create_bucket(Bucket=bucket)
    glue = aws.client("glue")
    glue.create_database(DatabaseInput={"Name": "cold"})
    columns = [{"Name": "shop", "Type": "string"}, {"Name": "celsius", "Type": "double"}]
    place = {
        "Location": "s3://lake/readings/",
        "Columns": columns,
        "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
    }
    table = {
        "Name": "readings",
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [{"Name": "day", "Type": "string"}],
        "Parameters": {"projection.enabled": "true", "projection.day.type": "date"},
        "StorageDescriptor": place,
        **settings,
    }
    glue.create_table(DatabaseName="cold", TableInput=table)


def file(aws: Subject, day: str, *values: float, zipped: bool = False) -> int:
    """Write a file with a reading of shop A for each value; return its size."""
    text = "".join(json.dumps({"shop": "A", "celsius": value}) + "\n" for value in values).encode()
    body = gzip.compress(text) if zipped else text
    key = f"readings/day={day}/{len(values)}{'.gz' if zipped else ''}"
    aws.client("s3").put_object(Bucket="lake", Key=key, Body=body)
    return len(body)


def ended(client: Any, identifier: str) -> dict[str, Any] | None:
    """Return a query execution, if it has ended."""
    query = client.get_query_execution(QueryExecutionId=identifier)["QueryExecution"]
    return dict(query) if query["Status"]["State"] in ("SUCCEEDED", "FAILED") else None


def ask(aws: Subject, text: str, client: Any = None) -> dict[str, Any]:
    """Run a query; return its execution when it has ended."""
    client = client or aws.client("athena")
    identifier = client.start_query_execution(
        QueryString=text,
        QueryExecutionContext={"Database": "cold"},
        ResultConfiguration={"OutputLocation": "s3://out/results/"},
    )["QueryExecutionId"]
    return dict(aws.wait(lambda: ended(client, identifier), seconds=20))


def rows(aws: Subject, text: str) -> list[list[str | None]]:
    """Run a query; return the rows of its result, the names of the columns first."""
    query = ask(aws, text)
    assert query["Status"]["State"] == "SUCCEEDED", query["Status"]
    result = aws.client("athena").get_query_results(QueryExecutionId=query["QueryExecutionId"])["ResultSet"]
    return [[one.get("VarCharValue") for one in row["Data"]] for row in result["Rows"]]


@promise(RUN, "a SELECT reads the files of a table, and GetQueryResults gives names and values as text")
def test_select(aws: Subject) -> None:
    catalog(aws)
    file(aws, "2026-11-20", 1, 2, 3)
    found = rows(aws, "SELECT shop, count(*) AS readings, avg(celsius) AS mean FROM readings GROUP BY shop")
    assert found == [["shop", "readings", "mean"], ["A", "3", "2.0"]]


@promise(JSON, "files may be compressed with GZIP")
def test_gzip(aws: Subject) -> None:
    catalog(aws)
    file(aws, "2026-11-20", 1, 2, zipped=True)
    assert rows(aws, "SELECT max(celsius) AS top FROM cold.readings") == [["top"], ["2.0"]]


@promise(OUTPUT, "the result is a CSV file with the query's id in the output location, each value in quotes")
def test_output(aws: Subject) -> None:
    catalog(aws)
    query = ask(aws, "SELECT 'a\"b' AS one, NULL AS two, true AS three")
    identifier = query["QueryExecutionId"]
    assert query["ResultConfiguration"]["OutputLocation"] == f"s3://out/results/{identifier}.csv"
    body = aws.client("s3").get_object(Bucket="out", Key=f"results/{identifier}.csv")["Body"].read()
    assert body == b'"one","two","three"\n"a""b",,"true"\n'


@promise(API, "without an output location a query is refused")
def test_no_output(aws: Subject) -> None:
    with refused("InvalidRequestException", "No output location provided"):
        aws.client("athena").start_query_execution(QueryString="SELECT 1")


@promise(PARTITIONS, "a filter on a partition column keeps the other folders from being read")
def test_partitions(aws: Subject) -> None:
    catalog(aws)
    first, second = file(aws, "2026-11-20", *range(100)), file(aws, "2026-11-21", *range(50))

    def scanned(condition: str) -> int:
        query = ask(aws, f"SELECT count(*) AS n FROM readings WHERE {condition}")
        return int(query["Statistics"]["DataScannedInBytes"])

    assert scanned("celsius > 10") == first + second
    assert scanned("day = '2026-11-21' AND celsius > 10") == second
    assert scanned("day < '2026-11-21'") == first
    assert scanned("day = '2026-11-22'") == 0


@promise(PROJECTION, "with projection a new folder is found without being registered")
def test_projection(aws: Subject) -> None:
    catalog(aws)
    file(aws, "2026-11-20", 1)
    assert rows(aws, "SELECT day FROM readings") == [["day"], ["2026-11-20"]]
    file(aws, "2026-11-21", 1)
    assert rows(aws, "SELECT day FROM readings ORDER BY day") == [["day"], ["2026-11-20"], ["2026-11-21"]]
    aws.client("s3").put_object(Bucket="lake", Key="readings/more/day=2026-11-22/x", Body=b'{"shop": "A"}')
    assert len(rows(aws, "SELECT day FROM readings")) == 3


@promise(JSON, "a line that is no JSON object fails the query")
def test_bad_line(aws: Subject) -> None:
    catalog(aws)
    aws.client("s3").put_object(Bucket="lake", Key="readings/day=2026-11-20/x", Body=b'{"shop": "A"}\noops\n')
    status = ask(aws, "SELECT * FROM readings")["Status"]
    assert status["State"] == "FAILED"
    assert status["StateChangeReason"].startswith("HIVE_CURSOR_ERROR: Row is not a valid JSON Object")


@promise(RUN, "a query that cannot run ends as FAILED with its reason, and has no result")
@pytest.mark.parametrize(
    ("text", "reason"), [("SELECT * FROM nothing", "TABLE_NOT_FOUND"), ("SELEC 1", "SYNTAX_ERROR")]
)
def test_failed(aws: Subject, text: str, reason: str) -> None:
    catalog(aws)
    query = ask(aws, text)
    assert query["Status"]["StateChangeReason"].startswith(reason)
    with refused("InvalidRequestException"):
        aws.client("athena").get_query_results(QueryExecutionId=query["QueryExecutionId"])


ASKS = """
import time, boto3
def handler(event, context):
    client = boto3.client("athena")
    started = client.start_query_execution(
        QueryString="SELECT count(*) AS n FROM readings", QueryExecutionContext={"Database": "cold"},
        ResultConfiguration={"OutputLocation": "s3://out/"})
    for _ in range(100):
        query = client.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]
        if query["Status"]["State"] in ("SUCCEEDED", "FAILED"):
            return query["Status"].get("StateChangeReason", "")
        time.sleep(0.1)
"""


@promise(ACCESS, "a query reads tables and files, and writes its result, with the permissions of its caller")
@pytest.mark.cloud(enforce_iam=True)
def test_permissions(aws: Subject) -> None:
    catalog(aws)
    file(aws, "2026-11-20", 1)
    statements: list[dict[str, Any]] = []
    role = aws.role("worker")
    aws.function(ASKS, Role=role, Timeout=20)
    for actions, reason in [
        (["athena:StartQueryExecution", "athena:GetQueryExecution"], "glue:GetTable"),
        (["glue:GetTable"], "Permission denied on S3 path: s3://lake/readings/"),
        (["s3:ListBucket", "s3:GetObject"], "Access denied when writing"),
        (["s3:PutObject"], ""),
    ]:
        statements.append({"Effect": "Allow", "Action": actions, "Resource": "*"})
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        aws.client("iam").put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=document)
        assert reason in aws.call().payload
    assert aws.client("s3").list_objects_v2(Bucket="out")["KeyCount"] == 1
