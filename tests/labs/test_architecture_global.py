"""The lab architecture_global: two right designs pass, wrong ones fail with their reason, and nothing stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from samtranslator.yaml_helper import yaml_parse

from helpers.teaching import deployments
from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, lab_modules, open_lab
from tools.notebook_files import PROJECT, read

FOLDER = PROJECT / "labs" / "20_architecture_global"
TASKS = ["board", "reports", "conflict", "mail", "pictures", "outage"]
SPEED = 60
Change = tuple[str, str]


def answers() -> dict[str, Any]:
    """Return what the solution's answer cells name: the parts of its template, and its functions."""
    with lab_modules(FOLDER) as modules:
        found: dict[str, Any] = {"coast": modules["coast"]}
        for cell in read(FOLDER / "solution.ipynb").cells:
            if "answer" in cell.metadata.get("tags", []):
                exec(cell.source.partition("\ncoast.deploy")[0], found)
    return found


SOLUTION = answers()
PARTS: list[str] = [*SOLUTION["parts"], SOLUTION["outage"]]
REPORTS, ALERT = str(SOLUTION["reports"]), str(SOLUTION["alert"])


class Learner:
    """Somebody who deploys designs: what a learner's cells would do, and the checks."""

    def __init__(self, coast: Any, lab: Lab) -> None:
        self.coast, self.lab = coast, lab
        self.deployed: Callable[[Learner], None] | None = None

    def deploy(self, *changes: Change, more: str = "") -> None:
        """Deploy the solution with texts replaced, in the template or in a function, and with one more part."""
        texts = [*PARTS, REPORTS, ALERT]
        for before, after in changes:
            assert sum(before in text for text in texts) == 1, before
            texts = [text.replace(before, after) for text in texts]
        *parts, reports, alert = texts
        self.coast.deploy(*parts, *([more] if more else []), reports=reports, alert=alert)

    def result(self, task: str) -> Result:
        return self.lab.run(task)

    def states(self) -> dict[str, Result]:
        return self.lab.results()

    def again(self) -> None:
        """Begin anew: the keys of a table cannot be changed."""
        for region in reversed(self.coast.REGIONS):
            deployments.remove(self.coast.STACK, region=region)


@pytest.fixture(scope="module")
def learner() -> Iterator[Learner]:
    with open_lab(FOLDER, speed=SPEED, enforce_iam=True) as modules:
        modules["coast"].open_coast()
        yield Learner(modules["coast"], modules["checks"].lab)


def design(*changes: Change, name: str, more: str = "") -> Callable[[Learner], None]:
    """Return an answer: the solution with something else in it, deployed once for all tasks that it gets wrong."""

    def answer(learner: Learner) -> None:
        if learner.deployed is not answer:
            learner.deploy(*changes, more=more)
        learner.deployed = answer

    answer.__name__ = name
    return answer


POLICY = """
Resources:
  Site: {Properties: {PublicAccessBlockConfiguration: {BlockPublicPolicy: false, RestrictPublicBuckets: false}}}
  SitePolicy:
    Properties:
      PolicyDocument:
        Statement:
          - {Effect: Allow, Principal: PRINCIPAL, Action: "s3:GetObject", Resource: !Sub "${Site.Arn}/PATH"}
"""
FOR_ALL = POLICY.replace("PRINCIPAL", '"*"').replace("PATH", "*")
PHOTOS = POLICY.replace("PRINCIPAL", "{Service: cloudfront.amazonaws.com}").replace("PATH", "photos/*")
ITEM = '{**item, "region": os.environ["AWS_REGION"]}'
ONE_ITEM = '{**item, "office": "any", "region": os.environ["AWS_REGION"]}'
PUT = f"    table.put_item(Item={ITEM})"
HIGHEST = f"""    old = table.query(KeyConditionExpression=Key("harbour").eq(given["harbour"]))["Items"]
    if not [one for one in old if one["office"] == given["office"] and one["level"] > given["level"]]:
        table.put_item(Item={ITEM})"""
