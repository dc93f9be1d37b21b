"""The lab architecture_big_data, and the chapter's own template: two right designs, wrong ones, wrong answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from helpers.teaching import deployments
from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT, read

FOLDER = PROJECT / "labs" / "23_architecture_big_data"
TASKS = ["lake", "clean", "poison", "table", "report", "gone"]
SPEED = 300


def parts() -> dict[str, str]:
    """Return the parts of the solution's template, as its answer cells write them."""
    found: dict[str, Any] = {}
    for cell in read(FOLDER / "solution.ipynb").cells:
        if "answer" in cell.metadata.get("tags", []) and '= """' in cell.source:
            exec(cell.source.partition("\nbikes.deploy")[0], found)
    return {name: text for name, text in found.items() if isinstance(text, str)}


PARTS = parts()
CHAPTER = (FOLDER / "template.yaml").read_text()
WRITER = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.13, Timeout: 20, MemorySize: 256, Handler: index.handler}
Resources:
  Stream: {Type: AWS::Kinesis::Stream, Properties: {StreamModeDetails: {StreamMode: ON_DEMAND}}}
  Lake: {Type: AWS::S3::Bucket}
  Writer:
    Type: AWS::Serverless::Function
    Properties:
      Environment: {Variables: {LAKE: !Ref Lake}}
      Policies: [{Statement: [{Effect: Allow, Action: s3:PutObject, Resource: !Sub "${Lake.Arn}/*"}]}]
      Events:
        Records:
          Type: Kinesis
          Properties:
            Stream: !GetAtt Stream.Arn
            StartingPosition: TRIM_HORIZON
            BatchSize: 1000
            MaximumBatchingWindowInSeconds: 60
      InlineCode: |
        import base64, gzip, json, os
        from datetime import datetime, timezone
        import boto3

        s3 = boto3.client("s3")

        def handler(event, context):
            good, name = {}, context.aws_request_id
            for record in event["Records"]:
                data = base64.b64decode(record["kinesis"]["data"])
                when = datetime.fromtimestamp(record["kinesis"]["approximateArrivalTimestamp"], timezone.utc)
                try:
                    count = json.loads(data)
                    line = json.dumps({key: count[key] for key in ("id", "bridge", "bikes")})
                    good.setdefault(f"{when:%Y-%m-%d}", []).append(line + "\\n")
                except (ValueError, KeyError):
                    number = record["kinesis"]["sequenceNumber"]
                    s3.put_object(Bucket=os.environ["LAKE"], Key=f"rejected/{name}-{number}", Body=data)
            for day, lines in good.items():
                key, body = f"counts/day={day}/{name}.gz", gzip.compress("".join(lines).encode())
                s3.put_object(Bucket=os.environ["LAKE"], Key=key, Body=body)
Outputs:
  Intake: {Value: !GetAtt Stream.Arn}
  Lake: {Value: !Ref Lake}
"""
"""The second design: no Firehose, no queue. A function writes the files, and a schedule asks for the report."""
SCHEDULED = """
Resources:
  Reports: {Type: AWS::S3::Bucket}
  Report:
    Type: AWS::Serverless::Function
    Properties:
      Environment: {Variables: {DATABASE: !Ref Catalog, REPORTS: !Ref Reports}}
      Policies:
        - Statement:
            - {Effect: Allow, Action: ["athena:*", glue:GetTable, s3:ListBucket], Resource: "*"}
            - {Effect: Allow, Action: s3:GetObject, Resource: !Sub "${Lake.Arn}/counts/*"}
            - {Effect: Allow, Action: [s3:GetObject, s3:PutObject], Resource: !Sub "${Reports.Arn}/*"}
      Events: {Often: {Type: Schedule, Properties: {Schedule: rate(10 minutes)}}}
      InlineCode: |
        import csv, io, os, time
        import boto3

        athena, s3, reports = boto3.client("athena"), boto3.client("s3"), os.environ["REPORTS"]

        def handler(event, context):
            days = {}
            query = "SELECT day, bridge, max(bikes) AS bikes FROM counts GROUP BY day, id, bridge"
            for row in ask(query):
                day = days.setdefault(row["day"], {})
                day[row["bridge"]] = day.get(row["bridge"], 0) + int(row["bikes"])
            for day, bridges in days.items():
                lines = ["bridge,bikes", *(f"{bridge},{bikes}" for bridge, bikes in bridges.items())]
                s3.put_object(Bucket=reports, Key=f"daily/{day}.csv", Body="\\n".join(lines).encode())

        def ask(query):
            place = {"OutputLocation": f"s3://{reports}/athena/"}
            where = {"Database": os.environ["DATABASE"]}
            started = athena.start_query_execution(
                QueryString=query, QueryExecutionContext=where, ResultConfiguration=place)["QueryExecutionId"]
            while True:
                time.sleep(0.2)
                status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
                if status["State"] == "SUCCEEDED":
                    body = s3.get_object(Bucket=reports, Key=f"athena/{started}.csv")["Body"].read().decode()
                    return list(csv.DictReader(io.StringIO(body)))
                if status["State"] == "FAILED":
                    raise RuntimeError(status["StateChangeReason"])
Outputs:
  Reports: {Value: !Ref Reports}
"""


class Learner:
    """Somebody who deploys templates: what a learner's cells would do, and the checks."""

    def __init__(self, bikes: Any, lab: Lab) -> None:
        self.bikes, self.lab = bikes, lab

    def deploy(self, *names: str, **changed: tuple[str, str]) -> None:
        """Deploy parts of the solution by their names, each with a text in it replaced."""
        texts = []
        for name in names:
            before, after = changed.get(name, ("", ""))
            assert before in PARTS[name], before
            texts.append(PARTS[name].replace(before, after) if before else PARTS[name])
        self.bikes.deploy(*texts)

    def fresh(self) -> None:
        """Begin anew, with an empty account."""
        deployments.remove(self.bikes.STACK)
        self.bikes.right_before.clear()

    def result(self, name: str) -> Result:
        return self.lab.run(name)

    def states(self) -> dict[str, str]:
        return {name: result.state for name, result in self.lab.results().items()}


@pytest.fixture(scope="module")
def learner() -> Iterator[Learner]:
    with open_lab(FOLDER, speed=SPEED, enforce_iam=True) as modules:
        yield Learner(modules["bikes"], modules["checks"].lab)


def with_part(*names: str, **changed: tuple[str, str]) -> Callable[[Learner], None]:
    """Return the answer that deploys these parts, one of them changed."""

    def deploy(learner: Learner) -> None:
        learner.deploy(*names, **changed)

    deploy.__name__ = "".join(c if c.isalnum() else "_" for c in next(iter(changed.values()))[1])[:30] or "left_out"
    return deploy


def may_not_write(learner: Learner) -> None:
    learner.fresh()
    learner.deploy(*LAKE, lake=("s3:PutObject", "s3:GetObject"))


def no_role_for_the_function(learner: Learner) -> None:
    learner.deploy(*CLEAN, wiring=("lambda:InvokeFunction", "lambda:GetFunction"))


def no_partition(learner: Learner) -> None:
    learner.deploy(*TABLE, table=("PartitionKeys: [{Name: day, Type: string}]", "PartitionKeys: []"))


def stack_by_hand(learner: Learner) -> None:
    learner.bikes.right_before.add("report")
    found = boto3.client("cloudformation").describe_stack_resources(StackName="bikes")["StackResources"]
    for one in found:
        if one["ResourceType"] == "AWS::S3::Bucket":
            boto3.resource("s3").Bucket(one["PhysicalResourceId"]).objects.delete()
    boto3.client("logs").create_log_group(logGroupName="/aws/lambda/left")
    boto3.client("cloudformation").delete_stack(StackName="bikes")
    boto3.client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName="bikes", WaiterConfig={"Delay": 1}
    )


def packages_left(learner: Learner) -> None:
    logs = boto3.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        logs.delete_log_group(logGroupName=group["logGroupName"])