OWN, ANY = '"region": {"S": ["${AWS::Region}"]}', '"region": {"S": [{"exists": true}]}'
HERE = """
Resources:
  SenderIdentity: {Condition: IsFirst}
"""
ONLY_FIRST = """
Resources:
  Edge: {Properties: {DistributionConfig: {DefaultCacheBehavior: {TargetOriginId: site-1}}}}
"""
ONCE = '__import__("botocore").config.Config(retries={"total_max_attempts": 1})'
HOME_TABLE = f'boto3.resource("dynamodb", "us-east-1", config={ONCE})'
CARELESS = design(
    ("<= 12:", "<= 20:"), (PUT, HIGHEST), (">= 8:", ">= 1:"), ('{LARGEST: "200"}', '{LARGEST: "320"}'),
    ("/api/reports/*\n", "/api/posts/*\n"), name="careless", more=FOR_ALL,
)  # fmt: skip
HASTY = design(
    ("  Distribution: {Condition: HasEdge, Value: !Ref Edge}\n", ""),
    ('type(given.get("level")) is not int or not', "not"), (ITEM, ONE_ITEM), ('["INSERT", "MODIFY"]', '["INSERT"]'),
    name="hasty",
)  # fmt: skip
NARROW = design(
    ("[dynamodb:PutItem, dynamodb:Query]", "dynamodb:PutItem"),
    ("{Quantity: 4, Items: [403, 500, 503, 504]}", "{Quantity: 2, Items: [500, 503]}"), name="narrow",
    more=deployments.together(PHOTOS, HERE),
)  # fmt: skip
TWICE = design((OWN, ANY), name="twice", more=ONLY_FIRST)
FAR = design(
    ('boto3.resource("dynamodb")', HOME_TABLE), ("dynamodb:${AWS::Region}:", "dynamodb:us-east-1:"), name="far_table"
)
WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("board", CARELESS, "gives the page to anybody who asks it", ""),
    ("reports", CARELESS, "reports the level 13, and the API answers 201", ""),
    ("conflict", CARELESS, "now reports 2, `west` 4", ""),
    ("mail", CARELESS, "a mail about a report below level 8", ""),
    ("pictures", CARELESS, "has 320 pixels, not 200", ""),
    ("outage", CARELESS, "a harbour's level, and gets 403", ""),
    ("board", HASTY, "has no output `Distribution`", ""),
    ("reports", HASTY, "reports the level 'strong', and the API answers 500", ""),
    ("conflict", HASTY, "and a storm is forgotten", ""),
    ("mail", HASTY, "about a report that was raised", ""),
    ("board", NARROW, "asks CloudFront for it gets 403", "AccessDenied"),
    ("reports", NARROW, "for a harbour, and gets 500 without a `level`", ""),
    ("mail", NARROW, "about a report of level 10 in eu-west-1", ""),
    ("pictures", NARROW, "a picture that was uploaded in eu-west-1", "CloudFront answers 403"),
    ("mail", TWICE, "got 2 mails about one report", ""),
    ("outage", TWICE, "a page that no cache has, and gets 503", ""),
    ("outage", FAR, "a harbour's level, and gets 500", ""),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


def test_the_solution_passes(learner: Learner) -> None:
    learner.deploy()
    results = learner.states()
    assert {task: result.state for task, result in results.items()} == dict.fromkeys(TASKS, "right"), results