LAKE, CLEAN = ("lake", "intake"), ("lake", "intake", "clean", "wiring")
TABLE = (*CLEAN, "table", "files")
REPORT = (*TABLE, "queue", "report", "rights")
READS = "SELECT DISTINCT id, bridge, bikes FROM"
WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("lake", may_not_write, "Firehose may not write into the bucket", "S3.AccessDenied"),
    (
        "lake",
        with_part(*LAKE, intake=("Prefix: counts/day=!{timestamp:yyyy-MM-dd}/\n        ErrorO", "ErrorO")),
        "Counts came, and lie in `YYYY/MM/DD/",
        "",
    ),
    ("lake", with_part(*LAKE, intake=("GZIP", "UNCOMPRESSED")), "The file is not compressed with GZIP", ""),
    ("clean", no_role_for_the_function, "All ten counts were rejected", "Access was denied"),
    (
        "clean",
        with_part(*CLEAN, clean=('{name: count[name] for name in ("id", "bridge", "bikes")}', "count")),
        "The address of a phone is in the lake",
        "",
    ),
    (
        "clean",
        with_part(*CLEAN, clean=('line.encode() + b"\\n"', "line.encode()")),
        "Several counts stand in one line",
        "",
    ),
    (
        "poison",
        with_part(*CLEAN, clean=("except (ValueError, KeyError, TypeError)", "except ZeroDivisionError")),
        "The three good counts that came together",
        "",
    ),
    ("poison", with_part(*CLEAN, clean=("ProcessingFailed", "Dropped")), "The broken message is nowhere", ""),
    ("poison", with_part(*CLEAN, clean=("ProcessingFailed", "Ok")), "The broken message stands among the counts", ""),
    (
        "poison",
        with_part(*CLEAN, intake=("rejected/!{firehose", "errors/!{firehose")),
        "The broken message is kept, but in `errors/processing-failed/`",
        "",
    ),
    ("table", with_part(*TABLE, files=("${Lake}/counts/", "${Lake}/")), "the table finds none of them", ""),
    ("table", with_part(*TABLE, files=("Type: int", "Type: string")), "could not run `SELECT sum(bikes)", "sum"),
    ("table", no_partition, "could not run `SELECT count(*) AS n FROM counts`", "day"),
    (
        "report",
        with_part(*REPORT, report=(READS, "SELECT id, bridge, bikes FROM")),
        "and the report has 13 bicycles, not 9",
        "",
    ),
    (
        "report",
        with_part(*REPORT, rights=("[s3:GetObject, s3:PutObject]", "s3:GetObject")),
        "The report says nothing of a bridge where 9 bicycles passed",
        "Access denied when writing",
    ),
    ("gone", stack_by_hand, "A log group is left", ""),
    ("gone", packages_left, "The account still has s3: `bikes-packages", ""),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own; they share one running cloud."""

    @pytest.fixture(autouse=True)
    def _empty_lake(self, learner: Learner) -> None:
        """What an earlier answer put into the lake is not held against the next one."""
        made = learner.bikes.outputs() or {}
        if "Lake" in made:
            boto3.resource("s3").Bucket(made["Lake"]).objects.delete()


def test_nothing_is_attempted_in_an_empty_account(learner: Learner) -> None:
    learner.fresh()
    assert set(learner.states().values()) == {"not attempted"}


def test_a_second_design_passes(learner: Learner) -> None:
    learner.fresh()
    learner.bikes.deploy(WRITER, PARTS["table"], PARTS["files"], SCHEDULED)
    states = learner.states()
    assert states == dict.fromkeys(TASKS, "right") | {"gone": "not attempted"}, learner.lab.results()
    wait_until_quiet()
    learner.fresh()
    assert deployments.left() == []


def wait_until_quiet() -> None:
    """Let the schedule fire no more, and what runs end."""
    events = boto3.client("events")
    for rule in events.list_rules()["Rules"]:
        events.disable_rule(Name=rule["Name"])


def test_the_chapters_template_does_not_pass_as_it_is(learner: Learner) -> None:
    learner.fresh()
    deployments.deploy_text(CHAPTER, FOLDER, learner.bikes.STACK)
    assert learner.result("lake").message == "The stack has no output `Intake`."
    named = CHAPTER.replace("Stream: {Value: !Ref Readings}", "Intake: {Value: !GetAtt Readings.Arn}")
    deployments.deploy_text(named, FOLDER, learner.bikes.STACK)
    assert "Counts came, and lie in `errors/processing-failed/" in learner.result("lake").message
    learner.fresh()
    assert deployments.left() == []


def test_a_lake_without_a_function_cannot_be_asked(learner: Learner) -> None:
    learner.fresh()
    learner.deploy(*LAKE, "table", "files")
    assert learner.states() == dict.fromkeys(TASKS, "not attempted") | {"lake": "right", "table": "wrong"}
    assert "and the table finds" in learner.result("table").message


def test_the_templates_pass_cfn_lint(learner: Learner) -> None:
    from cfnlint.api import lint  # slow to import, and only this test needs it

    solution = learner.bikes.together(*[PARTS[name] for name in REPORT])
    other = learner.bikes.together(WRITER, SCHEDULED, PARTS["table"], PARTS["files"])
    for text in (solution, other):
        assert [str(found) for found in lint(text, regions=["us-east-1"])] == []