OTHER_API = """
Parameters: {Desk: {Type: String}}
Resources:
  Api: {Type: AWS::Serverless::Api, Properties: {StageName: v1}}
  ReportsFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/reports
      Environment: {Variables: {SENDER: !Ref Sender, DESK: !Ref Desk}}
      Policies:
        - Statement:
            - Effect: Allow
              Action: [dynamodb:PutItem, dynamodb:Scan]
              Resource: !Sub "arn:aws:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${AWS::StackName}-posts"
            - {Effect: Allow, Action: ses:SendEmail, Resource: "*"}
      Events:
        Report: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /api/reports, Method: post}}
        Ask: {Type: Api, Properties: {RestApiId: !Ref Api, Path: "/api/reports/{harbour}", Method: get}}
Outputs:
  Url: {Value: !Sub "https://${Api}.execute-api.${AWS::Region}.amazonaws.com/v1"}
  Table: {Value: !Sub "${AWS::StackName}-posts"}
  Site: {Value: !Ref Site}
  Uploads: {Value: !Ref Uploads}
  Distribution: {Condition: HasEdge, Value: !Ref Edge}
"""
OTHER_PICTURES = """
Resources:
  ThumbnailFunction:
    Properties:
      CodeUri: functions/both
      Environment: {Variables: {OTHER: !Ref OtherSite}}
      Policies:
        - Statement:
            - {Effect: Allow, Action: s3:GetObject, Resource: "*"}
            - {Effect: Allow, Action: s3:PutObject, Resource: !Sub "arn:aws:s3:::${AWS::StackName}-site-*/photos/*"}
"""
OTHER_REPORTS = """
import json, os, boto3
table, ses = boto3.resource("dynamodb").Table(os.environ["TABLE"]), boto3.client("sesv2")

def handler(event, context):
    if event["pathParameters"]:
        place = event["pathParameters"]["harbour"]
        levels = [int(one["level"]) for one in table.scan()["Items"] if one["id"].split("/")[0] == place]
        return {"statusCode": 200, "body": json.dumps({"level": max(levels or [0])})}
    given = json.loads(event["body"])
    if given["level"] not in range(13):
        return {"statusCode": 400, "body": "{}"}
    table.put_item(Item={"id": given["harbour"] + "/" + given["office"], "level": given["level"]})
    if given["level"] > 7:
        words = {"Data": "Storm: " + given["harbour"]}
        ses.send_email(FromEmailAddress=os.environ["SENDER"], Destination={"ToAddresses": [os.environ["DESK"]]},
                       Content={"Simple": {"Subject": words, "Body": {"Text": words}}})
    return {"statusCode": 200, "body": "{}"}
"""
BOTH = """
import io, os, boto3
from PIL import Image
s3 = boto3.client("s3")

def handler(event, context):
    for record in event["Records"]:
        key = record["s3"]["object"]["key"]
        got = s3.get_object(Bucket=record["s3"]["bucket"]["name"], Key=key)["Body"].read()
        picture, small = Image.open(io.BytesIO(got)), io.BytesIO()
        picture.thumbnail((200, 200))
        picture.save(small, "JPEG")
        for site in (os.environ["SITE"], os.environ["OTHER"]):
            s3.put_object(Bucket=site, Key="photos/" + key, Body=small.getvalue())
"""


def test_another_right_design_passes(learner: Learner) -> None:
    """REST APIs with a stage, a table with one key, mails without a stream, and each picture in both buckets."""
    learner.again()
    names = ("Site", "SitePolicy", "OriginAccess", "Edge", "Posts", "SenderIdentity", "Uploads", "ThumbnailFunction")
    basis = yaml_parse(learner.coast.from_chapter(*names).replace("/api/posts/*", "/api/reports/*"))
    for origin in basis["Resources"]["Edge"]["Properties"]["DistributionConfig"]["Origins"]:
        if origin["Id"].startswith("api"):
            origin["OriginPath"] = "/v1"
    learner.coast.deploy(yaml.safe_dump(basis), OTHER_API, OTHER_PICTURES, reports=OTHER_REPORTS, both=BOTH)
    results = learner.states()
    assert {task: result.state for task, result in results.items()} == dict.fromkeys(TASKS, "right"), results


def test_two_tables_that_know_nothing_of_each_other_are_no_design(learner: Learner) -> None:
    learner.again()
    basis = yaml_parse(PARTS[0])
    posts = basis["Resources"]["Posts"]
    posts["Type"] = "AWS::DynamoDB::Table"
    del posts["Condition"], posts["Properties"]["Replicas"]
    either, own = "!If [IsFirst, !GetAtt Posts.StreamArn, !Ref TableStream]", "!GetAtt Posts.StreamArn"
    parts = [part.replace(either, own) for part in PARTS[1:]]
    learner.coast.deploy(yaml.safe_dump(basis), *parts, reports=REPORTS, alert=ALERT)
    assert "not both Regions tell it" in learner.result("reports").message


def test_the_chapter_s_template_does_not_pass_and_everything_can_be_removed(learner: Learner) -> None:
    learner.again()
    learner.coast.deploy((FOLDER / "template.yaml").read_text())
    results = learner.states()
    assert "right" not in {result.state for result in results.values()}
    assert "has no output `Url`" in results["reports"].message
    learner.coast.close()
    assert deployments.left(learner.coast.REGIONS) == []


def test_the_chapter_s_template_passes_cfn_lint() -> None:
    from cfnlint.api import lint  # slow to import, and only this test needs it

    found = lint((FOLDER / "template.yaml").read_text(), regions=["us-east-1", "eu-west-1"])
    assert [str(one) for one in found] == []
